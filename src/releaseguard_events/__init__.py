"""Writes integration events from inside an app: to SQLite, Postgres or Supabase, with nothing but Python needed."""
