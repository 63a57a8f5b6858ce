"""The stores that this machine reaches by itself: SQLite and Postgres, and what every store does alike."""
