# modules/greylist
