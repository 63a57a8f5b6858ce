"""What speaks against revoking the old value now. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta

from releaseguard import readable
from releaseguard.model import from_text
from releaseguard.rotation.history.parts import CertificateRecord, ConsumerRecord

RECENT = timedelta(hours=1)
"""A use of the old value that is younger than this is one that may come again."""


def doubts(certificate: CertificateRecord) -> Sequence[str]:
    """Who used the old value within the last hour and may do so still, and whose successes do not say what they used.

    One that was seen with the new value and not with the old one since that serves has gone over.
    """
    return [word for one in certificate.consumers for word in _of(one, certificate)]


def _of(one: ConsumerRecord, certificate: CertificateRecord) -> Iterator[str]:
    now, since = from_text(certificate.as_of), from_text(certificate.since)
    if one.old_last and _is_recent(one.old_last, now) and (not one.new or from_text(one.old_last) > since):
        yield f"{called(one)} used the old value {ago(one.old_last, now)} ago"
    if one.unlabelled_last and _is_recent(one.unlabelled_last, now):
        last = ago(one.unlabelled_last, now)
        yield f"successes of {called(one)} do not say which value they used ({one.unlabelled} of them, last {last} ago)"


def _is_recent(moment: str, now: datetime) -> bool:
    return from_text(moment) > now - RECENT


def called(one: ConsumerRecord) -> str:
    """What a consumer is called."""
    where = ", ".join(word for word in (one.component, one.destination) if word)
    name = one.source or "an unnamed source"
    return f"{name} ({where})" if where else name


def ago(moment: str, now: datetime) -> str:
    """How long before ``now`` that was: ``40 s``."""
    return readable.roughly(max(now - from_text(moment), timedelta()))
