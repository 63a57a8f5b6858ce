"""The log's counted rows once clocks and spellings are understood, and what was corrected. Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass
from datetime import timedelta
from itertools import chain
from typing import Protocol, TypeVar

from msgspec import structs

from releaseguard.cards.strangers import told_apart
from releaseguard.eventlog.counts import MinuteCount
from releaseguard.eventlog.hours import HourCount, SettledHour
from releaseguard.stats.series import LOOKBACK
from releaseguard.verification.values import Misread
from releaseguard.verification.whose.as_read import Spelling, as_read, hours_as_read, misread
from releaseguard.verification.whose.as_written import AsWritten, as_written
from releaseguard.verification.whose.behind import CountedTraffic, at_their_recording, has_lived_before, is_behind
from releaseguard.verification.whose.members import Members, Owner

Counts = TypeVar("Counts", HourCount, SettledHour, MinuteCount)


@dataclass(frozen=True, slots=True, kw_only=True)
class Heard:
    """The rows of one deployment as they count."""

    past: Sequence[HourCount]
    """Rows that are only ever a baseline."""
    rows: Sequence[MinuteCount]
    written: Sequence[MinuteCount]
    """The rows as they are written, including those from hours before that the log learned of since."""
    late: Sequence[MinuteCount]
    """Rows from hours before that the log learned of since and that count for their own time, since nothing says whose
    clock is behind."""
    day_before: Sequence[MinuteCount]
    """The same hours of the day before, by the minute; also in ``past``."""
    settled: Sequence[SettledHour]
    """What happened around the deployment before it was live, by the hour."""
    day_before_settled: Sequence[SettledHour]
    """The same of ``day_before``."""
    spelling: Spelling
    lived_before: bool
    """Whether the release served here before, so that old rows may be from then."""
    providers: Mapping[str, Set[str]]
    """Event -> its provider."""

    def misread(self, members: Members) -> Misread:
        """What is read differently from how it is written."""
        return misread(self.written, self.spelling, members, lived_before=self.lived_before)

    def as_written(self, members: Members) -> AsWritten:
        """How to find the single rows behind them."""
        return as_written(self.written, self.misread(members), self.spelling, lived_before=self.lived_before)


def heard(counted: CountedTraffic, members: Members, spelling: Spelling, lead: timedelta) -> Heard:
    """The rows as they count; ``lead`` is how long before its mark the release may have served."""
    lived = has_lived_before(counted, members, lead)
    known = at_their_recording(counted, members, lived_before=lived)
    # Without a life before, what carries the release there is of a clock that is behind, and counted at its recording.
    usual = (hour for hour in counted.past if lived or members.of_tag(hour.release) is not Owner.OURS)
    every_past, every_row = list(hours_as_read(usual, spelling)), list(as_read(known, spelling))
    few = _few(chain(every_past, counted.settled), every_row, spelling)
    past, rows, settled = few(every_past), few(every_row), few(counted.settled)
    return Heard(
        past=past,
        rows=rows,
        written=[*counted.rows, *counted.behind],
        late=few(_late(counted, members, lived=lived)),
        day_before=few(as_read(counted.day_before, spelling)),
        settled=settled,
        day_before_settled=few(counted.day_before_settled),
        spelling=spelling,
        lived_before=lived,
        providers=_providers(chain(past, rows, settled)),
    )


class _Few(Protocol):
    def __call__(self, counts: Iterable[Counts], /) -> Sequence[Counts]: ...


def _few(hours: Iterable[HourCount], rows: Iterable[MinuteCount], spelling: Spelling) -> _Few:
    """Joins the smaller ones of very many providers that no card names, in counts of any kind."""
    counted = chain(((one.provider, sum(one.counts)) for one in hours), ((one.provider, one.count) for one in rows))
    named = told_apart(counted, {*spelling.providers.values()})

    def few(counts: Iterable[Counts], /) -> Sequence[Counts]:
        if named is None:
            return counts if isinstance(counts, list) else list(counts)
        return [structs.replace(one, provider=named(one.provider)) for one in counts]

    return few


def _providers(rows: Iterable[HourCount | MinuteCount]) -> Mapping[str, Set[str]]:
    found: defaultdict[str, set[str]] = defaultdict(set)
    for row in rows:
        found[row.event].add(row.provider)
    return found


def _late(counted: CountedTraffic, members: Members, *, lived: bool) -> Iterator[MinuteCount]:
    """The old rows that stay at their stated time."""
    deployed = members.deployment.deployed_at
    first = deployed - timedelta(minutes=LOOKBACK)
    for row in chain(counted.rows, counted.behind):
        is_old = row.occurred_minute < first and is_behind(row, deployed)
        if is_old and not row.synthetic and (lived or members.of_tag(row.release) is not Owner.OURS):
            yield row
