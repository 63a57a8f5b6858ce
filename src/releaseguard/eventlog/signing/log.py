"""An event log that signs our own rows when it writes them and checks them when it reads them.

From the first validly signed row on (by ``recorded_at``, the store's clock), a row of ours without a valid signature is
not believed: :meth:`SignedLog.select` leaves it out, :meth:`SignedLog.judged` returns it with the reason. Which row is
the first is kept in a row of its own (``signing_began``, one for each key), so that one small query finds it.

Without a key nothing is signed and everything is believed, as in a plain log; but a log with signed rows then accepts
no row of ours, since whoever has the key would not believe it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import datetime
from itertools import islice
from typing import TYPE_CHECKING
from uuid import UUID

from releaseguard.errors import Failed, Refused
from releaseguard.eventlog.counts import MinuteCount
from releaseguard.eventlog.hours import HourCount
from releaseguard.eventlog.interface import (
    Changes,
    CountsOfEach,
    EventLog,
    Judged,
    Query,
    RowAnswer,
    RowQuestion,
    SetAside,
)
from releaseguard.eventlog.rows import filters
from releaseguard.eventlog.signing.keys import FORMER, MAKE_ONE, VARIABLE, Keyring, key_named_by
from releaseguard.eventlog.watching import Watch, unwatched
from releaseguard.model import OURSELVES, Event, Outcome, Remark, deterministic_id, to_text, utc_now
from releaseguard_events.ours import DROPPED, SIGNING_BEGAN

if TYPE_CHECKING:
    from releaseguard.eventlog.mapping.shares import RuleShares

_BEGINNINGS = Query(providers=(OURSELVES,), events=(SIGNING_BEGAN,))


class SignedLog(EventLog):
    """Another log, with signatures on our own rows. ``tell`` is called with what a reader must know, once."""

    def __init__(self, log: EventLog, keys: Keyring | None, tell: Callable[[str], None] = lambda _: None) -> None:
        self._log = log
        self._keys = keys
        self._tell = tell
        self._told: set[str] = set()
        self._began: datetime | None = None
        self._asked = False
        """Whether ``_began`` is known."""
        self._there: Sequence[Event] | None = None
        """The rows that say since when keys sign, as of the last questions that were asked together."""
        self._may_write = False
        """Whether it is known that a row of ours that is written here will be believed."""
        self.label = log.label
        self.capabilities = log.capabilities

    def append(self, events: Sequence[Event]) -> None:
        signed = self._signed(events)
        self._log.append(signed)
        if self._keys is not None:
            self._refuse_to_lose(self._keys, [event.id for event in signed if _is_signed_kind(event)])

    def _refuse_to_lose(self, keys: Keyring, ids: Sequence[UUID]) -> None:
        """Raise where an id is taken: the store would leave that row as it is, and where it is somebody else's, ours
        would not be written."""
        for row in self._log.select(Query(ids=ids)) if ids else ():
            if not keys.has_signed(row):
                raise Failed(
                    f"the row {row.id} stands where this one would ({row.event[:80]}), and is not signed",
                    where=self.label,
                    next_step="See: releaseguard audit show. Another time (--at) makes another row.",
                )

    def restore(self, events: Iterable[Event], *, beside_others: bool = False) -> int:
        """Restore the rows unchanged: whoever recorded them has signed them, or nobody has."""
        return self._log.restore(events, beside_others=beside_others)

    def append_exclusively(self, events: Sequence[Event]) -> Sequence[Event]:
        return self._log.append_exclusively(self._signed(events))

    def _signed(self, events: Sequence[Event]) -> Sequence[Event]:
        first = next((event for event in events if _is_signed_kind(event)), None)
        if first is None:
            return events
        if not self._may_write:
            self._make_sure(first)
        if self._keys is None:
            return events
        return [self._keys.signed(event) if _is_signed_kind(event) else event for event in events]

    def _make_sure(self, first: Event) -> None:
        """Check, once, that whoever has the key will believe what is written, and that the log says since when it is
        signed."""
        if self._keys is None:
            self._refuse_where_signed(first)
        else:
            self._begin(self._keys, first)
        self._may_write = True

    def _refuse_where_signed(self, first: Event) -> None:
        """Raise for a row that whoever has the key would not believe."""
        beginnings = list(self._beginnings()) if self._there is None else self._there
        signed = next((row for row in beginnings if key_named_by(row)), None)
        signed = signed or next((row for row in self._before(first) if key_named_by(row)), None)
        if signed is not None:
            raise Refused(
                f"the log's own rows have been signed since {to_text(signed.recorded_at or signed.occurred_at)} (row "
                f"{signed.id}), and {VARIABLE} is not set: what this run writes would not be believed",
                where=VARIABLE,
                next_step=f"Set {VARIABLE} to the key that the others have. If nobody ever set one, that row is "
                f"forged: set a key, and only what it signs counts from then on. {MAKE_ONE}",
            )

    def _begin(self, keys: Keyring, first: Event) -> None:
        """Record, before the first row signed with this key, that it signs from here on."""
        there = list(self._beginnings())
        if not any(keys.has_signed(row) for row in there):
            self._refuse_another_key(keys, first)
        row = _beginning(keys.current.id, first.environment)
        if row.id not in {one.id for one in there}:
            self._log.append([keys.signed(row)])
            self._asked = False

    def _refuse_another_key(self, keys: Keyring, first: Event) -> None:
        """Raise where another key has signed the step to be followed: no key held here has signed anything yet, and two
        keys would make two histories."""
        named = next((named for row in self._before(first) if (named := key_named_by(row))), None)
        if named is not None and named not in {key.id for key in keys.keys}:
            raise Refused(
                f"the history of {first.detail.get('lane')} is signed with the key {named}, which none of those "
                f"set here is ({', '.join(key.id for key in keys.keys)})",
                where=VARIABLE,
                next_step=f"Set {VARIABLE} to that key; or, where it was replaced by this one, set {FORMER} to it.",
            )

    def _before(self, step: Event) -> Iterator[Event]:
        """The step that ``step`` follows, where it belongs to a chain."""
        previous, chain_key = step.detail.get("previous"), step.detail.get("lane")
        if isinstance(previous, str) and isinstance(chain_key, str):
            yield from self._log.select(Query(providers=(OURSELVES,), detail={"lane": chain_key, "hash": previous}))

    def select(self, query: Query) -> Iterator[Event]:
        _, wants_ours = filters.concerns(query)
        if not wants_ours:
            yield from self._log.select(query)
        elif self._keys is None or query.limit is None:
            yield from self._believed(self._log.select(query))
        else:
            yield from self._first(query, query.limit)

    def _first(self, query: Query, limit: int) -> Iterator[Event]:
        """The first ``limit`` believed rows; asks for more as often as rows were left out."""
        asked = limit
        while True:
            found = list(self._log.select(replace(query, limit=asked)))
            believed = list(self._believed(found))
            if len(believed) >= limit or len(found) < asked:
                yield from islice(believed, limit)
                return
            asked *= 2

    def _believed(self, events: Iterable[Event]) -> Iterator[Event]:
        for event, doubt in self._judge(events):
            if doubt is None:
                yield event
            else:
                self._say(
                    "foreign",
                    f"A row of releaseguard's own is not believed ({event.event[:80]}, row {event.id}: {doubt}). "
                    "All of them: releaseguard audit show.",
                )

    def judged(self, query: Query) -> Iterator[Judged]:
        return self._judge(self._log.select(query))

    def _judge(self, events: Iterable[Event]) -> Iterator[Judged]:
        for event in events:
            yield event, self._doubt(event) if _is_signed_kind(event) else None

    def _doubt(self, event: Event) -> str | None:
        if self._keys is None:
            if key_named_by(event):
                self._say(
                    "unverified", f"Rows of releaseguard's own are signed; without {VARIABLE} nobody checks that."
                )
            return None
        if self._keys.has_signed(event):
            return None
        began = self._since(self._keys)
        if began is None or (event.recorded_at or event.occurred_at) < began:
            return None
        if "signature" in event.detail:
            return "its signature is not of a key that is held here"
        return f"it is not signed, and rows of ours have been since {to_text(began)}"

    def _since(self, keys: Keyring) -> datetime | None:
        """When the first validly signed row was recorded; ``None`` where there is none."""
        if not self._asked:
            signed = [row for row in self._beginnings() if keys.has_signed(row)]
            # Somebody may have taken the rows that say it away: then all of ours are looked through, once.
            signed = signed or [row for row in self._log.select(Query(providers=(OURSELVES,))) if keys.has_signed(row)]
            self._began = min((row.recorded_at or row.occurred_at for row in signed), default=None)
            self._asked = True
        return self._began

    def _beginnings(self) -> Iterator[Event]:
        return self._log.select(_BEGINNINGS)

    def _say(self, what: str, text: str) -> None:
        if what not in self._told:
            self._told.add(what)
            self._tell(text)

    def set_aside(self, query: Query) -> Iterator[SetAside]:
        return self._log.set_aside(query)

    def answers(self, questions: Sequence[RowQuestion]) -> Iterator[RowAnswer]:
        """As :meth:`select` and :meth:`judged`, with one question to the log. Where rows of ours are limited in number,
        a signed log is asked for more, since some may have to be left out."""
        apart = {number for number, one in enumerate(questions) if self._asks_for_more(one)}
        together = [number for number in range(len(questions)) if number not in apart]
        asked_too = [questions[number] for number in together] + [RowQuestion(query=_BEGINNINGS)]
        there: list[Event] = []
        for answer in self._log.answers(asked_too):
            if answer.question < len(together):
                asked = together[answer.question]
                yield from self._answer_of(questions[asked], answer._replace(question=asked))
            elif isinstance(answer.row, Event):
                there.append(answer.row)
        self._there = there
        for asked in apart:
            yield from (RowAnswer(asked, row) for row in self.select(questions[asked].query))

    def _asks_for_more(self, question: RowQuestion) -> bool:
        _, wants_ours = filters.concerns(question.query)
        limited = question.query.limit is not None and not (question.judged or question.unreadable)
        return self._keys is not None and wants_ours and limited

    def _answer_of(self, question: RowQuestion, answer: RowAnswer) -> Iterator[RowAnswer]:
        row = answer.row
        if isinstance(row, SetAside):
            yield answer
        elif question.judged:
            yield from (answer._replace(doubt=doubt) for _, doubt in self._judge([row]))
        else:
            yield from (answer for _ in self._believed([row]))

    def counts_of_each(self, hours: Sequence[Query], minutes: Sequence[Query]) -> CountsOfEach:
        return self._log.counts_of_each(hours, minutes)

    def minute_counts(self, query: Query) -> Iterator[MinuteCount]:
        return self._log.minute_counts(query)

    def hour_counts(self, query: Query) -> Iterator[HourCount]:
        return self._log.hour_counts(query)

    def minute_counts_of_each(
        self, environments: Sequence[str], query: Query
    ) -> Iterator[tuple[str, Iterator[MinuteCount]]]:
        return self._log.minute_counts_of_each(environments, query)

    def changes(self, known: str | None) -> Changes | None:
        return self._log.changes(known)

    def lacking(self) -> Sequence[str]:
        return self._log.lacking()

    def rule_shares(self, since: datetime) -> RuleShares | None:
        return self._log.rule_shares(since)

    def examine(self) -> Iterator[Remark]:
        return self._log.examine()

    def prune(self, before: datetime, environment: str | None = None, watch: Watch = unwatched) -> int:
        return self._log.prune(before, environment, watch)

    def now(self) -> datetime:
        return self._log.now()

    def migrate(self, watch: Watch = unwatched) -> Sequence[str]:
        return self._log.migrate(watch)

    def schema_sql(self) -> str:
        return self._log.schema_sql()

    def close(self) -> None:
        self._log.close()


def _is_signed_kind(event: Event) -> bool:
    """Whether it is a row of ours that changes a state or a verdict. The app's writer, which has no key, only reports
    what it lost."""
    return event.provider == OURSELVES and event.event != DROPPED


def _beginning(key: str, environment: str) -> Event:
    return Event(
        id=deterministic_id(SIGNING_BEGAN, key),
        occurred_at=utc_now(),
        provider=OURSELVES,
        event=SIGNING_BEGAN,
        outcome=Outcome.SUCCESS,
        environment=environment,
        source=OURSELVES,
        detail={"key": key},
    )
