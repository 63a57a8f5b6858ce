"""``releaseguard events list``, ``export`` and ``tail``."""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import nullcontext
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from releaseguard import readable
from releaseguard.cli.shared.options import Moment, OutputPath, Run, Span, command
from releaseguard.cli.shared.progress import shown
from releaseguard.cli.shared.streams import line_width
from releaseguard.errors import ExitCode

if TYPE_CHECKING:
    from releaseguard.eventlog.interface import Query
    from releaseguard.model import Event
    from releaseguard.report.answers import EventsDocument, ExportedDocument
    from releaseguard.wiring import Wiring

COLUMNS = ("time", "event", "outcome", "code", "release", "ms", "environment", "source", "correlation")
"""Of the table, in order of importance."""


def _filters(function: Callable[..., ExitCode | None]) -> Callable[..., ExitCode | None]:
    """The flags that choose rows; they reach the command as one ``Query``."""

    @functools.wraps(function)
    def call(run: Run, **flags: Any) -> ExitCode | None:
        return function(run, query=_query(flags), **flags)

    options = [
        click.option("--provider", multiple=True, metavar="P", help="Only this provider (may be repeated)."),
        click.option("--event", multiple=True, metavar="NAME", help="Only this event (may be repeated)."),
        click.option("--outcome", type=click.Choice(["success", "error"]), help="Only this outcome."),
        click.option("--environment", metavar="E", help="Only this environment (else all)."),
        click.option("--release", metavar="ID", help="Only this release."),
        click.option("--correlation-id", metavar="ID", help="Only the events of one user action."),
        click.option("--synthetic/--no-synthetic", default=None, help="Only test users' events, or none of them."),
    ]
    decorated: Callable[..., ExitCode | None] = call
    for option in reversed(options):
        decorated = option(decorated)
    return decorated


def _query(flags: dict[str, Any]) -> Query:
    """Takes the filters out of ``flags``; the environment stays, since it also picks the configuration."""
    from releaseguard.eventlog.interface import Query
    from releaseguard.model import Outcome

    outcome = flags.pop("outcome")
    return Query(
        environment=flags["environment"],
        providers=flags.pop("provider"),
        events=flags.pop("event"),
        outcome=Outcome(outcome) if outcome else None,
        since=flags.pop("since", None),
        until=flags.pop("until", None),
        release=flags.pop("release"),
        correlation_id=flags.pop("correlation_id"),
        synthetic=flags.pop("synthetic"),
    )


def _wiring(run: Run, environment: str | None, query: Query) -> Wiring:
    """Raises ``UsageError`` for a provider that there is not: no rows of it would look like no use of it."""
    from releaseguard.model import OURSELVES

    opened = run.wiring(environment)
    for provider in query.providers:
        if provider != OURSELVES:
            opened.cards.get(provider)
    return opened


_since = click.option("--since", type=Moment(), metavar="TIME", help="From this time on (2026-11-24T10:15:00Z, 2h).")
_until = click.option("--until", type=Moment(), metavar="TIME", help="Before this time.")


@command("list", example="releaseguard events list --provider sendgrid --outcome error --since 1h")
@_since
@_until
@click.option(
    "--limit", type=click.IntRange(1, 2**31 - 1), default=50, show_default=True, help="At most so many, the newest."
)
@_filters
def list_(run: Run, query: Query, environment: str | None, limit: int) -> None:
    """List integration events, newest first. JSON: {"events": [columns of integration_events]}."""
    from dataclasses import replace

    from releaseguard.eventlog.rows.aside import tally_of
    from releaseguard.report.answers import columns_of

    with _wiring(run, environment, query) as wiring:
        found = list(wiring.stores.every_row.select(replace(query, newest_first=True, limit=limit)))
        shown_since = found[-1].occurred_at if len(found) == limit else query.since
        run.warn_of(tally_of(wiring.stores.log.set_aside(replace(query, since=shown_since))))
    document: EventsDocument = {"events": [columns_of(event) for event in found]}
    run.emit(lambda: _table(found), document)
    if len(found) == limit and not run.json:
        run.tell(f"The newest {limit}; --limit shows more.")


