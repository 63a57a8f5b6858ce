"""``releaseguard events``: write one, read, follow, mark a deployment, schema, export, import, retention."""

from __future__ import annotations

import functools
import json
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

import click

from releaseguard import readable
from releaseguard.cli.shared.options import Moment, Run, Span, command, environment_option
from releaseguard.cli.shared.streams import line_width
from releaseguard.errors import ExitCode, Refused, UsageError

if TYPE_CHECKING:
    from releaseguard.cards.load import Cards
    from releaseguard.eventlog.interface import EventLog, Query
    from releaseguard.model import Event
    from releaseguard.wiring import Wiring

COLUMNS = ("time", "event", "outcome", "code", "release", "ms", "environment", "source", "correlation")
"""Of the table, in order of importance."""
FUTURE = timedelta(minutes=10)
"""How far a deployment may lie ahead of the store's clock before it is taken for a mistake."""
BY_HAND = frozenset({"release_outcome"})
"""The only events of releaseguard's own that a person may write with ``events log``."""


@click.group("events", epilog="Example: releaseguard events list --provider sendgrid --since 1h")
def events() -> None:
    """Write, read and follow integration events; schema and retention."""


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


_since = click.option("--since", type=Moment(), metavar="TIME", help="From this time on (2026-11-24T10:15:00Z, 2h).")
_until = click.option("--until", type=Moment(), metavar="TIME", help="Before this time.")


# --- list and export


@command("list", group=events, example="releaseguard events list --provider sendgrid --outcome error --since 1h")
@_since
@_until
@click.option(
    "--limit", type=click.IntRange(1, 2**31 - 1), default=50, show_default=True, help="At most so many, the newest."
)
@_filters
def list_(run: Run, query: Query, environment: str | None, limit: int) -> None:
    """Integration events, newest first. JSON: {"events": [columns of integration_events]}."""
    from dataclasses import replace

    from releaseguard.eventlog.rows.aside import tally_of
    from releaseguard_events.pipeline import jsonl

    with run.wiring(environment) as wiring:
        found = list(wiring.stores.every_row.select(replace(query, newest_first=True, limit=limit)))
        shown_since = found[-1].occurred_at if len(found) == limit else query.since
        run.warn_of(tally_of(wiring.stores.log.set_aside(replace(query, since=shown_since))))
    run.emit(lambda: _table(found), {"events": [jsonl.document(event) for event in found]})
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


@command("export", group=events, example="releaseguard events export --since 7d -o events.jsonl")
@_since
@_until
@click.option("-o", "--output", type=click.Path(path_type=Path), metavar="FILE", help="Write here instead of stdout.")
@_filters
def export(run: Run, query: Query, environment: str | None, output: Path | None) -> None:
    """Events as JSON Lines, oldest first, with every column. With -o and --json: {"file", "events"}."""
    from releaseguard.eventlog.export import line
    from releaseguard.eventlog.rows.aside import tally_of

    with run.wiring(environment) as wiring, _target(output) as target:
        count = 0
        for count, event in enumerate(wiring.stores.every_row.select(query), 1):  # noqa: B007 - the last number is the count
            target.write(line(event))
        run.warn_of(tally_of(wiring.stores.log.set_aside(query)))
    if output is not None:
        run.emit(f"{count} events in {output}", {"file": str(output), "events": count})


@contextmanager
def _target(output: Path | None) -> Iterator[TextIO]:
    if output is None:
        yield sys.stdout
        return
    from releaseguard_events.private import open_file

    try:
        with open_file(output) as file:
            yield file
    except OSError as error:
        raise UsageError(f"cannot write {output}: {error.strerror}", next_step="Name a file you may write.") from None


# --- tail


