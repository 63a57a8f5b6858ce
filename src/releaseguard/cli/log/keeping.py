"""``releaseguard events migrate`` and ``prune``."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import click

from releaseguard import readable
from releaseguard.cli.shared.options import Run, Span, command, environment_option
from releaseguard.cli.shared.progress import shown
from releaseguard.errors import Refused, UsageError

if TYPE_CHECKING:
    from releaseguard.eventlog.interface import EventLog
    from releaseguard.report.answers import MigratedDocument, PrunedDocument, SqlDocument


@command("migrate", example="releaseguard events migrate --sql > events.sql")
@environment_option
@click.option("--sql", is_flag=True, help="Print the SQL instead of running it.")
@click.option("--additions", is_flag=True, help="Print what the owner of the app's own table could add to it.")
def migrate(run: Run, environment: str | None, sql: bool, additions: bool) -> None:
    """Create or upgrade the table, its indexes and row-level security. JSON: {"done": [...]} or {"sql"}.

    A table of the app's own ([events.columns]) is never altered: --sql prints a view of it with our columns, and
    --additions a migration that adds what it lacks, for its owner to run (Postgres). Neither asks the log, and where
    its address is a variable that is not set, the SQL is Postgres'.
    """
    with run.wiring(environment, needs_log=not (sql or additions)) as wiring:
        if additions:
            text = wiring.stores.additions_sql()
            _emit_sql(run, text, text.rstrip("\n") or "-- Nothing is missing.")
            return
        if sql:
            text = wiring.stores.schema_sql()
            _emit_sql(run, text, text.rstrip("\n"))
            return
        log = wiring.stores.log
        with shown(run) as watch, _may_be_run_again(run):
            done = list(log.migrate(watch))
        document: MigratedDocument = {"done": done, "log": log.label}
        run.emit("\n".join(done) or f"Nothing to do: {log.label} is up to date.", document)


def _emit_sql(run: Run, sql: str, shown_: str) -> None:
    document: SqlDocument = {"sql": sql}
    run.emit(shown_, document)


@command("prune", example="releaseguard events prune --older-than 90d --dry-run")
@click.option("--older-than", type=Span(), required=True, metavar="90d", help="Keep what is younger.")
@click.option("--environment", metavar="E", help="Only this environment (else all).")
@click.option("--dry-run", is_flag=True, help="Count only.")
@click.option("--yes", is_flag=True, help="Do not ask.")
def prune(run: Run, older_than: timedelta, environment: str | None, dry_run: bool, yes: bool) -> None:
    """Delete old events of the app. releaseguard's own rows (rotations, deployments, verdicts) are never touched.

    Deletes a few rows at a time, so the app can go on writing. What was deleted before an interruption stays deleted.

    JSON: {"before", "events", "deleted"}.
    """
    from releaseguard.model import to_text

    with run.wiring(environment) as wiring:
        log = wiring.stores.log
        _check_retention(older_than, wiring.settings.verify.baseline)
        before = log.now() - older_than
        found = _count(log, before, environment) if dry_run else 0
        agreed = not dry_run and (yes or _asked(log, before, environment))
        with shown(run) as watch:
            deleted = log.prune(before, environment, watch) if agreed else 0
    words = f"{found} events would go" if dry_run else f"{deleted} events deleted"
    events = found if dry_run else deleted
    document: PrunedDocument = {"before": to_text(before), "events": events, "deleted": deleted}
    run.emit(f"{words} (before {document['before']})", document)


@contextmanager
def _may_be_run_again(run: Run) -> Iterator[None]:
    """What is made stays, and what was cut off is finished by the next run."""
    try:
        yield
    except KeyboardInterrupt:
        run.warn("What is made stays. To go on, run: releaseguard events migrate")
        raise


def _check_retention(older_than: timedelta, baseline: str) -> None:
    from releaseguard.model import duration

    if older_than < duration(baseline):
        raise UsageError(
            f"--older-than is shorter than the baseline of `verify` ({baseline}), which needs those events",
            next_step=f"Keep at least the baseline, better two: --older-than {_twice(baseline)}",
        )


def _twice(written: str) -> str:
    """A duration of the file, doubled: ``28d`` is ``56d``."""
    return re.sub(r"\d+(\.\d+)?", lambda number: f"{2 * float(number[0]):g}", written)


def _count(log: EventLog, before: datetime, environment: str | None) -> int:
    from releaseguard.eventlog.interface import Query

    counts = log.minute_counts(Query(environment=environment, until=before))
    return sum(minute.count + minute.repeats for minute in counts)


def _asked(log: EventLog, before: datetime, environment: str | None) -> bool:
    """Whether there is something to delete, and somebody agrees. Not counted: that takes as long as deleting.

    Raises ``Refused`` where nobody agrees, or nobody is here.
    """
    oldest = _oldest(log, before, environment)
    if oldest is None:
        return False
    what = f"every event from before {readable.date_and_clock(before)}, the oldest of {readable.date_and_clock(oldest)}"
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        raise Refused(
            f"{what}, would be deleted, and there is no terminal to confirm it on",
            next_step="See how many there are with --dry-run, then add --yes.",
        )
    if not click.confirm(f"Delete {what}?", err=True):
        raise Refused("not confirmed: nothing was deleted")
    return True


def _oldest(log: EventLog, before: datetime, environment: str | None) -> datetime | None:
    from releaseguard.eventlog.interface import Query
    from releaseguard.model import OURSELVES

    rows = log.select(Query(environment=environment, until=before))
    return next((row.occurred_at for row in rows if row.provider != OURSELVES), None)
