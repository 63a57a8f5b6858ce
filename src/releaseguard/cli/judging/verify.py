"""``releaseguard verify``: flags, the story, the report."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import click

from releaseguard.cli.shared.documents import format_option, output_option, present, rendered
from releaseguard.cli.shared.options import Moment, Run, Span, check_past, check_spans, command, environment_option
from releaseguard.cli.shared.traces import write_trace
from releaseguard.errors import ExitCode, ServiceError, UsageError
from releaseguard.model import Verdict, to_text
from releaseguard.report.formats import VERDICT

if TYPE_CHECKING:
    from pathlib import Path

    from releaseguard.report.verdict.document import VerdictDocument
    from releaseguard.verification.context import VerifyRequest
    from releaseguard.verification.rows.accepted import Accepting
    from releaseguard.verification.values import Judged
    from releaseguard.wiring import Wiring

EXIT_CODES = {
    Verdict.PASS: ExitCode.OK,
    Verdict.WARN: ExitCode.OK,
    Verdict.FAIL: ExitCode.BAD,
    Verdict.INCONCLUSIVE: ExitCode.UNDECIDED,
}


@command("verify", example='releaseguard verify --release "$(git rev-parse HEAD)" --watch --within 30m')
@click.option("--release", metavar="ID", help="The release (else the newest release_deployed event).")
@click.option("--deployed-at", type=Moment(), metavar="TIME", help="When it was deployed (else its event says).")
@click.option("--component", metavar="C", help="The part of the app that was deployed (else whichever was last).")
@environment_option
@click.option("--window", type=Span(), metavar="30m", help="How long after the deployment to look.")
@click.option("--baseline", type=Span(), metavar="28d", help="How long before the deployment to compare with.")
@click.option("--as-of", type=Moment(), metavar="TIME", help="Judge with only what had been recorded by then.")
@click.option("--check", "checks", multiple=True, metavar="ID", help="Only this check; may be repeated.")
@click.option("--provider", "providers", multiple=True, metavar="P", help="Only this provider; may be repeated.")
@click.option("--accept", "accepts", multiple=True, metavar="CHECK", help="Accept this check's finding, with --reason.")
@click.option("--reason", metavar="TEXT", help="Why; needed with --accept, and shown in every later report.")
@click.option("--watch", is_flag=True, help="Look again until decided.")
@click.option("--within", type=Span(), metavar="30m", help="How long to watch (else until the window ends).")
@click.option("--no-flows", is_flag=True, help="Run no synthetic flow.")
@click.option("--explain", metavar="CHECK", help="Show one check with all its evidence.")
@format_option(VERDICT, "the verdict")
@output_option
def verify(run: Run, environment: str | None, watch: bool, within: timedelta | None, **flags: Any) -> ExitCode:
    """Judge a release from the app's own integration events, and from safe synthetic flows.

    PASS and WARN exit 0, FAIL 1, INCONCLUSIVE 3, and 70 where a check broke and nothing fails. Missing, stale, partial
    or untagged data is INCONCLUSIVE, never PASS. Looks may be repeated as often as you like: the promised rate of false
    alarms holds over all of them together.
    """
    from releaseguard.verification.watch import Watching
    from releaseguard.verification.watch import verify as judge

    _check_flags(watch, within, flags)
    with run.wiring(environment) as wiring:
        request = _request(wiring, flags)
        context = wiring.verification.context(window=flags["window"], baseline=flags["baseline"])
        accepting = _accepting(run, wiring, flags["accepts"], flags["reason"] or "")
        watching = Watching(
            tell=run.tell, warn=run.warn, again=watch, within=within, accepting=accepting, clocks=run.clocks
        )
        try:
            judged = judge(replace(context, trace=write_trace), request, watching)
        except (KeyboardInterrupt, ServiceError) as error:
            if watch or isinstance(error, KeyboardInterrupt):
                run.warn(f"No verdict was reached. Look again: {_again(environment, **flags)}")
            raise
        if request.as_of is None:
            wiring.notices.tell_verdict(judged)
    _tell_unknown(run, judged)
    run.warn_of(judged.set_aside)
    document = _document(judged, flags["explain"])
    _emit(run, document, flags["format_"], flags["output"])
    _tell_job(run, document)
    return _exit_code(judged)


def _again(environment: str | None, **flags: Any) -> str:
    """The command that judges the same release now, in the same way."""
    import shlex

    from releaseguard.readable import as_flag

    said = {
        "--release": flags["release"],
        "--component": flags["component"],
        "--environment": environment,
        "--deployed-at": flags["deployed_at"] and to_text(flags["deployed_at"]),
        "--window": flags["window"] and as_flag(flags["window"]),
        "--baseline": flags["baseline"] and as_flag(flags["baseline"]),
    }
    chosen = [*(("--check", one) for one in flags["checks"]), *(("--provider", one) for one in flags["providers"])]
    words = [word for pair in (*said.items(), *chosen) if pair[1] for word in pair]
    return shlex.join(["releaseguard", "verify", *words, *(["--no-flows"] if flags["no_flows"] else [])])


def _tell_job(run: Run, document: VerdictDocument) -> None:
    """The verdict in a job's summary, beside it, and as the step's output."""
    from releaseguard.cli.shared.job import Annotation
    from releaseguard.report.verdict.document import by_urgency

    if run.job.has_summary:
        run.job.summarize(rendered(run, VERDICT, document, "markdown"))
    run.job.put_out({"verdict": document["verdict"], "release": document["release"]})
    said = [row for row in by_urgency(document) if row["verdict"] in _ANNOTATED]
    run.job.annotate(
        Annotation(
            level="error" if row["verdict"] in ("fail", "error") and row["blocking"] else "warning",
            title=f"{row['verdict'].upper()} {row['id']}",
            message=row["reason"],
        )
        for row in said
    )


_ANNOTATED = ("fail", "error", "inconclusive", "warn")


def _exit_code(judged: Judged) -> ExitCode:
    """A check that broke is a bug of ours, whatever the others say; but a FAIL stands."""
    if judged.broken and judged.verdict is not Verdict.FAIL:
        return ExitCode.BUG
    return EXIT_CODES[judged.verdict]


def _tell_unknown(run: Run, judged: Judged) -> None:
    """Names that no card knows may be misspelt; errors among them count as their provider's."""
    unknown = judged.unknown_events
    if unknown:
        names = ", ".join(f"{row.event} of {row.provider} ({row.outcome}, {row.events})" for row in unknown)
        run.tell(f"Events that no card names: {' '.join(names.split())}")