@command("tail", group=events, example="releaseguard events tail --provider twilio --outcome error")
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

    with run.wiring(environment) as wiring:
        log = wiring.stores.every_row
        if not log.capabilities.has("recorded_at"):
            run.tell("The table has no recorded_at: rows that come more than 30 minutes late are not seen.")
        since = log.now()
        newest = latest(log, query, lines)
        run.warn_of(tally_of(log.set_aside(replace(query, since=newest[0].occurred_at if newest else since))))
        _print_lines(run, newest)
        seen = [event.id for event in newest]
        _print_lines(run, follow(log, query, since=since, seen=seen, wait=lambda: time.sleep(interval.total_seconds())))


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


# --- log and deployed


@command(
    "log",
    group=events,
    example="releaseguard events log sendgrid sendgrid_email_sent success --source web --detail secret_version=7",
)
@click.argument("provider")
@click.argument("event")
@click.argument("outcome", type=click.Choice(["success", "error"]))
@environment_option
@click.option("--error-code", metavar="CODE", help="401, timeout, rls_denied ...")
@click.option("--latency-ms", type=click.IntRange(0, 2**31 - 1), metavar="N")
@click.option("--release", metavar="ID", help="The release that did it.")
@click.option("--source", metavar="NAME", help="Function or service that did it.")
@click.option("--correlation-id", metavar="ID", help="Ties the events of one user action.")
@click.option("--synthetic", is_flag=True, help="Done on behalf of a test user.")
@click.option("--detail", multiple=True, metavar="KEY=VALUE", help="One entry of detail; VALUE may be JSON.")
@click.option("--at", type=Moment(), metavar="TIME", help="When it happened (else now).")
def log_(
    run: Run,
    provider: str,
    event: str,
    outcome: str,
    environment: str | None,
    detail: Sequence[str],
    at: datetime | None,
    **columns: Any,
) -> None:
    """Write one event, scrubbed like an app's. JSON: {"event": columns}."""
    from releaseguard.eventlog.entries import by_hand
    from releaseguard_events.pipeline import jsonl

    with run.wiring(environment) as wiring:
        _check_names(run, wiring.cards, provider, event)
        given = columns | {"detail": _details(detail)}
        written = by_hand(
            provider, event, outcome, environment=wiring.settings.environment, at=at, environ=run.environ, **given
        )
        wiring.stores.log.append([written])
    _say_what_was_taken_out(run, written)
    run.emit(f"{written.id}", {"event": jsonl.document(written)})


def _say_what_was_taken_out(run: Run, written: Event) -> None:
    from releaseguard.eventlog.export import line
    from releaseguard_events.scrub.rules import MARK

    marks = ", ".join(sorted({f"[{kind}]" for kind in MARK.findall(line(written))}))
    if marks:
        run.warn(f"Something looks like a secret or a person's data, and is stored as {marks}.")


def _check_names(run: Run, cards: Cards, provider: str, event: str) -> None:
    from releaseguard.model import OURSELVES
    from releaseguard.tomlfile import did_you_mean
    from releaseguard_events.ours import OUR_EVENTS

    if provider == OURSELVES:
        if event not in BY_HAND:
            raise UsageError(
                f"{event} of {OURSELVES} is written by its own commands only",
                next_step="Mark a deployment with: releaseguard events deployed --release SHA",
            )
        return
    if event in OUR_EVENTS:
        raise UsageError(
            f"{event} is a name of {OURSELVES}'s own rows", next_step=f"See the card: checks/{provider}.toml"
        )
    expected = cards.get(provider).events
    known = [*expected.success, *expected.error]
    if event not in known:
        run.tell(f"The card {provider} lists no event {event}. {did_you_mean(event, known)}")


def _details(pairs: Sequence[str]) -> dict[str, Any]:
    detail = {}
    for pair in pairs:
        key, separator, value = pair.partition("=")
        if not key or not separator:
            raise UsageError(f"--detail {pair!r} is not KEY=VALUE", next_step="Example: --detail secret_version=7")
        try:
            detail[key] = json.loads(value)
        except (ValueError, RecursionError):
            detail[key] = value
    return detail


