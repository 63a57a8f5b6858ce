"""A certificate of revocation as a JSON document and as lines of text."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from releaseguard import readable
from releaseguard.report.postmortem.certificate import CertificateDocument, ConsumerRow
from releaseguard.rotation.certificate.doubts import called, doubts
from releaseguard.rotation.history.parts import CertificateRecord, ConsumerRecord


def document_of(certificate: CertificateRecord) -> CertificateDocument:
    """The certificate as in ``rotate --json`` and ``audit report --json``."""
    return {
        "as_of": certificate.as_of,
        "since": certificate.since,
        "consumers": [_row(one) for one in certificate.consumers],
        "not_seen": [called(one) for one in certificate.consumers if not one.new],
        "in_doubt": list(doubts(certificate)),
    }


def _row(one: ConsumerRecord) -> ConsumerRow:
    return {
        "destination": one.destination,
        "component": one.component,
        "source": one.source,
        "new_successes": one.new,
        "new_since": one.new_since,
        "new_last": one.new_last,
        "old_successes": one.old,
        "old_last": one.old_last,
        "unlabelled_successes": one.unlabelled,
        "unlabelled_last": one.unlabelled_last,
        "failures": one.failures,
        "refused": one.refused,
        "seen": one.new > 0,
        "shows": one.shows,
    }


def lines_of(certificate: CertificateRecord, old: str = "") -> Sequence[str]:
    """One line for each consumer, those not yet seen with the new value first. ``old`` names the value to be
    revoked."""
    as_of = certificate.as_of
    of = f" of {old}" if old else ""
    head = f"certificate of revocation{of}, as of {readable.date_and_clock(as_of, seconds=True, zone=' UTC')}:"
    each = [f"  {called(one)}: {'; '.join(_words(one, as_of))}" for one in certificate.consumers]
    return [head, *(each or ["  no use of the provider was logged: nothing shows who holds which value"])]


def _words(one: ConsumerRecord, as_of: str) -> Iterator[str]:
    if one.new and one.new_since and one.new_last:
        since, newest = (readable.clock_on(as_of, moment, seconds=True) for moment in (one.new_since, one.new_last))
        yield f"{one.new} with the new value since {since}, last {newest}"
    else:
        yield f"not seen with the new value yet ({one.shows})"
    last = readable.clock_on(as_of, one.old_last, seconds=True) if one.old_last else None
    yield f"old one last used {last}" if last else "no use of the old one"
    if one.unlabelled:
        yield f"{one.unlabelled} do not say which"
    if one.failures:
        yield f"{readable.count(one.failures, 'failure')}, {one.refused} of them refused"
