"""What to do next, for whoever reads a result: each ends with a command that can be copied."""

from __future__ import annotations

import shlex
from collections.abc import Mapping

from releaseguard.rotation.history.views import RotationView
from releaseguard.rotation.session import RotationSession
from releaseguard.rotation.values import RotationState, ValueSource

NOTHING_TO_REVOKE = "Nothing: no earlier version is known that could be revoked."


def next_step(session: RotationSession, view: RotationView) -> str | None:
    """What leads on from where the rotation stands; ``None``: nothing is left to do."""
    command, group = session.command, session.group
    console = next((spec.console for spec in group.secrets if spec.console), None)
    at = f" at {console}" if console else " at the provider"
    steps: Mapping[RotationState, str] = {
        RotationState.PROVEN: _after_the_proof(session, view, at),
        RotationState.UNPROVEN: _without_a_proof(session, view, at),
        RotationState.WAITING_APPROVAL: f"Approve the change in Infisical, then: {command} --resume",
        RotationState.WAITING_CONSOLE: (
            f"{group.steps() or f'Set the new value{at}.'} Then confirm it: {command} --resume"
        ),
        RotationState.FAILED: f"Put right what failed, then go forward: {command} --resume",
        RotationState.ROLLED_BACK: f"Make another value and rotate to it: {command}",
        RotationState.ABORTED: f"See what was written: releaseguard audit show {session.context.card.id}",
        RotationState.PUSHED: f"Deploy, then: {command} --resume",
    }
    return None if view.state is RotationState.RETIRED else steps.get(view.state, f"{command} --resume")


def as_asked(session: RotationSession) -> str:
    """The command that does what a dry run has shown."""
    asked = session.request
    words = ["--from", asked.origin.value] if asked.origin is not ValueSource.VAULT else []
    words += ["--leak", "--reason", asked.reason or ""] if asked.leak else []
    words += ["--leaked-version", str(asked.leaked_version)] if asked.leaked_version else []
    words += [] if asked.deploy else ["--no-deploy"]
    return f"{session.command} {shlex.join([*words, '--yes'])}"


def see_audit(session: RotationSession) -> str:
    """Where a person sees what was done before."""
    return f"See what was done: releaseguard audit show {session.context.card.id}"


def _without_a_proof(session: RotationSession, view: RotationView, at: str) -> str:
    """What to do about a missing proof: where none can come, looking again would be waiting for nothing."""
    runs = any(binding.destination.runtime for binding in session.context.bindings)
    group = session.group
    if runs and not group.client:
        return f"Make the traffic that is missing, then look again: {session.command} --resume"
    seen = (
        "When few events still come from releases that hold the old value"
        if group.client
        else "Once a later run has succeeded with the new value"
    )
    if _nothing_before(view) and not group.manual:
        return NOTHING_TO_REVOKE
    return f"{seen}, revoke the old one{at} and confirm it: {session.command} --confirm-revoked"


def _after_the_proof(session: RotationSession, view: RotationView, at: str) -> str:
    if _nothing_before(view):
        return NOTHING_TO_REVOKE
    revoke = f"Revoke the old value{at}, then confirm it: {session.command} --confirm-revoked"
    accesses = session.context.own_accesses
    ours = [f" Give {one.variable} the value of {one.new_variable} and unset that." for one in accesses]
    return "".join([revoke, *ours])


def _nothing_before(view: RotationView) -> bool:
    """Nothing earlier is known: a reader told to revoke "the old value" would revoke the only one there is."""
    return all(pin.from_version is None for pin in view.pins)
