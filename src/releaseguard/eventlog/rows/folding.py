"""Joins similar rows as they arrive. Pure, in memory that grows with the differences and not with the rows."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from datetime import datetime
from functools import lru_cache
from itertools import compress
from typing import Any, Final

from releaseguard.eventlog.rows.decode import Moment, Row
from releaseguard.eventlog.rows.labels import deployment_in
from releaseguard_events.stores.table import COLUMNS

TOLD_APART: Final = frozenset({"provider", "event", "outcome", "environment", "release", "source", "synthetic"})
"""The columns besides time and detail in which joined rows must be equal."""
_IS_TOLD: Final = [column in TOLD_APART for column in COLUMNS]
_AT, _DETAIL = COLUMNS.index("occurred_at"), COLUMNS.index("detail")

_deployment_in = lru_cache(maxsize=1024)(deployment_in)


class Folding:
    """The rows of one question with ``RowQuestion.alike``: similar rows joined, separately for the periods that
    ``moments`` end."""

    def __init__(self, moments: Sequence[datetime], moment: Moment) -> None:
        self._moments = sorted(moments)
        self._moment = moment
        self._folded: dict[tuple[Any, ...], tuple[Row, list[int]]] = {}

    def takes(self, row: Row, many: int = 1) -> bool:
        """Whether the row, which represents ``many`` rows, is joined with others; otherwise it is returned by
        itself."""
        at, detail = self._moment(row[_AT]), row[_DETAIL]
        deployment = _deployment_in(detail) if isinstance(detail, str | None) else None
        if at is None or deployment is None:
            return False
        same = (*compress(row, _IS_TOLD), deployment, bisect_right(self._moments, at))
        try:
            _, number = self._folded.setdefault(same, (row, [0]))
        except TypeError:  # an app's own column may hold a list
            return False
        number[0] += many
        return True

    def together(self) -> Iterator[tuple[int, Row]]:
        """The joined rows, each after the number of rows that it represents."""
        return ((many, row) for row, [many] in self._folded.values())
