"""``releaseguard rotate``: flags, one call, the result."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import click

from releaseguard.cli.rotating.by_hand import by_hand
from releaseguard.cli.rotating.carrying_out import carry_out, set_up
from releaseguard.cli.rotating.given import given_values
from releaseguard.cli.rotating.in_job import leave_in_job
from releaseguard.cli.shared.confirm import ask, refuse_without_terminal
from releaseguard.cli.shared.options import Run, Span, command, environment_option
from releaseguard.cli.shared.streams import line_width
from releaseguard.errors import ExitCode, ReleaseguardError, UsageError
from releaseguard.messages.typed import typed
from releaseguard.vault.source import ValueSource

if TYPE_CHECKING:
    from releaseguard.cards.spec import Card
    from releaseguard.rotation.context import RotationContext
    from releaseguard.rotation.result import RotationResult
    from releaseguard.rotation.values import RotateRequest
    from releaseguard.secret import Secret
    from releaseguard.wiring import Wiring

ORIGINS = tuple(source.value for source in ValueSource)
VERBS = ("resume", "abort", "rollback", "confirm_revoked", "withdraw_leak")


@dataclass(frozen=True, slots=True, kw_only=True)
class RotateFlags:
    """The flags as given."""

    secret: str | None
    leak: bool
    reason: str | None
    leaked_version: int | None
    origin: str
    vault_later: bool
    raw: bool
    accept_value: bool
    skip: Sequence[str]
    new_destinations: Sequence[str]
    dry_run: bool
    resume: bool
    abort: bool
    rollback: bool
    confirm_revoked: bool
    despite_use: bool
    withdraw_leak: bool
    by_hand: bool
    no_deploy: bool
    prove_within: timedelta | None

    @property
    def verbs(self) -> Sequence[str]:
        """The flags that ask for something other than a plain rotation."""
        return [verb.replace("_", "-") for verb in VERBS if getattr(self, verb)]


@command("rotate", example='releaseguard rotate sendgrid --leak --reason "key in a public gist"')
@click.argument("provider", required=False)
@click.option("--all", "every", is_flag=True, help="Every provider, in order of harm; with --leak after a breach.")
@click.option("--all-drifted", is_flag=True, help="Push what `drift` finds behind, missing or changed.")
@environment_option
@click.option("--secret", metavar="NAME", help="One secret of the card, with its group (else the card's first).")
@click.option("--leak", is_flag=True, help="The value has leaked: rotate at once, and never back to it.")
@click.option(
    "--reason",
    metavar="TEXT",
    help="Why, for the audit (with --leak, --skip, --accept-value, --withdraw-leak).",
)
@click.option(
    "--leaked-version", type=click.IntRange(1), metavar="N", help="Which version leaked (else the last pushed)."
)
@click.option(
    "--from",
    "origin",
    type=click.Choice(ORIGINS),
    default=ValueSource.VAULT.value,
    show_default=True,
    help="Where the new value comes from.",
)
@click.option(
    "--accept-value",
    is_flag=True,
    help="Take a value that looks as if it could not be a key (with --reason): a reference, white space, quotes.",
)
@click.option(
    "--vault-later",
    is_flag=True,
    help="With --from stdin while the vault is away: push now; the vault has to hold the same value before it is done.",
)
@click.option("--raw", is_flag=True, help="Keep a trailing newline of standard input.")
@click.option(
    "--skip",
    multiple=True,
    metavar="DESTINATION",
    help="Leave this destination out, on record, with --reason; --resume writes it later. May be repeated.",
)
@click.option(
    "--new-destination",
    "new_destinations",
    multiple=True,
    metavar="URI",
    help="Confirm a destination that no rotation has written yet; GitHub Actions requires it. May be repeated.",
)
@click.option("--dry-run", is_flag=True, help="Print the plan and change nothing.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.option("--resume", is_flag=True, help="Finish an unfinished rotation, from any machine.")
@click.option("--abort", is_flag=True, help="Give up an unfinished rotation, leaving what was written.")
@click.option("--rollback", is_flag=True, help="Put the previous version back; never a leaked one.")
@click.option(
    "--confirm-revoked",
    is_flag=True,
    help="Record that the old key was revoked at the provider; exit code 1 if it has worked since.",
)
@click.option(
    "--despite-use", is_flag=True, help="With --confirm-revoked: record it although the old value may be in use still."
)
@click.option(
    "--withdraw-leak",
    is_flag=True,
    help="Take back a report of a leak that was none, on record, with --reason; --leaked-version says which.",
)
@click.option("--by-hand", is_flag=True, help="Print what to do where, in which order; no service is asked.")
@click.option("--no-deploy", is_flag=True, help="Push only; somebody else deploys.")
@click.option(
    "--prove-within",
    type=Span(),
    metavar="15m",
    help="How long to wait for the proof; a flow that has begun is waited for.",
)
def rotate(
    run: Run, provider: str | None, every: bool, all_drifted: bool, environment: str | None, yes: bool, **given: Any
) -> ExitCode:
    """Take a secret's new version to every place that uses it, redeploy, and prove from the app's own events
    that the provider works with it.

    The keys of services that releaseguard itself stands on are rotated only where the new access is given beside the
    old one: in the same variable, with _NEW at its end.

    Exit codes: 0 PROVEN (or nothing to do), 1 failed or rolled back, 3 UNPROVEN or waiting for a person,
    4 refused (another run holds the lease, no newer version in a leak), 5 a service did not answer.
    """
    flags = RotateFlags(**given)
    check_flags(provider, all_drifted, flags, every=every)
    if flags.reason:
        flags = replace(flags, reason=run.said("--reason", flags.reason))
    with run.wiring(environment) as wiring:
        if flags.by_hand:
            return by_hand(run, wiring, str(provider), flags.secret, environment)
        code = _rotated(run, wiring, provider, yes, flags, every=every)
        if not flags.dry_run:
            wiring.notices.tell_leaks()
        return code


def _rotated(run: Run, wiring: Wiring, provider: str | None, yes: bool, flags: RotateFlags, *, every: bool) -> ExitCode:
    if every:
        return _rotate_all(run, wiring, yes, flags)
    if provider is None:
        return _rotate_drifted(run, wiring, yes, flags)
    return _rotate_one(run, wiring, provider, yes, flags)


def check_flags(provider: str | None, all_drifted: bool, flags: RotateFlags, *, every: bool = False) -> None:
    """Raise ``UsageError`` for flags that cannot be used together."""
    if [bool(provider), all_drifted, every].count(True) != 1:
        raise UsageError(
            "name one provider, or use --all or --all-drifted", next_step="Example: releaseguard rotate sendgrid"
        )
    verbs = flags.verbs
    if len(verbs) > 1:
        raise UsageError(f"{' and '.join('--' + verb for verb in verbs)} cannot be used together")
    _check_reason(flags)
    _check_given(flags)
    if flags.dry_run and verbs:
        raise UsageError(
            f"--dry-run shows what a rotation would do, and --{verbs[0]} is none",
            next_step="See where it stands: releaseguard audit show",
        )
    if flags.leak and verbs and verbs != ["resume"]:
        raise UsageError(f"--leak begins a rotation, and cannot be used with --{verbs[0]}")
    if flags.by_hand and (verbs or not provider or flags.leak):
        raise UsageError("--by-hand takes one provider at a time", next_step="releaseguard rotate sendgrid --by-hand")
    if flags.despite_use and not flags.confirm_revoked:
        raise UsageError("--despite-use needs --confirm-revoked")
    if all_drifted:
        _refuse_with_all_drifted(flags)
    if every:
        _refuse_with_all(flags)


def _check_given(flags: RotateFlags) -> None:
    begins_none = [verb for verb in (*flags.verbs, *(["by-hand"] if flags.by_hand else [])) if verb != "resume"]
    if flags.origin != ValueSource.VAULT and begins_none:
        raise UsageError(f"--from says where a new value comes from, and --{begins_none[0]} takes none")
    if flags.raw and flags.origin != "stdin":
        raise UsageError("--raw needs --from stdin")
    if flags.vault_later and (flags.origin != "stdin" or flags.verbs):
        raise UsageError(
            "--vault-later needs --from stdin", next_step="releaseguard rotate sendgrid --from stdin --vault-later"
        )


def _check_reason(flags: RotateFlags) -> None:
    if flags.leak and not flags.reason:
        raise UsageError("--leak needs --reason", next_step='Say how it leaked: --reason "key in a public gist"')
    if flags.skip and not flags.reason:
        raise UsageError("--skip needs --reason", next_step='Say why it is left out: --reason "archived"')
    if flags.accept_value and not flags.reason:
        raise UsageError("--accept-value needs --reason", next_step='Say why it is right: --reason "a passphrase"')
    if flags.withdraw_leak and not flags.reason:
        raise UsageError("--withdraw-leak needs --reason", next_step='Say what was found: --reason "a test key"')
    if flags.leaked_version and not (flags.leak or flags.withdraw_leak):
        raise UsageError("--leaked-version needs --leak or --withdraw-leak")
    if flags.reason and not (flags.leak or flags.skip or flags.accept_value or flags.withdraw_leak):
        raise UsageError("--reason needs --leak, --skip, --accept-value or --withdraw-leak")
    if flags.skip and flags.verbs and flags.verbs != ["resume"]:
        raise UsageError(f"--skip works with a rotation or --resume, not with --{flags.verbs[0]}")


def _refuse_with_all_drifted(flags: RotateFlags) -> None:
    """Refuse flags about a value's source or fate: this pushes the newest versions again."""
    others = {
        "secret": flags.secret,
        "leak": flags.leak,
        "skip": flags.skip,
        "raw": flags.raw,
        "from": flags.origin != ValueSource.VAULT,
    }
    given = [*flags.verbs, *(word for word, there in others.items() if there)]
    if given:
        raise UsageError(f"--all-drifted and --{given[0]} cannot be used together")


