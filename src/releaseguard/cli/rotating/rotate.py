"""``releaseguard rotate``: flags, the story, the result."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import click

from releaseguard.cli.shared.confirm import ask, refuse_without_terminal
from releaseguard.cli.shared.options import Run, Span, command, environment_option
from releaseguard.errors import ExitCode, LeaseHeld, ReleaseguardError, UsageError
from releaseguard.harmless import harmless

if TYPE_CHECKING:
    from releaseguard.cards.spec import Card
    from releaseguard.rotation.context import RotationContext
    from releaseguard.rotation.result import RotationResult
    from releaseguard.rotation.values import RotateRequest
    from releaseguard.secret import Secret
    from releaseguard.wiring import Wiring

ORIGINS = ("infisical", "stdin", "generate", "infisical-rotation")
VERBS = ("resume", "abort", "rollback", "confirm_revoked")


@command("rotate", example='releaseguard rotate sendgrid --leak --reason "key in a public gist"')
@click.argument("provider", required=False)
@click.option("--all-drifted", is_flag=True, help="Push what `drift` finds behind, missing or changed.")
@environment_option
@click.option("--secret", metavar="NAME", help="One secret of the card, with its group (else the card's first).")
@click.option("--leak", is_flag=True, help="The value is known to strangers: rotate at once, never back to it.")
@click.option("--reason", metavar="TEXT", help="How it leaked, for the audit (with --leak).")
@click.option(
    "--leaked-version", type=click.IntRange(1), metavar="N", help="Which version leaked (else the last pushed)."
)
@click.option(
    "--from",
    "origin",
    type=click.Choice(ORIGINS),
    default="infisical",
    show_default=True,
    help="Where the new value comes from.",
)
@click.option("--raw", is_flag=True, help="Keep a trailing newline of standard input.")
@click.option(
    "--new-destination",
    "new_destinations",
    multiple=True,
    metavar="URI",
    help="This destination is meant although no rotation has written it; GitHub Actions asks for it. May be repeated.",
)
@click.option("--dry-run", is_flag=True, help="Print the plan and change nothing.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.option("--resume", is_flag=True, help="Finish an unfinished rotation, from any machine.")
@click.option("--abort", is_flag=True, help="Give an unfinished rotation up, leaving what was written.")
@click.option("--rollback", is_flag=True, help="Put the previous version back; never a leaked one.")
@click.option(
    "--confirm-revoked",
    is_flag=True,
    help="Record that the old key was revoked at the provider; exit code 1 if it has worked since.",
)
@click.option("--no-deploy", is_flag=True, help="Push only; somebody else deploys.")
@click.option("--prove-within", type=Span(), metavar="15m", help="How long to wait for the proof.")
def rotate(
    run: Run, provider: str | None, all_drifted: bool, environment: str | None, yes: bool, **flags: object
) -> ExitCode:
    """Take a secret's new version to every place that uses it, redeploy, and prove from the app's own events
    that the provider works with it.

    Vercel's and Supabase's own keys are what releaseguard stands on: they are rotated only where the new access is
    given beside the old one (VERCEL_TOKEN_NEW, SUPABASE_SERVICE_ROLE_KEY_NEW, SUPABASE_ACCESS_TOKEN_NEW).

    Exit codes: 0 PROVEN (or nothing to do), 1 failed or rolled back, 3 UNPROVEN or waiting for a person,
    4 refused (another run holds the lease, no newer version in a leak), 5 a service did not answer.
    """
    _check_flags(provider, all_drifted, flags)
    if flags["reason"]:
        flags["reason"] = run.said("--reason", str(flags["reason"]))
    with run.wiring(environment) as wiring:
        if all_drifted:
            return _rotate_drifted(run, wiring, yes, flags)
        return _rotate_one(run, wiring, str(provider), yes, flags)


def _check_flags(provider: str | None, all_drifted: bool, flags: Mapping[str, object]) -> None:
    if bool(provider) is all_drifted:
        raise UsageError("name one provider, or use --all-drifted", next_step="Example: releaseguard rotate sendgrid")
    verbs = [verb for verb in VERBS if flags[verb]]
    if len(verbs) > 1:
        raise UsageError(f"{' and '.join('--' + _dashed(verb) for verb in verbs)} exclude each other")
    if flags["leak"] and not flags["reason"]:
        raise UsageError("--leak needs --reason", next_step='Say how it leaked: --reason "key in a public gist"')
    if (flags["reason"] or flags["leaked_version"]) and not flags["leak"]:
        raise UsageError("--reason and --leaked-version go with --leak")
    if flags["raw"] and flags["origin"] != "stdin":
        raise UsageError("--raw goes with --from stdin")
    if flags["dry_run"] and verbs:
        raise UsageError(
            f"--dry-run shows what a rotation would do, and --{_dashed(verbs[0])} is none",
            next_step="See where it stands: releaseguard audit show",
        )
    if flags["leak"] and verbs and verbs != ["resume"]:
        raise UsageError(f"--leak goes with a rotation, not with --{_dashed(verbs[0])}")
    if all_drifted:
        _refuse_with_all_drifted(flags)


def _refuse_with_all_drifted(flags: Mapping[str, object]) -> None:
    """It pushes newest versions again: what says where a value comes from, or what became of it, has no place there."""
    words = [*VERBS, "secret", "leak", "raw", *(["from"] if flags["origin"] != "infisical" else [])]
    given = next((word for word in words if flags.get(word) or word == "from"), None)
    if given:
        raise UsageError(f"--all-drifted and --{_dashed(given)} exclude each other")


def _dashed(word: str) -> str:
    return word.replace("_", "-")


def _rotate_one(run: Run, wiring: Wiring, provider: str, yes: bool, flags: Mapping[str, object]) -> ExitCode:
    card = wiring.cards.get(provider)
    request = _request(card, flags)
    context = wiring.rotation.context(card, request.secret)
    _check_named(wiring, [provider], flags)
    if not (yes or request.dry_run or any(flags[verb] for verb in VERBS)):
        _confirm(run, context, request)
    result = rotated(run, wiring, context, request)
    _report(run, result)
    if result.problem is not None:
        raise result.problem
    return result.exit_code


def _check_named(wiring: Wiring, providers: Sequence[str], flags: Mapping[str, object]) -> None:
    from releaseguard.compose.configuration import ADDRESSES
    from releaseguard.rotation.planning.new_destinations import check_named

    named = _texts(flags["new_destinations"])
    if named:
        check_named(named, [one for name in providers for one in wiring.bindings.addresses_of(name)], ADDRESSES.parse)


def rotated(run: Run, wiring: Wiring, context: RotationContext, request: RotateRequest) -> RotationResult:
    """Rotate, and look after what surrounds it: who else has the leaked value, which alerts are settled."""
    from releaseguard.rotation.commands import rotate as run_rotation
    from releaseguard.rotation.values import RotateAction

    try:
        result = run_rotation(request, context, run.tell)
    except LeaseHeld as held:
        return _held(context, held)
    if not request.dry_run and request.action in (
        RotateAction.ROTATE,
        RotateAction.RESUME,
        RotateAction.CONFIRM_REVOKED,
    ):
        result = _with_exposure(wiring, context, request, result)
    if request.action is RotateAction.CONFIRM_REVOKED:
        result = _with_closed_alerts(wiring, context, result)
    return result


def _held(context: RotationContext, held: LeaseHeld) -> RotationResult:
    """What can be said of a rotation that another run is doing."""
    from releaseguard.rotation.history.reading import chain_view
    from releaseguard.rotation.result import RotationResult

    view = chain_view(context.log, context.chain_key)
    return RotationResult(
        rotation_id=view.current.id if view.current else None,
        provider=context.chain_key.provider,
        environment=context.chain_key.environment,
        state=view.current.state if view.current else None,
        secrets=view.current.pins if view.current else (),
        lease_holder=view.lease.holder if view.lease and not view.lease.released else None,
        next_step=held.next_step,
        problem=held,
        head=view.head,
        exit_code=held.exit_code,
    )


def _with_exposure(
    wiring: Wiring, context: RotationContext, request: RotateRequest, result: RotationResult
) -> RotationResult:
    """Of a leak: report what it exposed, once, whichever run comes to that, and write the post-mortem anew."""
    from releaseguard.rotation.exposure.report import exposure_event, gather, summary
    from releaseguard.rotation.history.reading import chain_view
    from releaseguard.rotation.values import RotateAction

    view = next(
        (one for one in chain_view(context.log, context.chain_key).rotations if one.id == result.rotation_id), None
    )
    if view is None or view.leak is None:
        return result
    told: Sequence[str] = ()
    if request.leak or (request.action is not RotateAction.CONFIRM_REVOKED and not _is_reported(context, view.id)):
        secret = view.pins[0].name if view.pins else request.secret
        exposure = gather(wiring.rotation.exposure_sources(context, secret), view.leak.versions, view.began_at)
        context.log.append([exposure_event(context.chain_key, view.id, exposure)])
        told = summary(exposure.to_json())
    written = _postmortem(wiring, context, view.id)
    return replace(result, remarks=(*result.remarks, *told, written))


def _is_reported(context: RotationContext, rotation_id: str) -> bool:
    """Whether a run has come as far as the exposure report of this leak; one that was killed has not."""
    from releaseguard.eventlog.interface import Query
    from releaseguard.model import OURSELVES
    from releaseguard.rotation.exposure.report import EVENT

    query = Query(providers=(OURSELVES,), events=(EVENT,), detail={"rotation_id": rotation_id}, limit=1)
    return any(True for _ in context.log.select(query))


def _postmortem(wiring: Wiring, context: RotationContext, rotation_id: str) -> str:
    """Write the post-mortem beside the configuration, in Markdown and HTML; says where, or why not."""
    from releaseguard.cli.rotating.audit import document_of
    from releaseguard.report.formats import POSTMORTEM
    from releaseguard.report.layout.display import Display
    from releaseguard.rotation.exposure.postmortem import FOLDER
    from releaseguard_events.private import make_folder, write_file

    document = document_of(context.log, rotation_id, context.chain_key.environment)
    folder = wiring.settings.root / FOLDER
    try:
        make_folder(folder)
        for form, render in POSTMORTEM.items():
            write_file(folder / f"{rotation_id}.{form}", harmless(render(document, Display())))
    except OSError as error:
        again = f"releaseguard audit report --rotation {rotation_id} -o FILE"
        return f"the post-mortem could not be written to {folder} ({error.strerror}): {again}"
    return f"post-mortem: {folder / rotation_id}.md and .html"


def _with_closed_alerts(wiring: Wiring, context: RotationContext, result: RotationResult) -> RotationResult:
    """Close the alerts that the confirmed revocation settles; that GitHub refuses does not undo the confirmation.

    A value that still works settles nothing.
    """
    if result.exit_code is not ExitCode.OK:
        return result
    from releaseguard.cli.rotating.leaks import close_revoked
    from releaseguard.rotation.history.reading import chain_view

    try:
        closed = close_revoked(
            wiring.rotation.alerts(), wiring.cards, context.card.id, chain_view(context.log, context.chain_key)
        )
    except ReleaseguardError as error:
        return replace(result, remarks=(*result.remarks, f"GitHub's alerts could not be looked at: {error}"))
    said = [f"closed as revoked: alert {alert.number} in {alert.place}" for alert in closed]
    return replace(result, remarks=(*result.remarks, *said))


def _rotate_drifted(run: Run, wiring: Wiring, yes: bool, flags: Mapping[str, object]) -> ExitCode:
    """Push the newest versions again wherever they are behind, missing or changed."""
    from releaseguard.rotation.drift.compare import PUSHABLE
    from releaseguard.rotation.drift.survey import survey

    found = survey(wiring.bindings.managed(), wiring.bindings.vault, wiring.stores.log, copies=False)
    drifted = dict.fromkeys((one.provider, one.secret) for one in found.findings if one.status in PUSHABLE)
    units = {(name, wiring.cards.get(name).unit_of(secret)[0].name): None for name, secret in drifted}
    if not units:
        run.emit("Nothing has drifted.", {"rotations": []})
        return ExitCode.OK
    if not yes and not flags["dry_run"]:
        ask(f"Push again: {', '.join(f'{name} {secret}' for name, secret in units)}")
    results = []
    _check_named(wiring, [name for name, _ in units], flags)
    for name, secret in units:
        context = wiring.rotation.context(wiring.cards.get(name), secret)
        request = replace(_request(wiring.cards.get(name), {**flags, "secret": secret}), push_again=True)
        results.append(_attempted(run, wiring, context, request))
    run.emit(lambda: "\n\n".join(text_of(one) for one in results), {"rotations": [one.to_json() for one in results]})
    return max((one.exit_code for one in results), key=_SEVERITY.index)


_SEVERITY = [ExitCode.OK, ExitCode.UNDECIDED, ExitCode.REFUSED, ExitCode.USAGE, ExitCode.SERVICE, ExitCode.BAD]
"""Which exit code stands for several rotations: the worst, and a failure is worse than not having looked."""


def _attempted(run: Run, wiring: Wiring, context: RotationContext, request: RotateRequest) -> RotationResult:
    """One of several rotations: what stops it does not stop the others."""
    from releaseguard.rotation.result import RotationResult

    try:
        return rotated(run, wiring, context, request)
    except ReleaseguardError as error:
        return RotationResult(
            rotation_id=None,
            provider=context.chain_key.provider,
            environment=context.chain_key.environment,
            state=None,
            next_step=error.next_step,
            problem=error,
            exit_code=error.exit_code,
        )


def _request(card: Card, flags: Mapping[str, object]) -> RotateRequest:
    from releaseguard.rotation.values import RotateAction, RotateRequest, ValueSource

    verb = next((verb for verb in VERBS if flags[verb]), "rotate")
    prove_within = flags["prove_within"]
    secret = flags["secret"]
    origin = ValueSource(str(flags["origin"]))
    return RotateRequest(
        action=RotateAction(verb.replace("_", "-")),
        secret=str(secret) if secret else None,
        origin=origin,
        values=_given(card, verb, flags) if origin is ValueSource.STDIN else {},
        leak=bool(flags["leak"]),
        reason=str(flags["reason"]) if flags["reason"] else None,
        leaked_version=flags["leaked_version"] if isinstance(flags["leaked_version"], int) else None,
        dry_run=bool(flags["dry_run"]),
        deploy=not flags["no_deploy"],
        prove_within=prove_within if isinstance(prove_within, timedelta) else None,
        new_destinations=_texts(flags["new_destinations"]),
    )


def _texts(flag: object) -> Sequence[str]:
    return tuple(str(text) for text in flag) if isinstance(flag, tuple) else ()


def _given(card: Card, verb: str, flags: Mapping[str, object]) -> Mapping[str, Secret]:
    """The new values: from standard input (a JSON object for a group), or from a hidden prompt on a terminal.

    A run that was killed before it stored them is resumed with them; later nothing needs them.
    """
    from releaseguard.secret import Secret

    if verb not in ("rotate", "resume"):
        return {}
    secret = flags["secret"]
    names = [member.name for member in card.unit_of(str(secret) if secret else None)]
    if sys.stdin is not None and sys.stdin.isatty():
        asked = names if verb == "rotate" else []
        return {name: Secret(click.prompt(f"New value of {name}", hide_input=True, err=True)) for name in asked}
    text = _standard_input()
    return {} if verb == "resume" and not text else _values(names, text, bool(flags["raw"]))


def _values(names: list[str], text: str, raw: bool) -> Mapping[str, Secret]:
    from releaseguard.secret import Secret

    if len(names) > 1:
        return _group_values(text, names)
    value = text if raw else text.removesuffix("\n").removesuffix("\r")
    if not value.strip():
        raise UsageError("standard input holds no value", next_step="Pipe the new value in, or run this on a terminal.")
    return {names[0]: Secret(value)}


def _standard_input() -> str:
    """What was piped in, byte for byte: a text stream would turn the line ends of a PEM file into others, and read the
    bytes in whatever the machine's language setting is."""
    try:
        return sys.stdin.buffer.read().decode() if sys.stdin is not None else ""
    except UnicodeDecodeError:
        problem = UsageError("standard input is not UTF-8", next_step="Pipe the value in as UTF-8 text.")
    raise problem  # outside the handler: the error holds the bytes


