"""Push: write the pinned versions to every destination that does not hold them yet."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from releaseguard import readable
from releaseguard.destinations.interface import Item, Observed, SyncStatus, WriteResult
from releaseguard.errors import (
    LeaseHeld,
    NotFound,
    ReleaseguardError,
    ServiceError,
    Undecided,
)
from releaseguard.rotation.context import Binding
from releaseguard.rotation.groups import Carried, items_for
from releaseguard.rotation.history import events as said
from releaseguard.rotation.history.parts import PushedTarget, Target
from releaseguard.rotation.history.views import DestinationProgress, DirectionProgress
from releaseguard.rotation.left_out.choosing import at_place, may_go_on, one_for_all
from releaseguard.rotation.session import RotationSession
from releaseguard.rotation.steps.keep import keep_what_is_out
from releaseguard.rotation.values import Direction, Pin
from releaseguard.vault.interface import SecretVersion


@dataclass(frozen=True, slots=True)
class _Written:
    """The outcome of writing one destination: results, or the reason why it failed."""

    binding: Binding
    results: Sequence[WriteResult] = ()
    error: ReleaseguardError | None = None


def push(session: RotationSession, direction: Direction) -> None:
    """Bring the versions of ``direction`` to every destination. Raises for the first wave in which a write failed."""
    bindings = _not_right(session, direction)
    if not bindings:
        if session.rotation.progress(direction).pushed_at is None:
            session.append(said.Pushed(rotation_id=session.rotation_id, direction=direction))
        return
    written = _write_all(session, bindings, direction)
    failed = [result for result in written if result.error]
    steps = _outcomes(session, written, direction)
    wrong = {one.binding.key: one.error for one in failed if one.error}
    leak = session.rotation.leak is not None and direction is Direction.FORWARD
    goes_on = may_go_on(_places(session), wrong, leak=leak)
    if goes_on:
        steps.append(said.Pushed(rotation_id=session.rotation_id, direction=direction))
    _record(session, steps, [one.binding.key for one in written if one.error is None])
    if not goes_on:
        raise _push_failed(session, failed)
    for key, error in wrong.items():
        session.tell(f"Not written, and continued without: {key}: {at_place(key, error)}")


def _record(session: RotationSession, steps: Sequence[said.ChainStep], right: Sequence[str]) -> None:
    """Append the outcome of a wave; where the log is unreachable, at least report what was written."""
    try:
        session.append(*steps)
    except ServiceError:
        session.tell(
            f"Written but not recorded, because the event log does not answer: {', '.join(right) or 'nothing'}."
        )
        raise


def _places(session: RotationSession) -> Sequence[Binding]:
    """Every destination that we write and that is not skipped; those that could not be written before are tried
    again."""
    ours = [one for one in session.context.bindings if not one.destination.by_hand]
    return [one for one in ours if one.key not in session.rotation.skipped]


def _write_all(session: RotationSession, bindings: Sequence[Binding], direction: Direction) -> Sequence[_Written]:
    pinned = pinned_values(session, direction)
    if direction is Direction.FORWARD:
        keep_what_is_out(session)
    session.append(_about_to_write(session, bindings, direction))
    # The chain's head goes where no writer of the log reaches: a cut tail shows against it.
    note = f"releaseguard {session.rotation_id} head {session.chain.head}"
    items = {binding.key: items_for(session.group, binding, pinned, note) for binding in bindings}
    session.tell(f"Writing {readable.count(len(bindings), 'destination')}.")
    return session.workers.each(lambda binding: _write(binding, items[binding.key]), bindings)


def _not_right(session: RotationSession, direction: Direction) -> Sequence[Binding]:
    """The destinations still to be written. After a take-over all others are read back first, where the value can be
    compared."""
    progress, bindings = session.rotation.progress(direction), _places(session)
    done = [binding for binding in bindings if _is_pushed(progress, binding)]
    wrong: set[str] = set()
    if done and session.check_again and not (session.later and not session.later.kept):
        session.tell(f"Reading back {readable.count(len(done), 'destination')}.")
        pinned = pinned_values(session, direction)
        moved = session.workers.each(lambda binding: written_over(session, binding, progress, pinned), done)
        wrong = {binding.key for binding, changed in zip(done, moved, strict=True) if changed}
    session.check_again = False
    right = {binding.key for binding in done} - wrong
    return [binding for binding in bindings if binding.key not in right]


def _is_pushed(progress: DirectionProgress, binding: Binding) -> bool:
    return progress.destinations.get(binding.key, DestinationProgress()).status == "pushed"


def written_over(
    session: RotationSession,
    binding: Binding,
    progress: DirectionProgress,
    pinned: Mapping[str, Carried],
) -> Sequence[str]:
    """The names at a destination that no longer show what was pushed."""
    observed = binding.destination.observe(items_for(session.group, binding, pinned))
    markers = progress.destinations[binding.key].markers
    return [name for name, there in observed.items() if not _still_there(there, markers.get(name))]


def _still_there(there: Observed, marker: str | None) -> bool:
    if not there.present or there.sync is SyncStatus.NO:
        return False
    return there.sync is SyncStatus.YES or there.marker == marker


def pinned_values(session: RotationSession, direction: Direction) -> Mapping[str, Carried]:
    """The values to be written, by secret, exactly as pinned."""
    pinned = {}
    for pin in session.rotation.pins:
        version, label = pin.version(direction), pin.label_of(direction)
        if version is not None and label is not None:
            pinned[pin.name] = Carried(_read(session, pin, version, direction).value, version, label)
    return pinned


def _read(session: RotationSession, pin: Pin, version: int, direction: Direction) -> SecretVersion:
    vault = session.vault
    expected = pin.secret_id if direction is Direction.FORWARD else pin.from_secret_id
    known = session.remembered(pin.name, version, expected)
    if known is None and direction is Direction.FORWARD and pin.awaits_vault and session.later is not None:
        known = _given_again(session, pin)
    if known is None:
        known = vault.read(pin.name, version)
        session.remember([known])
    if expected and known.secret_id != expected:
        raise NotFound(
            f"{pin.name} was deleted and created anew: its version {version} is another one than the one pinned",
            where=vault.place_of(pin.name),
            next_step="Abort this rotation (--abort) and rotate to the newest version.",
        )
    return known


def _given_again(session: RotationSession, pin: Pin) -> SecretVersion:
    """A value that no vault holds yet. Raises ``Undecided`` where this run was not given it."""
    try:
        return session.vault.read(pin.name)
    except NotFound:
        raise Undecided(
            f"{pin.name} is still to be written somewhere, and its new value is in no vault yet",
            where=session.vault.place_of(pin.name),
            next_step=f"Pipe it in once more: {session.command} --resume --from stdin",
        ) from None


def _about_to_write(session: RotationSession, bindings: Sequence[Binding], direction: Direction) -> said.PushStarted:
    return said.PushStarted(
        rotation_id=session.rotation_id,
        direction=direction,
        versions={pin.name: pin.version(direction) for pin in session.rotation.pins},
        destinations=tuple(Target(destination=one.key, uri=one.destination.uri) for one in bindings),
    )


def _write(binding: Binding, items: Sequence[Item]) -> _Written:
    try:
        return _Written(binding, binding.destination.push(items))
    except LeaseHeld:
        raise
    except ReleaseguardError as error:
        return _Written(binding, error=error)


def _outcomes(session: RotationSession, written: Sequence[_Written], direction: Direction) -> list[said.Directed]:
    """One step for everything that succeeded, and one for each failure."""
    right = tuple(_pushed(result) for result in written if result.error is None)
    steps: list[said.Directed] = [_failure(session, result, direction) for result in written if result.error]
    if right:
        finished = said.PushFinished(rotation_id=session.rotation_id, direction=direction, destinations=right)
        steps.insert(0, finished)
    return steps


def _pushed(written: _Written) -> PushedTarget:
    return PushedTarget(
        destination=written.binding.key,
        uri=written.binding.destination.uri,
        writes={one.name: one.writes for one in written.results},
        markers={one.name: one.observed.marker for one in written.results if one.observed.marker is not None},
    )


def _failure(session: RotationSession, written: _Written, direction: Direction) -> said.PushFailed:
    return said.PushFailed(
        rotation_id=session.rotation_id,
        direction=direction,
        destination=written.binding.key,
        uri=written.binding.destination.uri,
        problem=str(written.error),
        writes=dict(written.binding.destination.written()),
    )


def _push_failed(session: RotationSession, failed: Sequence[_Written]) -> ReleaseguardError:
    wrong = {result.binding.key: result.error for result in failed if result.error}
    keys = [binding.key for binding in _places(session)]
    right = sorted(key for key in keys if key not in wrong)
    why = "; ".join(f"{key}: {at_place(key, error)}" for key, error in wrong.items())
    what = f"{len(failed)} of {readable.count(len(keys), 'destination')} not written ({why})"
    return one_for_all(what, _way_on(session, failed, right), list(wrong.values()))


def _way_on(session: RotationSession, failed: Sequence[_Written], right: Sequence[str]) -> str:
    """What to do after a wave with failures: what each place needs, how to continue, and how to continue without a
    place that cannot be repaired."""
    asked = dict.fromkeys(one.error.next_step for one in failed if one.error and one.error.next_step)
    first = failed[0].binding.destination.uri
    words = [*filter(None, asked), f"Right: {', '.join(right) or 'none'}."]
    if right:
        skip = shlex.join([*session.command.split(), "--resume", "--skip", first])
        words.append(f'What cannot be fixed can be left out, on record: {skip} --reason "...".')
    return " ".join([*words, f"Continue with `{session.command} --resume`."])