def _refuse_with_all(flags: RotateFlags) -> None:
    """Refuse flags about a single secret: this means every secret."""
    single = {"secret": flags.secret, "leaked-version": flags.leaked_version, "skip": flags.skip, "raw": flags.raw}
    given = [*flags.verbs, *(word for word, there in single.items() if there)]
    if flags.origin not in (ValueSource.VAULT, ValueSource.VAULT_ROTATION):
        given.append("from")
    if given:
        raise UsageError(f"--all and --{given[0]} cannot be used together")


def _rotate_one(run: Run, wiring: Wiring, provider: str, yes: bool, flags: RotateFlags) -> ExitCode:
    from releaseguard.rotation.telling import text_of

    card = wiring.cards.get(provider)
    request = _request(card, flags)
    context = set_up(run, wiring, card, request)
    _check_named(wiring, [provider], flags)
    if not (yes or request.dry_run or flags.verbs):
        _confirm(run, wiring, context, request)
    if flags.withdraw_leak and not yes:
        ask(f"The leak of {request.secret or card.id} is to be taken back: {typed(request.reason or '')}")
    result = _carried_out(run, wiring, request, context, yes)
    if _may_be_asked(result):
        ask(text_of(result))
        context = wiring.rotation.context(card, request.secret)
        despite = replace(request, despite_use=True)
        result = carry_out(run, wiring, despite, context)
    _report(run, result)
    if result.problem is not None:
        raise result.problem
    return result.exit_code