def _group_values(text: str, names: list[str]) -> Mapping[str, Secret]:
    import json

    from releaseguard.secret import Secret

    try:
        given = json.loads(text)
    except ValueError:
        given = None
    complete = isinstance(given, dict) and set(given) == set(names)
    if not complete or not all(isinstance(value, str) and value.strip() for value in given.values()):
        raise UsageError(
            f"{' and '.join(names)} only work together, and standard input is not a JSON object with exactly these",
            next_step="Pipe in {" + ", ".join(f'"{name}": "..."' for name in names) + "}.",
        )
    return {name: Secret(value) for name, value in given.items()}


def _confirm(run: Run, context: RotationContext, request: RotateRequest) -> None:
    """Show the plan and ask; where nobody can answer, refuse."""
    from releaseguard.rotation.commands import rotate as run_rotation

    refuse_without_terminal()
    plan = run_rotation(replace(request, dry_run=True), context, run.tell)
    ask(text_of(plan))


def _report(run: Run, result: RotationResult) -> None:
    run.emit(lambda: text_of(result), result.to_json())
    _job_summary(run, result)
    if result.problem is not None:
        result.problem.reported = True


def _job_summary(run: Run, result: RotationResult) -> None:
    """The result and the chain's head in the GitHub Actions job summary: the head is anchored outside the log."""
    from releaseguard.report.layout.markdown import fenced

    path = run.environ.get("GITHUB_STEP_SUMMARY")
    if not path:
        return
    try:
        with Path(path).open("a", encoding="utf-8") as summary:
            summary.write(harmless(fenced(text_of(result))) + "\n")
    except OSError as error:
        run.tell(f"The job summary could not be written to {path}: {error.strerror}.")


