# framework/obs
