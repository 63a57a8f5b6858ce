"""``releaseguard health``: how every provider is now, from the app's own events."""

from __future__ import annotations

from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING

import click

from releaseguard.cli.shared.documents import format_option, output_option, present, rendered, show
from releaseguard.cli.shared.options import Run, Span, command, environment_option
from releaseguard.cli.shared.output import steer
from releaseguard.cli.shared.traces import write_trace
from releaseguard.errors import ExitCode, ServiceError, UsageError
from releaseguard.report.formats import HEALTH

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from releaseguard.cli.shared.live_page import Page
    from releaseguard.health.run import Observer
    from releaseguard.health.values import Overview
    from releaseguard.rotation.drift.ages import DueSecret
    from releaseguard.wiring import Wiring

LOOK_EVERY = 10.0
"""Seconds between the looks of a watch; each reads only what came after the baseline."""
CLEAR = "\033[H\033[2J"
LONGEST = timedelta(days=2)
"""A window beyond which rows are read one by one for too long, and "now" means nothing."""


@command("health", example="releaseguard health --window 1h --format html -o health.html")
@click.option("--window", type=Span(), default="1h", metavar="1h", help="How far back to look  [default: 1h]")
@environment_option
@click.option("--provider", metavar="P", help="Only this provider.")
@format_option(HEALTH)
@output_option
@click.option("--watch", is_flag=True, help="Look again every ten seconds, until Ctrl-C.")
@click.option("--serve", is_flag=True, help="Show the page live on this machine's loopback, until Ctrl-C.")
@click.option("--port", type=click.IntRange(0, 65535), default=8787, help="Of --serve; 0: a free one  [default: 8787]")
def health(
    run: Run,
    window: timedelta,
    environment: str | None,
    provider: str | None,
    format_: str | None,
    output: Path | None,
    watch: bool,
    serve: bool,
    port: int,
) -> ExitCode:
    """Show every provider's health, from the events the app logs when it really uses it. No provider is called.

    healthy, degraded (more errors or fewer events than chance explains), down (most calls fail), silent (no event
    although users are there), idle (none was expected), unknown (the log says too little). With open leaks and
    unfinished rotations. Exit code 1 where a provider is down, silent or degraded, 3 where none could be judged, 70
    where a bug kept one from being judged and none is in trouble.

    JSON: {"environment", "language", "as_of", "window", "summary", "log": {"down", "newest"}, "set_aside": {"rows",
    "by_provider", "named": [{"id", "column", "problem", "provider"}], "sentence"}, "providers": [{"provider", "name",
    "state", "reason", "since", "events", "successes", "errors", "error_rate", "usual_error_rate", "expected_events",
    "latency_ms": {"p50", "p95"}, "last_success", "last_error", "error_codes": [{"code", "count"}],
    "course": [{"successes", "errors"}], "expected_course": [...], "history": [{"hours", "parts"}],
    "open_leaks": [...], "rotations": [...], "due": [...]}], "marks": [{"at", "kind": release|rotation, "what"}],
    "recent": [{"occurred_at", "provider", "event", "outcome", "error_code", "latency_ms", "release", "source",
    "synthetic"}]}.
    """
    from msgspec import structs

    from releaseguard.health.run import Observer

    if not timedelta(minutes=1) <= window <= LONGEST:
        raise UsageError("--window is between 1m and 2d", next_step="Use `releaseguard events list` for older events.")
    if serve and (watch or output or format_ or run.json):
        raise UsageError("--serve shows the page, and takes no other output", next_step="Use it by itself.")
    with run.wiring(environment) as wiring:
        if provider is not None:
            wiring.cards.get(provider)
        observer = Observer(structs.replace(wiring.verification.health(window, provider), trace=write_trace))
        language = run.lang or wiring.settings.project.language
        due = _due(run, wiring, provider)
        if serve:
            _serve(run, partial(_live, observer, language, due, run.zone), port)
        show = partial(_show, run, language, format_, output, due)
        overview, missed = _looked(wiring, observer), None
        while watch:
            show(overview, clear=True)
            if missed:
                run.warn(f"This look was not possible, and the next is in ten seconds: {missed}")
            run.clocks.sleep(LOOK_EVERY)
            overview, missed = _looked_again(wiring, observer, overview)
    show(overview)
    return _exit_code(overview)


def _due(run: Run, wiring: Wiring, provider: str | None) -> Sequence[DueSecret]:
    """What is older than it is to become, where the vault can be asked; health is the log's, and goes on without."""
    from releaseguard.errors import ConfigError, ReleaseguardError

    now = wiring.stores.log.now()
    try:
        return list(wiring.bindings.due(now, provider))
    except ReleaseguardError as error:
        run.tell(f"Which secrets are due is not known: {error}", detail=isinstance(error, ConfigError))
        return []


def _looked(wiring: Wiring, observer: Observer) -> Overview:
    overview = observer.look()
    wiring.notices.tell_health(overview)
    return overview


def _looked_again(wiring: Wiring, observer: Observer, before: Overview) -> tuple[Overview, ServiceError | None]:
    """The next look of a watch; the one before, and why, where the log does not answer: it does again, as a rule."""
    try:
        return _looked(wiring, observer), None
    except ServiceError as error:
        return before, error


def _serve(run: Run, page: Page, port: int) -> None:
    """Answer browsers of this machine until Ctrl-C."""
    from releaseguard.cli.shared.live_page import LivePage

    with LivePage(page, port) as server:
        run.warn(f"The page is at {server.url} until Ctrl-C.")
        server.serve_forever()


def _live(observer: Observer, language: str, due: Sequence[DueSecret], zone: str, before: str | None) -> str:
    from releaseguard.health.document import document_of
    from releaseguard.model import from_text
    from releaseguard.report.health.html import live

    try:
        moment = None if before is None else from_text(before)
    except ValueError as error:
        raise UsageError(f"before={before}: {error}") from None
    return live(document_of(observer.look(before=moment), language, due), listing=moment is not None, zone=zone)


def _exit_code(overview: Overview) -> ExitCode:
    from releaseguard.health.document import is_broken, is_troubled, says_nothing

    if is_troubled(overview):
        return ExitCode.BAD
    if is_broken(overview):
        return ExitCode.BUG
    return ExitCode.UNDECIDED if says_nothing(overview) else ExitCode.OK


def _show(
    run: Run,
    language: str,
    format_: str | None,
    output: Path | None,
    due: Sequence[DueSecret],
    overview: Overview,
    *,
    clear: bool = False,
) -> None:
    from releaseguard.health.document import document_of

    document = document_of(overview, language, due)
    if clear and output is None:
        text = rendered(run, HEALTH, document, format_)
        steer(CLEAR)
        show(run, text, format_)
    else:
        present(run, HEALTH, document, format_, output, document["summary"])