@command("deployed", group=events, example='releaseguard events deployed --release "$GITHUB_SHA"')
@click.option("--release", required=True, metavar="SHA", help="The release that is live now.")
@environment_option
@click.option("--at", type=Moment(), metavar="TIME", help="When it went live (else now).")
@click.option("--deployment-id", metavar="ID", help="The host's name for it (dpl_...).")
@click.option("--again", is_flag=True, help="It is a new deployment, though the release is marked already.")
def deployed(
    run: Run, release: str, environment: str | None, at: datetime | None, deployment_id: str | None, again: bool
) -> None:
    """Mark a deployment: `verify` judges the newest. The same release, environment and time is one event.

    A release that is marked again within the window of `verify`, with no other in between and no other deployment id,
    is the same deployment: a job that was run again, whose verdict stands. With --again it is a new one.

    JSON: {"event": columns, "new": whether it was not there yet}.
    """
    from releaseguard.eventlog.entries import deployment
    from releaseguard.eventlog.interface import Query
    from releaseguard_events.pipeline import jsonl

    if not release.strip():
        raise UsageError("--release is empty", next_step="Is the variable set? Give the release's id: --release SHA")
    release = run.said("--release", release, identifier=True)
    deployment_id = deployment_id and run.said("--deployment-id", deployment_id, identifier=True)
    with run.wiring(environment) as wiring:
        now = wiring.stores.log.now()
        if at is not None and at > now + FUTURE:
            raise UsageError(f"--at lies in the future: it is {now:%Y-%m-%dT%H:%M:%SZ} in the log")
        event = deployment(release.strip(), wiring.settings.environment, at or now, deployment_id, again=again)
        new = not list(wiring.stores.log.select(Query(ids=(event.id,))))
        wiring.stores.log.append([event])
        _tell_if_known(run, wiring, event)
    known = "" if new else " (was known already)"
    when = readable.date_and_clock(event.occurred_at, seconds=True)
    run.emit(
        f"{release.strip()} is live in {event.environment} since {when}{known}",
        {"event": jsonl.document(event), "new": new},
    )


def _tell_if_known(run: Run, wiring: Wiring, event: Event) -> None:
    """That a mark belongs to a deployment which was marked before is said, since its verdict then stands."""
    from releaseguard.eventlog.interface import Query
    from releaseguard.model import OURSELVES
    from releaseguard.verification.rows.releases import DEPLOYED, deployments_of

    query = Query(environment=event.environment, providers=[OURSELVES], events=[DEPLOYED])
    deployments = deployments_of(wiring.stores.log.select(query), wiring.verification.promise(None, None).window)
    same = [one for one in deployments if one.release == event.release and one.deployed_at <= event.occurred_at]
    if same and same[-1].deployed_at < event.occurred_at:
        first = readable.date_and_clock(same[-1].deployed_at, seconds=True)
        run.tell(f"It is the deployment of {first}, whose window is not over; with --again it is a new one.")


# --- import


@command(
    "import",
    group=events,
    example="releaseguard events import mails.csv --column occurred_at=created_at --set provider=sendgrid",
)
@click.argument("file", metavar="FILE")
@environment_option
@click.option("--format", "form", type=click.Choice(["jsonl", "csv"]), help="Of the file (else by its name).")
@click.option("--column", "columns", multiple=True, metavar="COLUMN=THEIRS", help="What the file calls our column.")
@click.option("--set", "constants", multiple=True, metavar="COLUMN=VALUE", help="Our column in every row.")
@click.option("--value", "values", multiple=True, metavar="COLUMN:THEIRS=OURS", help="What a value of theirs means.")
@click.option("--timezone", metavar="ZONE", help="Of times without an offset (Europe/Istanbul).")
@click.option("--dry-run", is_flag=True, help="Read and report, write nothing.")
@click.option("--strict", is_flag=True, help="Stop at the first line that cannot be read.")
def import_(run: Run, file: str, environment: str | None, **flags: Any) -> ExitCode:
    """Import a team's history from FILE (- is stdin), so that a first verdict has something to compare with.

    JSON Lines as `events export` writes them, or CSV with a heading; columns under other names are found with
    [events.columns] and --column. A row needs occurred_at, provider, event and outcome, keeps its recorded_at (else
    its occurred_at) and is scrubbed like an app's. Twice is once: a row keeps its id, where that is a UUID, else its
    id follows from everything that stands in it. detail.import of each row names the batch. Rows of provider
    releaseguard are left out. What is wrong with a row is told by line and column, and the rest goes on.

    Takes the table's owner; over Supabase's REST interface it is refused.

    JSON: {"file", "batch", "dry_run", "rows", "new", "since", "until", "broken": {"rows", "first": [{"line", "column",
    "problem"}]}, "emptied": {column: fields}, "own_rows", "unknown_events": [{"provider", "event", "rows"}],
    "unused_columns"}; "new" is null with --dry-run.
    """
    from releaseguard.cli.log.importing import Flags, import_file

    return import_file(run, file, environment, Flags(**flags))


