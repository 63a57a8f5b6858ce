"""Queries the log for the contents of a certificate of revocation."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from itertools import chain

from releaseguard.eventlog.interface import Query
from releaseguard.model import Outcome
from releaseguard.rotation.certificate.making import EarlierUse, certificate_of, earlier_uses
from releaseguard.rotation.drift.revocation import revoked_by
from releaseguard.rotation.history.parts import CertificateRecord
from releaseguard.rotation.proof.values import Question
from releaseguard.rotation.session import RotationSession
from releaseguard.rotation.steps.prove import BEFORE, heard, of_every_name, selected, told_from_refusals
from releaseguard.rotation.values import Direction

LOOKED_BACK = timedelta(days=7)
"""The furthest back that rows are read one by one."""
EARLIER = timedelta(days=8)
"""How long before that uses are counted; a job that runs once a week is a consumer too."""


def certified(session: RotationSession, direction: Direction) -> CertificateRecord:
    """The certificate of revocation as of now. Raises ``ServiceError`` where the log does not answer."""
    log, rotation = session.context.log, session.rotation
    question, now = heard(session, direction), log.now()
    first = revoked_by(session.chain, rotation.unit) if rotation.goes_nowhere else rotation
    began_at = first.began_at if first else rotation.began_at
    since, by_store = max(began_at - BEFORE, now - LOOKED_BACK), log.capabilities.has("recorded_at")
    events = selected(session, question, Query(since=since))
    if by_store:  # whose clock is behind, or what came late
        events = [*events, *selected(session, question, Query(recorded_since=since, until=since))]
    question = told_from_refusals(session, question, events)
    began = rotation.progress(direction).pushed_at or rotation.changed_at
    # What is written once more was out already: uses of before need not be of the old value.
    is_cut = rotation.goes_nowhere and (first is None or since > began_at - BEFORE)
    earlier = {} if is_cut else _uses_before(session, question, since, by_store=by_store)
    return certificate_of(question, events, now, began=began, components=session.context.components, earlier=earlier)


def _uses_before(
    session: RotationSession, question: Question, until: datetime, *, by_store: bool
) -> Mapping[str | None, EarlierUse]:
    """Per source, the uses before ``until`` of the old value or an older one."""
    asked = Query(
        events=tuple(sorted(question.success_events)),
        outcome=Outcome.SUCCESS,
        since=until - EARLIER,
        until=until,
        recorded_until=until if by_store else None,
    )
    counted = chain.from_iterable(map(session.context.log.minute_counts, of_every_name(question, asked)))
    return earlier_uses(counted)