def _carried_out(
    run: Run, wiring: Wiring, request: RotateRequest, context: RotationContext, yes: bool
) -> RotationResult:
    """What was asked for. ``--resume`` where nothing is unfinished begins a rotation: a person at the terminal is asked
    first; where nobody is, it goes on, since it has to finish a run that was killed before it wrote its first event."""
    from releaseguard.cli.shared.confirm import somebody_is_here
    from releaseguard.rotation.planning.unfinished import NothingUnfinished
    from releaseguard.rotation.values import RotateAction

    try:
        return carry_out(run, wiring, replace(request, may_begin=yes or not somebody_is_here()), context)
    except NothingUnfinished:
        anew = replace(request, action=RotateAction.ROTATE)
    _confirm(run, wiring, wiring.rotation.context(context.card, request.secret), anew)
    return carry_out(run, wiring, anew, wiring.rotation.context(context.card, request.secret))


def _may_be_asked(result: RotationResult) -> bool:
    """Whether the doubts about a revocation can be answered by a person at the terminal."""
    from releaseguard.cli.shared.confirm import somebody_is_here
    from releaseguard.rotation.revocation.confirm import StillInUse

    return isinstance(result.problem, StillInUse) and somebody_is_here()


def _check_named(wiring: Wiring, providers: Iterable[str], flags: RotateFlags) -> None:
    from releaseguard.compose.known.configuration import ADDRESSES
    from releaseguard.rotation.planning.new_destinations import check_named

    if flags.new_destinations:
        configured = [one for name in providers for one in wiring.bindings.addresses_of(name)]
        check_named(flags.new_destinations, configured, ADDRESSES.parse)


