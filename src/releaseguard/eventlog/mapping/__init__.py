"""An app's own table of events in SQL: our columns there, the view for REST, and which rule named what."""
