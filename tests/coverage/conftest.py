from __future__ import annotations

collect_ignore = ["app"]
"""An app to be searched, with tests of its own."""