def _table(found: Sequence[Event]) -> str:
    from releaseguard.report.layout import table

    if not found:
        return "No events."
    return table.render([_cells(event) for event in found], COLUMNS, line_width())


def _cells(event: Event) -> Mapping[str, str]:
    named = event.event if event.event.startswith(event.provider) else f"{event.provider} {event.event}"
    return {
        "time": readable.date_and_clock(event.occurred_at, seconds=True),
        "event": named + (" (synthetic)" if event.synthetic else ""),
        "outcome": event.outcome.value,
        "code": event.error_code or "",
        "release": event.release or "",
        "ms": "" if event.latency_ms is None else str(event.latency_ms),
        "environment": event.environment,
        "source": event.source or "",
        "correlation": event.correlation_id or "",
    }


@command("export", example="releaseguard events export --since 7d -o events.jsonl")
@_since
@_until
@click.option("-o", "--output", type=OutputPath(), metavar="FILE", help="Write here instead of stdout.")
@_filters
def export(run: Run, query: Query, environment: str | None, output: Path | None) -> None:
    """Export events as JSON Lines, oldest first, with every column. With -o and --json: {"file", "events"}.

    FILE appears only when it is complete. If the database goes away, the export waits for it, half a minute at most.
    """
    from releaseguard.cli.log.whole_file import writing
    from releaseguard.eventlog.export import line, watched
    from releaseguard.eventlog.rows.aside import tally_of

    with _wiring(run, environment, query) as wiring, writing(output) if output else nullcontext(sys.stdout) as target:
        log = wiring.stores.every_row
        count = 0
        with shown(run) as watch:
            for count, event in enumerate(watched(log.select(query), query.until or log.now(), watch), 1):  # noqa: B007 - the last number is the count
                target.write(line(event))
        run.warn_of(tally_of(wiring.stores.log.set_aside(query)))
    if output is not None:
        document: ExportedDocument = {"file": str(output), "events": count}
        run.emit(f"{count} events in {output}", document)


@command("tail", example="releaseguard events tail --provider twilio --outcome error")
@click.option(
    "-n", "--lines", type=click.IntRange(0, 2**31 - 1), default=10, show_default=True, help="Begin with the newest N."
)
@click.option("--interval", type=Span(), default="1s", metavar="1s", help="How often to look (default 1s).")
@_filters
def tail(run: Run, query: Query, environment: str | None, lines: int, interval: timedelta) -> None:
    """Follow the log until Ctrl-C, late rows included. JSON: one object a line."""
    from dataclasses import replace

    from releaseguard.eventlog.follow import follow, latest
    from releaseguard.eventlog.rows.aside import tally_of

    with _wiring(run, environment, query) as wiring:
        log = wiring.stores.every_row
        if not log.capabilities.has("recorded_at"):
            run.tell("The table has no recorded_at: rows that come more than 30 minutes late are not seen.")
        since = log.now()
        newest = latest(log, query, lines)
        run.warn_of(tally_of(log.set_aside(replace(query, since=newest[0].occurred_at if newest else since))))
        _print_lines(run, newest)
        seen = [event.id for event in newest]
        wait = functools.partial(run.clocks.sleep, interval.total_seconds())
        _print_lines(run, follow(log, query, since=since, seen=seen, wait=wait))


def _print_lines(run: Run, found: Iterable[Event]) -> None:

    from releaseguard.eventlog.export import line

    for event in found:
        click.echo(line(event).rstrip("\n") if run.json else _one_line(event))


def _one_line(event: Event) -> str:
    cells = _cells(event)
    quiet = [f"{column}={cells[column]}" for column in COLUMNS[4:] if cells[column]]
    words = [cells["time"], cells["outcome"].ljust(7), cells["event"], cells["code"], *quiet]
    line = " ".join(" ".join(word.split()) if word.strip() else "" for word in words if word)
    width = line_width()
    return line if len(line) <= width else line[: width - 1] + "…"
