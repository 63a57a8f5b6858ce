"""OpenBao: a second vault."""