def text_of(result: RotationResult) -> str:
    """A result for people: the state first, then what was written, what is missing, and what to do next."""
    from releaseguard.rotation.planning.telling import describe

    state = result.state.value if result.state else "PLAN"
    lines = [f"{state}  {result.provider} in {result.environment}"]
    if result.plan is not None:
        lines = [f"PLAN  {result.provider} in {result.environment}", *(f"  {line}" for line in describe(result.plan))]
    else:
        lines += _result_lines(result)
    lines += [f"  {remark}" for remark in result.remarks]
    if result.next_step and result.problem is None:
        lines.append(f"  next: {result.next_step}")
    if result.head:
        lines.append(f"  head: {result.head}")
    return "\n".join(lines)


def _result_lines(result: RotationResult) -> list[str]:
    lines = [f"  rotation {result.rotation_id}"] if result.rotation_id else []
    for pin in result.secrets:
        before = "?" if pin.from_version is None else pin.from_version
        lines.append(f"  {pin.name}: version {before} -> {pin.to_version or '?'}")
    lines += [f"  {one.status:<11} {one.uri} {one.name}" for one in result.destinations]
    if result.proof.grade:
        lines.append(f"  proof: grade {result.proof.grade}, {len(result.proof.events)} events")
    return [*lines, *(f"  missing: {what}" for what in result.proof.missing)]
