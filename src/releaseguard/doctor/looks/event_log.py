"""Examines the event log."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, MutableMapping, Sequence
from datetime import timedelta
from functools import partial

from releaseguard.doctor.looks.reach import ALWAYS, encrypted
from releaseguard.doctor.values import Check, DoctorContext, Group
from releaseguard.eventlog.interface import COSTS, Query
from releaseguard.eventlog.rows.aside import SetAsideTally, tally_of
from releaseguard.http.replies import ClockReading
from releaseguard.model import Remark, Standing, duration, utc_now
from releaseguard.settings.sections import EventsSection
from releaseguard_events.stores.names import qualified, quoted


def checks(context: DoctorContext, dates: MutableMapping[str, ClockReading]) -> Sequence[Check]:
    """The checks of its writers, its table, its rows, its clock, and who else can read it."""
    after = (*ALWAYS, "hosts.events", "credentials.events")
    found = [
        Check("events.writers", Group.EVENTS, "where the app writes to", partial(_writers, context)),
        Check("events.log", Group.EVENTS, "the event log", partial(_log, context), after),
        Check("events.rows", Group.EVENTS, "the newest rows", partial(_rows, context), ("events.log",)),
        Check("events.rules", Group.EVENTS, "the rules of the app's table", partial(_rules, context), ("events.log",)),
        Check(
            "events.clock", Group.EVENTS, "the store's clock", partial(_store_clock, context, dates), ("events.log",)
        ),
    ]
    exposed = context.exposed
    if exposed is not None:

        def look() -> Iterable[Remark]:
            return [exposed(context.log())]

        found.append(Check("events.row_security", Group.EVENTS, "row-level security", look, ("events.log",)))
    return found


def _log(context: DoctorContext) -> Iterator[Remark]:
    url = context.settings.events.url
    if url.startswith(("postgresql:", "postgres:")):
        yield from encrypted(context, url, "[events] url")
    yield from context.log().examine()


def _writers(context: DoctorContext) -> Iterator[Remark]:
    given = context.environ.get("RELEASEGUARD_EVENTS_URL")
    if given and given != context.settings.events.url and not _same_file(context, given):
        what = "RELEASEGUARD_EVENTS_URL and [events] url name different logs: writers here write to the former"
        fix = 'Make them the same: [events] url = "${RELEASEGUARD_EVENTS_URL}", or unset the variable.'
        yield Remark(Standing.WARN, what, context.settings.where("events", "url"), fix)


def _same_file(context: DoctorContext, given: str) -> bool:
    relative = given.removeprefix("sqlite:///")
    return relative != given and context.settings.events.url == f"sqlite:///{context.settings.root / relative}"


def _rows(context: DoctorContext) -> Iterator[Remark]:
    """The rows that no reader can use, of the time on which verdicts rest."""
    log, days = context.log(), context.settings.verify.baseline
    tally = tally_of(log.set_aside(Query(since=utc_now() - duration(days))))
    if tally.rows:
        yield Remark(Standing.WARN, tally.sentence(), log.label, _correct(tally, context.settings.events))
    else:
        yield Remark(Standing.OK, f"every row of the last {days} can be read", log.label)


def _correct(tally: SetAsideTally, events: EventsSection) -> str:
    """How to inspect the rows, and what to do about them."""
    key = events.columns.get("id", "id")
    named = ", ".join(f"'{one.row.replace(chr(39), chr(39) * 2)}'" for one in tally.named if one.row)
    mend = "correct or delete them there, or say under [events.columns] where their values stand."
    if not named or not isinstance(key, str) or not key:
        return f"Look for them in {events.table}; {mend}"
    return f"Look at them: SELECT * FROM {qualified(events.table)} WHERE {quoted(key)} IN ({named}); {mend}"  # noqa: S608 - shown, never run


def _rules(context: DoctorContext) -> Iterator[Remark]:
    """Which rule named how many of the last day's rows, and how many none did."""
    log = context.log()
    shares = log.rule_shares(utc_now() - timedelta(days=1))
    if shares is None:
        return
    if not shares.rows:
        yield Remark(Standing.OK, "no rows of the last day by which to see what each rule takes", log.label)
    for number, sentence in enumerate(shares.sentences()):
        yield Remark(Standing.OK, sentence, log.label, about=f"rule{number}")
    if shares.lost:
        yield Remark(Standing.WARN, shares.loss(), log.label, _MORE_RULES, about="none")
    for name, place in shares.never:
        without = COSTS.get(name, "no rotation is proven by what the app used")
        what = f"none of the {shares.rows} rows of the last day says its {name}: {without}"
        fix = f"Have the app write it into its rows: {place}" if place else _NO_PLACE
        yield Remark(Standing.WARN, what, log.label, fix, about=f"never.{name}")


_NO_PLACE = "[events.columns] names no place for it: releaseguard events migrate --additions prints a column for it."


_MORE_RULES = "Say what they mean: values under [events.columns] outcome or provider, or a rule under [events.names]."


def _store_clock(context: DoctorContext, dates: MutableMapping[str, ClockReading]) -> Iterator[Remark]:
    if not context.settings.events.url.startswith("sqlite:"):  # there it is this machine's
        before = utc_now()
        store = context.log().now()
        dates["the event log"] = ClockReading(before, store, utc_now())
    yield from ()
