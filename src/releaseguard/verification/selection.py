"""Which checks a run carries out, and why not the others."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from releaseguard.cards.spec import (
    Card,
    Check,
    FlowCheck,
    InvariantCheck,
    LatencyCheck,
    NonBlockingCheck,
    PrivacyCheck,
    ReleaseTagCheck,
    SecretCheck,
    SignalCheck,
    VolumeCheck,
)
from releaseguard.verification.context import VerifyContext, VerifyRequest
from releaseguard.verification.rules import Logged, is_configured, rule_of
from releaseguard.verification.values import SkippedCheck

OF_THE_PRESENT: Final = "it looks at the present, and a past moment is judged"
"""Why a check is left out that only the present can show."""


@dataclass(frozen=True, slots=True)
class Selection:
    """The checks that were asked for."""

    judged: Sequence[tuple[Card, Check]]
    skipped: Sequence[SkippedCheck]

    @property
    def left_out(self) -> Sequence[tuple[Card, Check]]:
        """The checks that are skipped."""
        return [(one.card, one.check) for one in self.skipped]


def select(
    context: VerifyContext, request: VerifyRequest, logged: Logged, without_latency: Collection[str] = ()
) -> Selection:
    """The checks that the request asks for, parted by whether this run can carry them out; ``without_latency``: those
    of latency whose events tell of none."""
    judged, skipped = [], []
    for card, check in _wanted(context, request):
        reason = _why_not(context, request, card, check, logged, without_latency)
        if reason is None:
            judged.append((card, check))
        else:
            skipped.append(SkippedCheck(card, check, reason))
    return Selection(judged, skipped)


def _wanted(context: VerifyContext, request: VerifyRequest) -> Iterator[tuple[Card, Check]]:
    for card in context.cards:
        if request.providers and card.id not in request.providers:
            continue
        for check in card.checks:
            if not request.checks or check.id in request.checks:
                yield card, check


def _why_not(
    context: VerifyContext,
    request: VerifyRequest,
    card: Card,
    check: Check,
    logged: Logged,
    without_latency: Collection[str],
) -> str | None:
    if isinstance(check, FlowCheck | InvariantCheck | SecretCheck):
        if request.as_of:
            return OF_THE_PRESENT
        if isinstance(check, FlowCheck) and not request.flows:
            return "--no-flows"
        return context.live_checks.why_not(card, check)
    if not _is_logged(card, check, logged):
        return _nothing_logged(context, check)
    if check.id in without_latency:
        return "not configured: its newest events carry no latency_ms"
    return None


def latencies(context: VerifyContext, request: VerifyRequest, logged: Logged) -> Sequence[LatencyCheck]:
    """The checks of latency that may be carried out, if any of their events says how long it took."""
    asked = _wanted(context, request)
    return [check for card, check in asked if isinstance(check, LatencyCheck) and _is_logged(card, check, logged)]


def _is_logged(card: Card, check: Check, logged: Logged) -> bool:
    """Whether anything was logged that the check has something to say about."""
    if isinstance(check, SignalCheck | VolumeCheck):
        return is_configured(rule_of(card, check), logged)
    events = _events_of(check)
    return not events or any(event in events for _, event, _, _ in logged)


def _nothing_logged(context: VerifyContext, check: Check) -> str:
    days = context.promise.baseline_minutes / 1440
    return f"not configured: no {' or '.join(sorted(_events_of(check)))} was logged here in {days:g} days"


def _events_of(check: Check) -> frozenset[str]:
    """The events without which a check has nothing to say."""
    if isinstance(check, SignalCheck):
        return frozenset((*check.success, *check.error))
    if isinstance(check, VolumeCheck | LatencyCheck | ReleaseTagCheck | PrivacyCheck):
        return frozenset(check.events)
    if isinstance(check, NonBlockingCheck):
        return frozenset(check.error)
    return frozenset()