# --- migrate and prune


@command("migrate", group=events, example="releaseguard events migrate --sql > supabase/migrations/20261124_events.sql")
@environment_option
@click.option("--sql", is_flag=True, help="Print the SQL instead of running it.")
def migrate(run: Run, environment: str | None, sql: bool) -> None:
    """Create or upgrade the table, its indexes and row-level security. JSON: {"done": [...]} or {"sql"}."""
    with run.wiring(environment) as wiring:
        if sql:
            text = wiring.stores.schema_sql()
            run.emit(text.rstrip("\n"), {"sql": text})
            return
        log = wiring.stores.log
        done = list(log.migrate())
        run.emit("\n".join(done) or f"Nothing to do: {log.label} is up to date.", {"done": done, "log": log.label})


@command("prune", group=events, example="releaseguard events prune --older-than 90d --dry-run")
@click.option("--older-than", type=Span(), required=True, metavar="90d", help="Keep what is younger.")
@click.option("--environment", metavar="E", help="Only this environment (else all).")
@click.option("--dry-run", is_flag=True, help="Count only.")
@click.option("--yes", is_flag=True, help="Do not ask.")
def prune(run: Run, older_than: timedelta, environment: str | None, dry_run: bool, yes: bool) -> None:
    """Delete old events of the app. releaseguard's own rows (rotations, deployments, verdicts) are never touched.

    JSON: {"before", "events", "deleted"}.
    """
    from releaseguard.model import to_text

    with run.wiring(environment) as wiring:
        log = wiring.stores.log
        _check_retention(older_than, wiring.settings.verify.baseline)
        before = log.now() - older_than
        count = _count(log, before, environment)
        if count and not dry_run and not yes:
            _confirm(count, before)
        deleted = log.prune(before, environment) if count and not dry_run else 0
    words = f"{count} events would go" if dry_run else f"{deleted} events deleted"
    run.emit(f"{words} (before {to_text(before)})", {"before": to_text(before), "events": count, "deleted": deleted})


def _check_retention(older_than: timedelta, baseline: str) -> None:
    from releaseguard.model import duration

    if older_than < duration(baseline):
        raise UsageError(
            f"--older-than is shorter than the baseline of `verify` ({baseline}), which needs those events",
            next_step="Keep at least the baseline, better two: --older-than 14d",
        )


def _count(log: EventLog, before: datetime, environment: str | None) -> int:
    from releaseguard.eventlog.interface import Query

    counts = log.minute_counts(Query(environment=environment, until=before))
    return sum(minute.count + minute.repeats for minute in counts)


def _confirm(count: int, before: datetime) -> None:
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        raise Refused(
            f"{count} events would be deleted, and nobody is here to confirm it",
            next_step="Look at --dry-run first, then add --yes.",
        )
    if not click.confirm(f"Delete {count} events from before {readable.date_and_clock(before)}?", err=True):
        raise Refused("not confirmed: nothing was deleted")
