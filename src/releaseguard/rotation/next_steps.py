"""What the reader of a result should do next. Each answer ends with a command that can be copied."""

from __future__ import annotations

import shlex
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace

from releaseguard.errors import ServiceError, Unreachable
from releaseguard.rotation.certificate.doubts import called, quiet_from
from releaseguard.rotation.drift.revocation import revoked_by
from releaseguard.rotation.going_on import another_value, approving, deploying, new_key
from releaseguard.rotation.history.leaks import carries_leaked, needs_another_value, revoked_as_reported
from releaseguard.rotation.history.parts import ConsumerRecord
from releaseguard.rotation.history.views import RotationView
from releaseguard.rotation.identity.expected import nobody_is_said, phones_alone
from releaseguard.rotation.session import RotationSession
from releaseguard.rotation.steps.hands import asked_now
from releaseguard.rotation.steps.vault_later import to_be_stored
from releaseguard.rotation.values import Cause, Direction, Grade, RotateRequest, RotationState
from releaseguard.vault.source import ValueSource

HTTP_SERVER_ERROR = 500
REVOKED_ALREADY = "Nothing to revoke: the old value leaked before, and is confirmed as revoked."
NOTHING_TO_REVOKE = "Nothing: no earlier version is known that could be revoked."


def next_step(session: RotationSession, view: RotationView) -> str | None:
    """What to do from here; ``None`` where nothing is left to do."""
    command, group = session.command, session.group
    if view.reported and not view.contained_at:
        return new_key(command)
    if leaked := carries_leaked(session.chain, view):
        return f"{leaked[0].upper()}{leaked[1:]} leaked. {new_key(command)}"
    console = next((spec.console for spec in group.secrets if spec.console), None)
    at = f" at {console}" if console else " at the provider"
    steps: Mapping[RotationState, str | None] = {
        RotationState.PROVEN: _after_the_proof(session, view, at),
        RotationState.UNPROVEN: _without_a_proof(session, view, at),
        RotationState.WAITING_APPROVAL: approving(command),
        RotationState.WAITING_CONSOLE: f"{_asked(session, view, at)} Then confirm it: {command} --resume",
        RotationState.FAILED: _after_a_failure(session, view, at),
        RotationState.ROLLED_BACK: _after_the_way_back(session, view, at),
        RotationState.ABORTED: f"{see_audit(session)}; then begin another: {command}",
        RotationState.PUSHED: _without_deployment(session, view),
    }
    return None if view.state is RotationState.RETIRED else steps.get(view.state, f"{command} --resume")


def _asked(session: RotationSession, view: RotationView, at: str) -> str:
    """What a person is expected to do: at places that only a person can write, once everything else is written; before
    that, at the provider."""
    if view.progress(view.direction).pushed_at is not None:
        return asked_now(session, view) or (to_be_stored(view) if view.awaits_vault else "")
    return session.group.steps() or f"Set the new value{at}."


def _after_a_failure(session: RotationSession, view: RotationView, at: str) -> str:
    if needs_another_value(view):
        return another_value(session.command, view, at)
    if view.cause is Cause.DEPLOYMENT:
        return deploy_by_hand(session, back=view.rolling_back is not None)
    return f"Fix what failed, then go forward: {session.command} --resume"


def _after_the_way_back(session: RotationSession, view: RotationView, at: str) -> str:
    if view.cause is Cause.DEPLOYMENT:
        return (
            "The new value was not what failed. Roll it out without our redeployment, and deploy as you usually "
            f"do: {session.command} --no-deploy"
        )
    return another_value(session.command, view, at)


def _without_deployment(session: RotationSession, view: RotationView) -> str:
    made = view.progress(view.direction).deployments.values()
    pinned = next((one.id for one in made if one.phase == "ready" and one.id), None)
    return promote(session, pinned) if pinned else f"Deploy, then: {session.command} --resume"


def promote(session: RotationSession, deployment_id: str) -> str:
    """What to do where production does not serve the deployment that is ready."""
    return f"Promote {deployment_id} to production where it is hosted, then: {session.command} --resume"


def deploy_by_hand(session: RotationSession, *, back: bool = False) -> str:
    """What to do where a redeployment cannot be made: a deployment made by a person is found and counts."""
    return deploying(session.command, back=back)


