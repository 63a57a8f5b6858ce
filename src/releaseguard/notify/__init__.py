"""Telling others what happened, once each, over one webhook; what was told is remembered in the event log."""
