"""``--confirm-revoked``: a person confirms that the old value is revoked; recorded, and compared with later events."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from msgspec import UNSET

from releaseguard import readable
from releaseguard.errors import ExitCode, Refused, ServiceError
from releaseguard.model import Event, to_text
from releaseguard.rotation.certificate.asking import certified
from releaseguard.rotation.certificate.doubts import doubts
from releaseguard.rotation.drift.revocation import QUIET, NamesInRows, held_against, old_successes, revoked_by
from releaseguard.rotation.history import events as said
from releaseguard.rotation.history.parts import CertificateRecord
from releaseguard.rotation.history.views import RotationView
from releaseguard.rotation.next_steps import versions_to_revoke
from releaseguard.rotation.result import RotationResult, result_of
from releaseguard.rotation.revocation.apps import broken_apps
from releaseguard.rotation.revocation.known_old import KnownUse, known_uses
from releaseguard.rotation.session import RotationSession
from releaseguard.rotation.steps.prove import heard
from releaseguard.rotation.values import RotationState


class StillInUse(Refused):
    """Somebody may still use the old value, and nobody has said that it is to be revoked all the same."""


def confirm_revoked(session: RotationSession) -> RotationResult:
    """Record the confirmation, and report whether the old value has worked since. Raises ``Refused`` and
    ``ServiceError``.

    Before the first confirmation the certificate is examined: where it raises doubts that nobody answers, nothing is
    recorded and the result says so.
    """
    session.journal.refuse_if_held()
    view = revoked_by(session.chain, session.group.name)
    if view is None:
        raise Refused(
            f"no rotation of {session.group.name} is known, so no old value either",
            next_step=f"Rotate first: {session.command}",
        )
    now = session.context.log.now()
    since = held_against(view.confirmations, now) or now
    session.rotation_id = view.id
    try:
        certificate = certified(session, view.direction)
        alive: Sequence[Event] = _alive(session, view, since)
    except ServiceError:
        _record_confirmation(session, view, now, None, None)  # said is said, whether or not anybody could look
        raise
    is_settled = view.confirmations or session.request.despite_use
    known = [] if is_settled else _known(session, view)
    open_questions = [] if is_settled else [*(one.why for one in known), *doubts(certificate)]
    if open_questions:
        stopped = _in_use(session, open_questions, [one.step for one in known])
        result = result_of(session, view.id, problem=stopped, remarks=broken_apps(session, view.id))
        return replace(result, certificate=certificate)
    _record_confirmation(session, view, now, len(alive), certificate)
    result = result_of(session, view.id, remarks=[_recorded(view), *broken_apps(session, view.id)])
    return _still_alive(session, result, alive, since) if alive else result


def _recorded(view: RotationView) -> str:
    """Which value that was: a unit may have a leak that was reported by itself beside an older rotation."""
    what = " and ".join(versions_to_revoke(view)) or "the old value"
    return f"Recorded once more as revoked: {what}." if view.confirmations else f"Recorded as revoked: {what}."


def _known(session: RotationSession, view: RotationView) -> Sequence[KnownUse]:
    """What is known about the newest rotation; one that wrote the same again has taken this one's place."""
    last = session.chain.last_of(view.unit) or view
    standing = view if view.reported or last.state is RotationState.ABORTED else last
    session.rotation_id = standing.id
    try:
        return known_uses(session, standing)
    finally:
        session.rotation_id = view.id


def _alive(session: RotationSession, view: RotationView, since: datetime) -> Sequence[Event]:
    found = heard(session, view.direction)
    names = NamesInRows(providers=found.also_called, environments=found.also_in, others_events=found.others_events)
    return old_successes(session.context.log, session.chain, view, session.group.companions, since, names)


def _in_use(session: RotationSession, open_questions: Sequence[str], steps: Sequence[str]) -> StillInUse:
    first = "; ".join(dict.fromkeys(steps)) or "Make sure that nobody uses the old value"
    return StillInUse(
        f"not recorded as revoked: {'; '.join(open_questions)}",
        where=str(session.context.chain_key),
        next_step=f"{first}; then confirm again; or, knowing what breaks: "
        f"{session.command} --confirm-revoked --despite-use",
    )


def _record_confirmation(
    session: RotationSession,
    view: RotationView,
    now: datetime,
    alive: int | None,
    certificate: CertificateRecord | None,
) -> None:
    at = to_text(view.revoked_at or now)
    session.append(
        said.Retired(rotation_id=view.id, revoked_at=at, old_successes=alive, certificate=certificate or UNSET)
    )
    session.journal.release()


def _still_alive(
    session: RotationSession, result: RotationResult, alive: Sequence[Event], since: datetime
) -> RotationResult:
    newest = max(alive, key=lambda event: event.occurred_at)
    occurred = f"{readable.count(len(alive), 'success')} occurred"
    remark = (
        f"The old version still works: {occurred} after it was confirmed to be revoked "
        f"({to_text(since)}), the last at {to_text(newest.occurred_at)} from {newest.source or 'an unnamed source'}."
    )
    step = (
        f"Revoke it at the provider. {session.group.steps() or ''}".strip()
        + f" Then confirm it once more: {session.command} --confirm-revoked; from "
        f"{QUIET.total_seconds() / 60:.0f} minutes later on only successes after that confirmation count."
    )
    return replace(result, exit_code=ExitCode.BAD, remarks=(*result.remarks, remark), next_step=step)
