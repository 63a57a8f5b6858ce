"""An app's own table of events as SQL: what our columns are there, the view for REST, and which rule took what."""
