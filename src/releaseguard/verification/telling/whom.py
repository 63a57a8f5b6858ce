"""Adds to a failure's finding what its single rows show: error codes, whom it affects, what other releases did
meanwhile."""

from __future__ import annotations

from dataclasses import replace

from msgspec import UNSET

from releaseguard.model import Outcome
from releaseguard.verification.evidence import SignalEvidence
from releaseguard.verification.rows.single_rows import SingleRows
from releaseguard.verification.telling.hits import hit_of, hit_words, meanwhile_words
from releaseguard.verification.values import Finding, Rule


def is_failure_of_share(found: Finding) -> bool:
    """Whether it is a failure about which single rows say more."""
    return isinstance(found.evidence, SignalEvidence) and found.evidence.failed_at is not None


def told_whom(found: Finding, rule: Rule, rows: SingleRows) -> Finding:
    """The finding with that; unchanged where it is not a failure of an error share."""
    evidence = found.evidence
    if not isinstance(evidence, SignalEvidence) or evidence.failed_at is None:
        return found
    hit = hit_of(rows.newest(rule), lambda row: rule.reading.of(row.event, row.outcome is Outcome.SUCCESS))
    others = evidence.other_releases
    words = (hit_words(hit) if hit else "") + meanwhile_words(others.events, others.errors)
    return replace(found, reason=found.reason + words, evidence=replace(evidence, hit=hit or UNSET))
