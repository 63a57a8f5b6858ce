"""``releaseguard incident``: what goes on with one provider, and what the runbook says to do."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

import click

from releaseguard.cli.shared.documents import format_option, output_option, present
from releaseguard.cli.shared.options import Moment, Run, Span, check_past, command, environment_option
from releaseguard.cli.shared.output import steer
from releaseguard.cli.shared.traces import write_trace
from releaseguard.errors import ExitCode, UsageError
from releaseguard.report.formats import INCIDENT

if TYPE_CHECKING:
    from datetime import datetime
    from pathlib import Path


LONGEST = timedelta(days=2)
"""How far back the beginning is looked for, whatever the window."""

RETRY_BUDGET = timedelta(seconds=15)
"""How long one request waits for a service that is slow or says "later": a finding without it is better than none."""


@command("incident", example="releaseguard incident mapbox --lang tr --format markdown -o incident.md")
@click.argument("provider")
@environment_option
@click.option(
    "--window",
    type=Span(),
    default="1h",
    metavar="1h",
    help="How far back to look; farther, up to 2d, where the trouble is older  [default: 1h]",
)
@click.option(
    "--as-of", type=Moment(), metavar="TIME", help="Look with only what had been recorded by then, for a post-mortem."
)
@format_option(INCIDENT)
@output_option
def incident(
    run: Run,
    provider: str,
    environment: str | None,
    window: timedelta,
    as_of: datetime | None,
    format_: str | None,
    output: Path | None,
) -> ExitCode:
    """Show what is wrong with PROVIDER: since when, what changed before, which symptoms are there.

    Checks everything that the provider's card says to check, as far as a program can: the event log, the functions'
    logs, workflow runs, secrets, the app's data. What cannot be checked is named, with the next step. Then come the
    card's actions, in order. No provider is called, nothing is changed.

    With --as-of the log is read as it was then; a control whose service shows the present alone says so.

    Exit code 1 where the provider is in trouble, a symptom shows or a control found something bad, 3 where the log says
    too little, 0 where nothing is wrong, 70 where a bug kept a part from being judged and nothing is bad.

    JSON: {"provider", "name", "environment", "language", "as_of", "window", "headline", "state", "reason", "began",
    "began_before_window", "recovered_since", "health": {...}, "compared": {"before", "after"}, "writers":
    [{"release", "source", "events", "errors", "text"}], "others": [...], "changes": [{"at", "kind", "what",
    "where", "url", "went_wrong", "before_s", "likely"}], "unread": [...], "symptoms": [{"text", "match":
    yes|some|no|unknown, "since", "evidence"}], "controls": [{"text", "kind", "target", "status":
    bad|ok|unclear|not_done|person, "finding", "lines", "next_step", "command", "url"}], "actions": [{"number",
    "text", "command"}], "rules": [...], "open": [{"text", "next_step"}]}.
    """
    from msgspec import structs

    from releaseguard.incident.run import investigate
    from releaseguard.incident.telling.document import page_of
    from releaseguard.incident.verdict import exit_code

    if not timedelta(minutes=1) <= window <= LONGEST:
        raise UsageError("--window is between 1m and 2d", next_step="Use `releaseguard events list` for older events.")
    with run.wiring(environment) as wiring, _progress(run) as progress:
        wiring.limit_retries(RETRY_BUDGET)
        if as_of is not None:
            check_past("--as-of", as_of, wiring.stores.log.now())
        language = run.lang or wiring.settings.project.language
        context = wiring.incidents.context(wiring.cards.get(provider), window, as_of, progress)
        found = investigate(replace(context, health=structs.replace(context.health, trace=write_trace)))
        if as_of is None:
            wiring.notices.tell_providers(found.environment, [found.health])
    run.warn_of(found.set_aside)
    page = page_of(found, language, environment=environment)
    present(run, INCIDENT, page, format_, output, page.document["headline"])
    return exit_code(found)


@contextmanager
def _progress(run: Run) -> Iterator[Callable[[str], None]]:
    """Says on a terminal what is being looked at, and leaves nothing of it behind."""
    if not run.on_terminal:
        yield lambda _: None
        return
    try:
        yield _write_over
    finally:
        _write_over("")


def _write_over(what: str) -> None:
    """One line of a terminal, written over by the next."""
    width = max(shutil.get_terminal_size((80, 24)).columns - 1, 1)
    shown = f"looking at {what}"[:width] if what else ""
    steer("\r", err=True)
    click.echo(f"{shown:<{width}}", nl=False, err=True)
    steer("\r", err=True)
