# modules/rbl
