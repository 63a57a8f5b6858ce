"""Source of two languages, read into one small tree; from here on no language is known."""
