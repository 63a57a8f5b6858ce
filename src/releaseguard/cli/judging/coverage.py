"""``releaseguard coverage``: provider calls that are not logged, and providers without a test."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING

import click

from releaseguard.cli.shared.documents import chosen, format_option, output_option, present
from releaseguard.cli.shared.options import FilePath, Run, command, environment_option
from releaseguard.cli.shared.output import steer
from releaseguard.errors import ExitCode, UsageError
from releaseguard.report.formats import COVERAGE

if TYPE_CHECKING:
    from pathlib import Path

    from releaseguard.cards.load import Cards
    from releaseguard.coverage.run import Asked
    from releaseguard.coverage.seen import SeenCalls
    from releaseguard.coverage.values import Report
    from releaseguard.report.coverage.document import CoverageDocument, CoveragePage


@command("coverage", example="releaseguard coverage . --format sarif -o coverage.sarif")
@click.argument("path", type=FilePath())
@click.option("--provider", metavar="P", help="Only this provider.")
@click.option("--seen", is_flag=True, help="Hold each call against the event log: seen since the release, or never.")
@environment_option
@click.option("--no-cache", is_flag=True, help="Read every file anew, and remember nothing.")
@format_option(COVERAGE)
@output_option
def coverage(
    run: Run,
    path: Path,
    provider: str | None,
    seen: bool,
    environment: str | None,
    no_cache: bool,
    format_: str | None,
    output: Path | None,
) -> ExitCode:
    """Find provider calls in an app's TypeScript, JavaScript and Python whose success or error is not logged with
    logIntegrationEvent (log_integration_event), and providers without a test. Nothing is run, nothing is sent.

    What counts as a call is on the cards: the provider's hosts, and the packages and functions of its [code] section. A
    call counts as logged where an event of its provider is reached after it, and another where it failed: in the
    function that makes the call, or in every function that calls that one. No configuration is needed; where there is
    one, the project's own cards count too. What is installed, generated or ignored by git is not read.

    A client that answers a refusal as it answers a success (fetch, requests, httpx, postgrest-js) counts as logged only
    where somebody looks at its ok, status or error before the success is logged. One place that all calls of a client
    go through is enough: an interceptor, a fetch of one's own, a hook, a decorator, a context manager. Functions that
    receive a provider's webhook, and libraries that capture events by themselves, have to log too. A call that only
    asks whether the provider works is reported: never ask a provider that.

    Where the app's log function has another name or uses other words, name them:

    \b
      [coverage]
      log = { function = "track", provider = "name", outcome = "status", success = ["ok"], error = ["failed"] }

    A comment waives a finding of its line or of the next; one about a provider's tests may stand anywhere:

    \b
      // releaseguard: not-logged -- the reason
      // releaseguard: not-tested sendgrid -- the reason

    --seen asks the event log of the environment: which calls' events it holds since the newest release, within 30
    days, or never, by the edge function's or component's name (source) where the path says who runs it; and which
    sources never spoke. These are the consumers that a rotation's certificate waits for. It changes no exit code.

    Exit code 1 where something is missing or wrong. What could not be judged is listed and counted, and does not fail.
    No source at all is exit code 2.

    JSON: {"ok", "path", "summary", "findings": [{"rule", "provider", "file", "line", "column", "missing",
    "message", "fix"}], "unknown": [the same], "waived": [{"finding", "reason"}], "providers": [{"provider", "name",
    "calls", "covered", "waived", "tested", "tests", "clients": [{"file", "line", "calls"}]}], "received":
    [{"provider", "kind", "file", "line", "logged"}], "counts": {"calls", "logged", "not_judged", "waived", "gaps"},
    "seen": null or {"environment", "release", "deployed_at", "calls": [{"provider", "file", "line", "source",
    "state", "since_release", "within_30_days", "last"}], "consumers": [{"provider", "source", "state", "calls",
    "last"}], "silent_sources", "without_source"}, "files", "test_files"}. State: since_release, before, never, unnamed
    (rows of the provider name no source). Rules: not-logged, not-received, status-ping, not-tested, unknown-provider,
    unknown-event, wrong-outcome, unknown-log (with [coverage] unreadable = "tell" it fails nothing); of what is
    unknown: unknown-address, unknown-client, too-wide, not-read, bad-waiver.
    """
    from releaseguard.coverage.document import document_of, summary
    from releaseguard.coverage.run import search

    cards = _cards(run)
    if provider is not None:
        cards.get(provider)
    report = _only(search(path, cards, _progress(run), _asked(run, no_cache)), provider)
    _refuse_nothing(report, path)
    held = _held(run, report, environment) if seen else None
    page = _page(path, document_of(report, path.as_posix(), held), marked=chosen(run, format_) == "sarif")
    present(run, COVERAGE, page, format_, output, summary(report))
    return ExitCode.BAD if report.gaps else ExitCode.OK


def _page(path: Path, document: CoverageDocument, *, marked: bool) -> CoveragePage:
    """The document, and where ``marked`` what code scanning asks of the files that it speaks of."""
    from releaseguard.report.coverage.document import CoveragePage, rows_of
    from releaseguard.report.coverage.fingerprints import line_fingerprints

    root = path.parent if path.is_file() else path
    lines: dict[str, set[int]] = {}
    for row in rows_of(document) if marked else ():
        lines.setdefault(row["file"], set()).add(row["line"])
    folders = frozenset(name for name in lines if (root / name).is_dir())
    prints = {name: line_fingerprints(_content(root / name), lines[name]) for name in lines if name not in folders}
    return CoveragePage(document, _in_repository(path), prints, folders)


def _content(path: Path) -> bytes:
    """What a file holds; nothing where it cannot be read, which was told already."""
    try:
        return path.read_bytes()
    except OSError:
        return b""


def _cards(run: Run) -> Cards:
    """The shipped cards, with those of the project where it has a configuration."""
    from releaseguard.compose.known.configuration import cards_in

    settings = run.settings(needs_log=False)
    return cards_in(settings.root if settings.path else None)


def _held(run: Run, report: Report, environment: str | None) -> SeenCalls:
    """The report, held against the log of an environment."""
    from releaseguard.coverage.seen import seen

    with run.wiring(environment) as wiring:
        return seen(report, wiring.stores.log, wiring.settings, wiring.cards)


def _asked(run: Run, no_cache: bool) -> Asked:
    """How the project logs, and where what was read is remembered."""
    from releaseguard.coverage.reading.cache import usual_folder
    from releaseguard.coverage.run import Asked
    from releaseguard.coverage.signature import Signature
    from releaseguard.coverage.values import REMARKS

    section = run.settings(needs_log=False).coverage
    log = section.log
    own = None
    if log is not None:
        words = (log.function, log.provider, log.outcome, log.event, log.success, log.error, log.providers)
        own = Signature(*words)
    told = {*REMARKS, *(("unknown-log",) if section.unreadable == "tell" else ())}
    return Asked(own, frozenset(told), None if no_cache else usual_folder())


def _refuse_nothing(report: Report, path: Path) -> None:
    """A gate over no source at all says nothing, and must not pass."""
    if not report.files:
        raise UsageError(
            "no source was found to look at: TypeScript, JavaScript, Vue, Svelte, Astro and Python are read",
            where=str(path),
            next_step="Name the folder of the app's source; what git ignores, and what a build made, is not read.",
        )


def _only(report: Report, provider: str | None) -> Report:
    from dataclasses import replace

    if provider is None:
        return report
    return replace(
        report,
        findings=[one for one in report.findings if one.provider == provider],
        waived=[one for one in report.waived if one.finding.provider == provider],
        providers=[one for one in report.providers if one.provider == provider],
    )


def _progress(run: Run) -> Callable[[int, int], None]:
    """Says on a terminal how far the reading is, once it has taken a second."""
    began = last = time.monotonic()

    def tell(done: int, whole: int) -> None:
        nonlocal last
        now = time.monotonic()
        if not run.on_terminal or now - began < 1 or (now - last < 0.2 and done < whole):
            return
        last = now
        shown = f"{done} of {whole} files read" if done < whole else ""
        steer("\r\033[K", err=True)
        click.echo(shown, err=True, nl=False)

    return tell


def _in_repository(path: Path) -> str:
    """Where the searched folder lies in its repository: code scanning knows files by their place there."""
    folder = (path.parent if path.is_file() else path).resolve()
    root = next((one for one in (folder, *folder.parents) if (one / ".git").exists()), folder)
    inside = folder.relative_to(root).as_posix()
    return "" if inside == "." else f"{inside}/"