def _rotate_drifted(run: Run, wiring: Wiring, yes: bool, flags: RotateFlags) -> ExitCode:
    """Push the newest versions again wherever they are behind, missing or changed."""
    from releaseguard.cli.rotating.several import document_of, rotate_drifted
    from releaseguard.rotation.drift.again import drifted_groups
    from releaseguard.rotation.drift.survey import survey

    found = survey(wiring.bindings.managed(), wiring.bindings.vault, wiring.stores.log, copies=False)
    groups = drifted_groups(found, wiring.cards)
    if not groups:
        run.emit("Nothing has drifted.", document_of([]))
        return ExitCode.OK
    if not yes and not flags.dry_run:
        ask(f"Push again: {', '.join(map(str, groups))}")
    _check_named(wiring, dict.fromkeys(group.provider for group in groups), flags)

    def again(card: Card, secret: str) -> RotateRequest:
        return replace(_request(card, replace(flags, secret=secret)), push_again=True, beside=True)

    return rotate_drifted(run, wiring, groups, again)


def _rotate_all(run: Run, wiring: Wiring, yes: bool, flags: RotateFlags) -> ExitCode:
    """Rotate every provider, each with its own chain: after a breach of a whole CI, or because it is time."""
    from releaseguard.cli.rotating.several import rotate_all

    def one(card: Card, secret: str) -> RotateRequest:
        return replace(_request(card, replace(flags, secret=secret)), beside=True)

    return rotate_all(run, wiring, one, yes=yes, dry_run=flags.dry_run)


def _request(card: Card, flags: RotateFlags) -> RotateRequest:
    from releaseguard.rotation.values import RotateAction

    action = RotateAction(next(iter(flags.verbs), "rotate"))
    return request_of(flags, given_values(card, action, flags.secret, raw=flags.raw) if flags.origin == "stdin" else {})


def request_of(flags: RotateFlags, values: Mapping[str, Secret]) -> RotateRequest:
    """The request that the flags make; ``values`` are those of standard input."""
    from releaseguard.rotation.values import RotateAction, RotateRequest

    return RotateRequest(
        action=RotateAction(next(iter(flags.verbs), "rotate")),
        secret=flags.secret,
        origin=ValueSource(flags.origin),
        values=values,
        leak=flags.leak,
        reason=flags.reason,
        leaked_version=flags.leaked_version,
        dry_run=flags.dry_run,
        deploy=not flags.no_deploy,
        prove_within=flags.prove_within,
        skip=flags.skip,
        despite_use=flags.despite_use,
        accept_value=flags.accept_value,
        vault_later=flags.vault_later,
        new_destinations=flags.new_destinations,
    )


def _confirm(run: Run, wiring: Wiring, context: RotationContext, request: RotateRequest) -> None:
    """Show the plan and ask; where nobody can answer, refuse. What keeps a leak from being planned keeps nobody from
    bringing it on record."""
    from releaseguard.rotation.aftermath import keep_refused
    from releaseguard.rotation.commands import rotate as run_rotation
    from releaseguard.rotation.telling import text_of

    try:
        refuse_without_terminal()
        plan = run_rotation(replace(request, dry_run=True), context, run.tell)
    except ReleaseguardError as refusal:
        keep_refused(request, context, wiring.rotation.aftermath_sources(context), refusal, run.tell)
        raise
    ask(text_of(plan))


def _report(run: Run, result: RotationResult) -> None:
    from releaseguard.report.layout.text import fitting
    from releaseguard.rotation.telling import text_of

    run.emit(lambda: fitting(text_of(result), line_width()), result.to_json())
    leave_in_job(run, result)
    if result.problem is not None:
        result.problem.reported = True
