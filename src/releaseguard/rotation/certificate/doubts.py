"""Reasons against revoking the old value now. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta

from releaseguard import readable
from releaseguard.model import from_text
from releaseguard.rotation.history.parts import CertificateRecord, ConsumerRecord

RECENT = timedelta(hours=1)
"""A use of the old value more recent than this may be followed by another."""


def doubts(certificate: CertificateRecord) -> Sequence[str]:
    """Who used the old value within the last hour, and whose successes do not say which value they used.

    A consumer that was seen with the new value in the meantime is included: another of its processes may hold the old
    one.
    """
    now = from_text(certificate.as_of)
    return [word for one in certificate.consumers for word in _of(one, now)]


def _of(one: ConsumerRecord, now: datetime) -> Iterator[str]:
    if one.old_last and _is_recent(one.old_last, now):
        since = f", and the new one {ago(one.new_last, now)} ago" if one.new_last else ""
        yield f"{called(one)} used the old value {ago(one.old_last, now)} ago{since}"
    if one.unlabelled_last and _is_recent(one.unlabelled_last, now):
        last = ago(one.unlabelled_last, now)
        yield f"successes of {called(one)} do not say which value they used ({one.unlabelled} of them, last {last} ago)"


def quiet_from(certificate: CertificateRecord) -> str | None:
    """The time of day at which the old value will have been unused for an hour, if nobody uses it again; ``None`` where
    it has been unused for an hour already."""
    used = [from_text(one.old_last) for one in certificate.consumers if one.old_last]
    until = max(used, default=None)
    if until is None or until + RECENT <= from_text(certificate.as_of):
        return None
    return readable.clock_on(certificate.as_of, until + RECENT + timedelta(minutes=1))


def _is_recent(moment: str, now: datetime) -> bool:
    return from_text(moment) > now - RECENT


def called(one: ConsumerRecord) -> str:
    """The display name of a consumer."""
    where = ", ".join(word for word in (one.component, one.destination) if word)
    name = one.source or "an unnamed source"
    return f"{name} ({where})" if where else name


def ago(moment: str, now: datetime) -> str:
    """The time between ``moment`` and ``now``: ``40 s``."""
    return readable.roughly(max(now - from_text(moment), timedelta()))
