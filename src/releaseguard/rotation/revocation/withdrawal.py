"""``--withdraw-leak``: a person has looked, and what was reported as leaked is not; recorded, never silently."""

from __future__ import annotations

from collections.abc import Sequence

from releaseguard.errors import Refused
from releaseguard.messages.typed import typed
from releaseguard.rotation.history.events import LeakWithdrawn
from releaseguard.rotation.history.views import RotationView
from releaseguard.rotation.result import RotationResult, nothing_to_do
from releaseguard.rotation.session import RotationSession


def withdraw_leak(session: RotationSession) -> RotationResult:
    """Record that the unit's open leak, or that of ``leaked_version``, is none. Whoever holds the lease keeps it.

    Raises ``Refused`` where no such leak is open, or several are and none is named; and as the log does.
    """
    meant = _meant(session)
    reason, provider = session.request.reason or "", session.context.card.id
    session.journal.note(*(LeakWithdrawn(rotation_id=one.id, reason=reason) for one in meant))
    what = " and ".join(f"{version} of {session.group.name}" for version in _versions(meant[-1]))
    return nothing_to_do(
        session,
        f"Taken back, and it stays in the history (releaseguard audit show {provider}): {what} did not leak, "
        f"{typed(reason)}. "
        f"Where it did after all: {session.command} --leak --reason TEXT",
    )


def _meant(session: RotationSession) -> Sequence[RotationView]:
    """Every entry that reports the leak which is meant; with it those of which nobody knew the version."""
    named = session.request.leaked_version
    mine = [one for one in session.chain.leaks if one.unit == session.group.name and not one.retired_at]
    numbers = [{*one.leak.versions.values()} - {None} if one.leak else set() for one in mine]
    mine = [one for one, known in zip(mine, numbers, strict=True) if not known or named is None or named in known]
    several = list(dict.fromkeys(" and ".join(_versions(one)) for one in mine if one not in _vague(mine)))
    if not mine or (named and not several):
        step = f"See what is: releaseguard audit show {session.context.card.id}"
        what = f"version {named} of {session.group.name}" if named else session.group.name
        raise _refused(session, f"no leak of {what} is open", step)
    if len(several) > 1:
        step = f"Name the one that is none: {session.command} --withdraw-leak --leaked-version N --reason TEXT"
        raise _refused(session, f"several leaks of {session.group.name} are open: {', '.join(several)}", step)
    return mine


def _vague(entries: Sequence[RotationView]) -> Sequence[RotationView]:
    return [one for one in entries if one.leak and all(version is None for version in one.leak.versions.values())]


def _refused(session: RotationSession, what: str, step: str) -> Refused:
    return Refused(what, where=str(session.context.chain_key), next_step=step)


def _versions(one: RotationView) -> Sequence[str]:
    known = sorted(one.leak.versions.items()) if one.leak else []
    return [f"version {version}" if version is not None else "an unknown version" for _, version in known]
