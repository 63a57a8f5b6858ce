"""The gate's record on a project, as a replay with planted harms wrote it into the log. Pure."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from releaseguard.model import Event
from releaseguard.report.backtest.shown import RecordRow

MEASURED = "gate_measured"
MOST_RECORDS = 5
"""Rows among which the newest that can be read is looked for."""


def newest_record(rows: Iterable[Event]) -> RecordRow | None:
    """The first of the rows, newest first, that is one; what has not its fields is not believed."""
    for row in rows:
        try:
            return msgspec.convert(row.detail.get("record"), RecordRow)
        except msgspec.ValidationError:
            continue
    return None