def _check_flags(watch: bool, within: timedelta | None, flags: Mapping[str, Any]) -> None:
    if within is not None and not watch:
        raise UsageError("--within needs --watch")
    if watch and flags["as_of"] is not None:
        raise UsageError("--watch looks at the present and --as-of at the past: use one of them")
    _check_accepting(flags["accepts"], flags["reason"], at_present=flags["as_of"] is None)
    check_spans(window=flags["window"], baseline=flags["baseline"])
    _check_release(flags["release"])
    _check_output(flags["output"])


def _check_release(release: str | None) -> None:
    """A pipeline's variable that is not set is not "the newest release"."""
    if release is not None and not release.strip():
        raise UsageError("--release is empty", next_step="Is the variable set? Give the release's id: --release SHA")


def _check_accepting(accepts: Sequence[str], reason: str | None, *, at_present: bool) -> None:
    if bool(accepts) != (reason is not None):
        raise UsageError("--accept CHECK and --reason TEXT go together", next_step="Say which check, and why.")
    if reason is not None and not reason.strip():
        raise UsageError("--reason is empty", next_step="Whoever reads the report has to know why.")
    if accepts and not at_present:
        raise UsageError("--accept is of the present and --as-of judges the past: use one of them")


def _accepting(run: Run, wiring: Wiring, accepts: Sequence[str], reason: str) -> Accepting | None:
    """What is to be accepted. Raises ``UsageError`` for a check that no card has."""
    from releaseguard.ci.job import person_in
    from releaseguard.keeping import clean_text
    from releaseguard.verification.rows.accepted import Accepting

    if not accepts:
        return None
    checks = {check: wiring.cards.check(check)[0].id for check in accepts}
    return Accepting(checks=checks, reason=run.said("--reason", reason.strip()), by=clean_text(person_in(run.environ)))


def _check_output(output: Path | None) -> None:
    """A file that cannot be written is said before half an hour of watching, not after."""
    if output is None:
        return
    if output.is_dir():
        raise UsageError("cannot be written: it is a directory", where=str(output), next_step="Name a file in it.")
    if not output.parent.is_dir():
        step = f"Make it: mkdir -p {output.parent}"
        raise UsageError("cannot be written: its directory does not exist", where=str(output), next_step=step)


def _request(wiring: Wiring, flags: Mapping[str, Any]) -> VerifyRequest:
    from releaseguard.verification.context import VerifyRequest

    asked = [*flags["checks"], *([flags["explain"]] if flags["explain"] and not flags["checks"] else [])]
    of = {wiring.cards.check(check)[0].id for check in asked}
    for provider in flags["providers"]:
        wiring.cards.get(provider)
    if of and flags["providers"] and not of & set(flags["providers"]):
        given = "--check and --provider name nothing in common: no check of both would be judged"
        raise UsageError(given, next_step="Leave one of them out.")
    for option in ("as_of", "deployed_at"):
        if flags[option] is not None:
            check_past(f"--{option.replace('_', '-')}", flags[option], wiring.stores.log.now())
    return VerifyRequest(
        release=flags["release"] and flags["release"].strip(),
        deployed_at=flags["deployed_at"],
        as_of=flags["as_of"],
        checks=frozenset(flags["checks"]),
        providers=frozenset(flags["providers"]),
        flows=not flags["no_flows"],
        component=_component(wiring, flags["component"]),
    )


def _component(wiring: Wiring, component: str | None) -> str | None:
    """Raises ``UsageError`` where the configuration names components, and not this one."""
    if component is not None and wiring.settings.components:
        wiring.verification.population.components.refuse_unknown(component, wiring.settings.where("components"))
    return component


def _document(judged: Judged, explain: str | None) -> VerdictDocument:
    from releaseguard.verification.telling.document import document_of

    document = document_of(judged)
    if explain:
        document["checks"] = [row for row in document["checks"] if row["id"] == explain]
        document["skipped"] = [row for row in document["skipped"] if row["id"] == explain]
        document["explained"] = True
    return document


def _emit(run: Run, document: VerdictDocument, format_: str | None, output: Path | None) -> None:
    present(run, VERDICT, document, format_, output, f"{document['verdict'].upper()}  {document['summary']}")
