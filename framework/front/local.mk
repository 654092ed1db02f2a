# framework/front