def as_asked(session: RotationSession) -> str:
    """The command that carries out what a dry run has shown."""
    return f"{session.command} {shlex.join([*_words_of(session.request), '--yes'])}"


def _words_of(asked: RotateRequest) -> Sequence[str]:
    """The flags of a request, without those that select what is rotated."""
    words = ["--from", asked.origin.value] if asked.origin is not ValueSource.VAULT else []
    words += ["--vault-later"] if asked.vault_later else []
    words += ["--leak"] if asked.leak else []
    words += ["--leaked-version", str(asked.leaked_version)] if asked.leaked_version else []
    words += ["--accept-value"] if asked.accept_value else []
    words += [word for place in asked.skip for word in ("--skip", place)]
    words += ["--reason", asked.reason] if asked.reason else []
    words += [word for place in asked.new_destinations for word in ("--new-destination", place)]
    words += [] if asked.deploy else ["--no-deploy"]
    within = asked.prove_within
    return [*words, *(["--prove-within", f"{within.total_seconds():g}s"] if within is not None else [])]


def while_the_vault_is_away(session: RotationSession, error: ServiceError) -> str | None:
    """What to do where the vault does not answer: its own advice, and how to continue without it."""
    if not (isinstance(error, Unreachable) or (error.status or 0) >= HTTP_SERVER_ERROR):
        return error.next_step
    asked = replace(session.request, origin=ValueSource.STDIN, vault_later=True)
    now = f"{session.command} {shlex.join(_words_of(asked))}"
    return (
        f"{error.next_step or ''} Where it cannot wait, pipe the new value in and have the vault hold it later: {now}; "
        f"or do it by hand: {session.command} --by-hand"
    ).strip()


def see_audit(session: RotationSession) -> str:
    """Where to see what was done before."""
    return f"See what was done: releaseguard audit show {session.context.card.id}"


def _without_a_proof(session: RotationSession, view: RotationView, at: str) -> str:
    """What to do about a missing proof; where none is possible, looking again would be pointless."""
    runs = any(binding.destination.runtime for binding in session.context.bindings)
    group = session.group
    left = [one for one in session.context.bindings if one.destination.runtime and one.key in session.left_of(view)]
    if left:
        uris = ", ".join(one.destination.uri for one in left)
        return (
            f"See that {uris}, which runs on the old value, can be written, then write it: {session.command} --resume"
        )
    strangers = _strangers(session, view)
    if view.leak and strangers and strangers == _on_the_old(view):
        return (
            f"{', '.join(strangers)} uses the value that leaked, and no sources name it. If it is not yours, "
            f"revoke that value{at} now, then: {session.command} --confirm-revoked --despite-use. If it is yours, "
            f"deploy or restart it, then look again: {session.command} --resume"
        )
    if runs and not (group.client or _phones_are_left(session, view)):
        return f"{_what_a_proof_needs(session, view)}, then look again: {session.command} --resume"
    seen = (
        "When few events still come from releases that hold the old value"
        if group.client or runs
        else "Once a later run has succeeded with the new value"
    )
    if _nothing_before(session, view) and not group.manual:
        return NOTHING_TO_REVOKE
    return f"{seen}, revoke the old one{at} and confirm it: {session.command} --confirm-revoked"


def _phones_are_left(session: RotationSession, view: RotationView) -> bool:
    """Whether only phones lack a proof, for which none is possible."""
    lacking = {one.uri for one in view.proof.runtimes if not one.grade}
    return bool(lacking) and lacking <= {*phones_alone(session.bindings)}


def _what_a_proof_needs(session: RotationSession, view: RotationView) -> str:
    """The first obstacle to a proof that is there, as a request to remove it."""
    found = (obstacle(session, view) for obstacle in _OBSTACLES)
    return next((said for said in found if said), "Make the traffic that is missing")


def _production_serves_another(_session: RotationSession, view: RotationView) -> str | None:
    elsewhere = next((one for one in view.proof.runtimes if one.serves), None)
    if elsewhere is None:
        return None
    newest = {made.place: made.id for made in view.progress(Direction.FORWARD).deployments.values()}
    ours = next((id_ for place, id_ in newest.items() if f"{elsewhere.uri}/".startswith(f"{place}/")), None)
    return f"Promote {ours or 'the new deployment'} to production in place of {elsewhere.serves}"


