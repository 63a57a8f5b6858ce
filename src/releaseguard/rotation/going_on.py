"""What goes on with a rotation that nobody has finished, as far as its history tells. Pure."""

from __future__ import annotations

import shlex

from releaseguard.rotation.history.leaks import carries_leaked, needs_another_value
from releaseguard.rotation.history.sentences import rotating
from releaseguard.rotation.history.views import ChainView, RotationView
from releaseguard.rotation.values import Cause, RotationState
from releaseguard.vault.source import ValueSource


def going_on(chain: ChainView, rotation: RotationView) -> str:
    """The command that leads on, after what a person has to do first: ``--resume`` alone would confirm what nobody has
    done, or bring out once more what was refused."""
    command = rotating(chain.chain_key, [pin.name for pin in rotation.pins])
    if carries_leaked(chain, rotation):
        return new_key(command)
    if needs_another_value(rotation):
        return another_value(command, rotation, "")
    resume = f"{command} --resume"
    if rotation.state is RotationState.WAITING_APPROVAL:
        return approving(command)
    if rotation.state is RotationState.FAILED and rotation.cause is Cause.DEPLOYMENT:
        return deploying(command, back=rotation.rolling_back is not None)
    return _of_a_person(rotation, resume) if rotation.state is RotationState.WAITING_CONSOLE else resume


def _of_a_person(rotation: RotationView, resume: str) -> str:
    if rotation.progress(rotation.direction).pushed_at is None:
        return f"Set the new value at the provider, then confirm it: {resume}"
    if rotation.awaits_vault:
        return f"Store the same value in the vault, then: {resume}"
    return f"Do by hand what it waits for, then confirm it: {resume}"


def new_key(command: str) -> str:
    """What to do where the value that a rotation carries leaked."""
    return f"Make a new key in the provider's console, store it as a new version, then: {command}"


def approving(command: str) -> str:
    """What to do while the vault waits for an approval."""
    return (
        f"Approve the change in the vault (where it was rejected or closed: {command} --abort), "
        f"then: {command} --resume"
    )


def deploying(command: str, *, back: bool) -> str:
    """What to do where a redeployment cannot be made: a deployment made by a person is found and counts."""
    value = "the value that was put back" if back else "the new value"
    return f"Deploy it as you usually do, so that it takes {value} over, then: {command} --resume"


def another_value(command: str, rotation: RotationView, at: str) -> str:
    """How to rotate to another value, since the refused one will be refused again. ``at``: where it is made."""
    words = ["--leak", "--reason", rotation.leak.reason] if rotation.leak else []
    origin = ValueSource(rotation.origin)
    if origin is not ValueSource.VAULT:
        words = ["--from", origin.value, *words]
    command = f"{command} {shlex.join(words)}".strip()
    makes = {
        ValueSource.VAULT: f"Make another value{at}, store it in the vault as a new version, then rotate to it: ",
        ValueSource.STDIN: f"Make another value{at}, then rotate to it: ",
    }
    return makes.get(origin, "Have another one made and rotate to it: ") + command
