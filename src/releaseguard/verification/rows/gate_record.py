"""The gate's record on a project, as a replay with planted harms wrote it into the log. Pure."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from releaseguard.model import Event
from releaseguard.report.backtest.shown import RecordRow

MEASURED = "gate_measured"
MOST_RECORDS = 5
"""The number of rows among which the newest readable record is searched for."""


def newest_record(rows: Iterable[Event]) -> RecordRow | None:
    """The first of the rows, newest first, that is a complete record; ``None`` without one."""
    for row in rows:
        try:
            return msgspec.convert(row.detail.get("record"), RecordRow)
        except msgspec.ValidationError:
            continue
    return None