def _somebody_else_writes(_session: RotationSession, view: RotationView) -> str | None:
    changed = [f"{', '.join(one.rewritten)} at {one.uri}" for one in view.proof.runtimes if one.rewritten]
    if not changed:
        return None
    return (
        f"Stop what else writes {'; '.join(changed)} (see: releaseguard drift), so that it stays as it is written now"
    )


def _still_on_another_version(session: RotationSession, view: RotationView) -> str | None:
    behind = [one.uri for one in view.proof.runtimes if one.old and one.successes < one.needed]
    if not behind:
        return None
    strangers = _strangers(session, view)
    named = f" ({', '.join(strangers)}, which no sources name)" if strangers else ""
    return f"Restart or deploy what still runs with another version at {', '.join(behind)}{named}"


def _no_sources_configured(session: RotationSession, view: RotationView) -> str | None:
    silent = _without_successes(view)
    unsaid = [uri for uri in nobody_is_said(session.bindings) if uri in silent]
    section = f"[providers.{session.context.card.id}.sources]"
    return "Say what runs there: " + "; ".join(f'{section} "{uri}" = ["..."]' for uri in unsaid) if unsaid else None


def _rows_without_a_label(_session: RotationSession, view: RotationView) -> str | None:
    if not any(one.unlabelled and not one.successes for one in view.proof.runtimes):
        return None
    return "Have the app's rows say which value they used (detail.secret_version) and from which source"


def _refused_by_the_provider(_session: RotationSession, view: RotationView) -> str | None:
    refused = [one for one in _consumers(view) if one.refused]
    if never_new := [called(one) for one in refused if not one.new]:
        return f"See which value {', '.join(never_new)} holds: the provider refuses it"
    if not refused:
        return None
    names = ", ".join(map(called, refused))
    return f"See why the provider refuses some of what {names} asks of it with the new value"


def _clock_is_behind(_session: RotationSession, view: RotationView) -> str | None:
    silent = _without_successes(view)
    early = [called(one) for one in _consumers(view) if one.new and one.destination in silent]
    if not early:
        return None
    return (
        f"Set the clock of {', '.join(early)} right (compare: releaseguard doctor): by it the new value was used "
        "before it was there"
    )


_OBSTACLES = (
    _production_serves_another,
    _somebody_else_writes,
    _still_on_another_version,
    _no_sources_configured,
    _rows_without_a_label,
    _refused_by_the_provider,
    _clock_is_behind,
)
"""What can stand between a rotation and its proof, the most certain first: each returns ``None`` where it does not."""


def _without_successes(view: RotationView) -> Collection[str]:
    """The destinations of which no success since the deployment is known, with a label or without."""
    return {one.uri for one in view.proof.runtimes if not (one.successes or one.unlabelled)}


def _consumers(view: RotationView) -> Sequence[ConsumerRecord]:
    """Who was seen using either value; nobody where no certificate was made."""
    return view.certificate.consumers if view.certificate else ()


def _on_the_old(view: RotationView) -> Sequence[str]:
    """The consumers whose latest success used the old value."""
    return [called(one) for one in _consumers(view) if one.old_last and (one.new_last or "") < one.old_last]


def _strangers(session: RotationSession, view: RotationView) -> Sequence[str]:
    """Consumers still on the old value that no ``sources`` setting names; none unless every runtime destination has
    such a setting."""
    runtimes = [one for one in session.context.bindings if one.destination.runtime]
    if any(one.sources is None for one in runtimes):
        return ()
    named = {source for one in runtimes for source in one.sources or ()}
    behind = _on_the_old(view)
    return [called(one) for one in _consumers(view) if one.source and one.source not in named and called(one) in behind]


