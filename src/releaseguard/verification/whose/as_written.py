"""Finds single rows that are written differently from how they are meant, and says what they mean. Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from releaseguard.eventlog.counts import MinuteCount
from releaseguard.model import Event
from releaseguard.stats.completeness import FAR_AHEAD
from releaseguard.verification.values import Misread, judged_from
from releaseguard.verification.whose.as_read import Spelling
from releaseguard.verification.whose.members import Members, Owner
from releaseguard.verification.whose.tags import release_in


@dataclass(frozen=True, slots=True, kw_only=True)
class AsWritten:
    """How to find the rows of a window that are written differently from how they are meant, and what they mean."""

    spelling: Spelling = field(default_factory=lambda: Spelling({}, {}))
    names: Mapping[str, Sequence[str]] = field(default_factory=dict)
    """Provider or event -> its other names in the rows."""
    clocks_are_off: bool = False
    """Whether rows claim another time than the window in which the log learned of them."""
    lived_before: bool = False
    """Whether old rows of the release may be from an earlier life."""

    def all_of(self, names: Sequence[str]) -> Sequence[str]:
        """The names, together with their other names."""
        return list(dict.fromkeys(one for name in names for one in (name, *self.names.get(name, ()))))

    def meant(self, row: Event, members: Members) -> Event:
        """A row as it counts."""
        provider, event = self.spelling.of(row.provider, row.event) if self.names else (row.provider, row.event)
        release = release_in(row.release)
        if (provider, event, release) != (row.provider, row.event, row.release):
            row = replace(row, provider=provider, event=event, release=release)
        learned = row.recorded_at
        if learned is None or not self.clocks_are_off or not self._is_off(row, learned, members):
            return row
        return replace(row, occurred_at=learned)

    def _is_off(self, row: Event, learned: datetime, members: Members) -> bool:
        live = judged_from(members.deployment)
        if row.occurred_at - learned > FAR_AHEAD:
            return True
        is_ours = row.occurred_at < live <= learned and members.of_row(row) is Owner.OURS
        return is_ours and not self.lived_before


def as_written(rows: Sequence[MinuteCount], found: Misread, spelling: Spelling, *, lived_before: bool) -> AsWritten:
    """For the rows of a window, with ``found`` saying what is written differently from how it is meant."""
    names: dict[str, set[str]] = defaultdict(set)
    written = {(row.provider, row.event) for row in rows} if found.spelled else set()
    for one in written:
        for name, meant in zip(one, spelling.of(*one), strict=True):
            if name != meant:
                names[meant].add(name)
    return AsWritten(
        spelling=spelling,
        names={meant: sorted(named) for meant, named in names.items()},
        clocks_are_off=bool(found.ahead or found.behind),
        lived_before=lived_before,
    )
