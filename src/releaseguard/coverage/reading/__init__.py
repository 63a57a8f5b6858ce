"""The files of an app, found, chosen and read into the small tree."""