def _after_the_proof(session: RotationSession, view: RotationView, at: str) -> str | None:
    left = ", ".join(one.uri for one in session.left_of(view).values())
    if view.retired_at:
        return f"See that {left} can be written, then write it: {session.command} --resume" if left else None
    if _nothing_before(session, view):
        return NOTHING_TO_REVOKE
    if revoked_as_reported(session.chain, view):
        rest = f" Write what was left out ({left}): {session.command} --resume" if left else ""
        return f"{REVOKED_ALREADY}{rest}"
    revoke = f"Revoke {_the_old_value(session, view)}{at}, then confirm it: {session.command} --confirm-revoked"
    revoke = " ".join([*_shared_evidence(session), *_before_revoking(view), revoke])
    if left:
        rest = f"{session.command} --resume"
        revoke = f"What was left out breaks when the old value is revoked ({left}): write it first ({rest}). {revoke}"
    accesses = session.context.own_accesses
    ours = [f" Give {one.variable} the value of {one.new_variable} and unset that." for one in accesses]
    return "".join([revoke, *ours])


_BY_DEPLOYMENT = (
    "Grade B shows the new deployment, and not the value in it: see that it was not built with the variables of the "
    "one before, as some redeployments are."
)


def _shared_evidence(session: RotationSession) -> Sequence[str]:
    """Where the project does not say which source runs where, the events of one place prove every place."""
    asked = [one for one in session.bindings if one.destination.runtime and session.group.asks_for_proof_at(one)]
    if len(asked) < 2 or any(one.sources is not None for one in asked):
        return ()
    uris = ", ".join(one.destination.uri for one in asked)
    section = f"[providers.{session.context.card.id}.sources]"
    return [f"The same events prove {uris}, since {section} says nothing: see that each of them is used."]


def _before_revoking(view: RotationView) -> Sequence[str]:
    """What the certificate says against revoking at once; ``--confirm-revoked`` asks about the same points.

    After a leak nobody waits, but whoever else holds the value is named all the same.
    """
    certificate = view.certificate
    words = [_BY_DEPLOYMENT] if view.proof.grade == Grade.B else []
    if certificate is None:
        return words
    if behind := _on_the_old(view):
        words.append(f"Last seen with the old value: {', '.join(behind)}. Deploy or restart that first.")
    if unseen := [called(one) for one in certificate.consumers if not (one.new or one.old_last)]:
        words.append(f"Not seen with the new value yet: {', '.join(unseen)}. See that it is there first.")
    until = quiet_from(certificate)
    if until and view.leak is None:
        words.append(f"Wait until {until}, an hour after the old value was used last.")
    return words


def _the_old_value(session: RotationSession, view: RotationView) -> str:
    """The old value by its version number; where the new value was in use before, that of the earlier rotation."""
    meant = revoked_by(session.chain, view.unit) if view.goes_nowhere else None
    old = [f"version {pin.from_version} of {pin.name}" for pin in meant.pins if not pin.goes_nowhere] if meant else []
    if view.leak and all(pin.from_version is None for pin in view.pins):
        return "the value that leaked"
    before = [] if old else versions_to_revoke(view)
    return " and ".join(old) or (f"the old value ({' and '.join(before)})" if before else "the old value")


def versions_to_revoke(view: RotationView) -> Sequence[str]:
    """The versions that the rotation replaces, and those that leaked; after a roll-back the ones it had rolled out.
    Only those with a known number."""
    back = view.rolling_back is not None
    replaced = [(pin.name, pin.to_version if back else pin.from_version) for pin in view.pins if not pin.goes_nowhere]
    leaked = view.leak.versions.items() if view.leak else ()
    both = dict.fromkeys([*leaked, *replaced])
    return [f"version {version} of {name}" for name, version in both if version]


def _was_begun_before(session: RotationSession, view: RotationView) -> bool:
    """Whether an earlier rotation of the unit had written anything: then some value was in use before, though the vault
    no longer has it."""
    earlier = [one for one in session.chain.rotations if one.unit == view.unit and one.began_at < view.began_at]
    return any(one.progress(Direction.FORWARD).destinations for one in earlier)


def _nothing_before(session: RotationSession, view: RotationView) -> bool:
    """Whether no earlier value is known. Told to revoke "the old value", the reader would then revoke the only one
    there is.

    A leaked value exists, whether or not the vault still has it; so does one that nobody could ask about.
    """
    if view.leak is not None or view.was_stored_later:
        return False
    if not view.goes_nowhere:
        return all(pin.from_version is None for pin in view.pins) and not _was_begun_before(session, view)
    meant = revoked_by(session.chain, view.unit)
    return meant is None or meant.goes_nowhere or meant.retired_at is not None or _nothing_before(session, meant)
