"""Supabase: where the functions' secrets are written, what the functions logged, and an event log behind REST."""
