"""The app's own database, for invariants: read-only, bounded in time and rows, and never shown."""

from __future__ import annotations

from releaseguard.appdb.database import MOST_ROWS, AppDatabase

__all__ = ["MOST_ROWS", "AppDatabase"]
