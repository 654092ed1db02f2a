# modules/action
