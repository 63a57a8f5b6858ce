"""Errors of the new release, weighed against the usual share of them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence

from releaseguard.stats.cusum import ErrorCusum
from releaseguard.stats.evidence.errors import ErrorProcess
from releaseguard.verification.judge import checklist
from releaseguard.verification.judge.arrivals import Arrived
from releaseguard.verification.judge.state import ErrorState, ReleaseState
from releaseguard.verification.values import Rule

RECOVERED = 3.0
"""The evidence of trouble below which an incident from before the deployment is over."""

Batches = Sequence[tuple[int, int, int]]
"""What arrived, by minute: the minute, its events and its errors."""


def learn_usual(state: ReleaseState) -> None:
    """Take in what is known of the time before: what is usual, and which errors began before the deployment."""
    known = state.known
    for errors in state.errors.values():
        rule = errors.rule
        if errors.process is None:
            errors.process = _process(state, rule)
        if known.in_incident(rule) and errors.events == 0 and errors.trouble is None:
            errors.trouble = ErrorCusum(known.errors[rule.id], known.trouble[rule.id])


def _process(state: ReleaseState, rule: Rule) -> ErrorProcess:
    base = state.known.errors[rule.id]
    alike = [checklist.weight(state, other) for other in state.rules if other.blocking is rule.blocking]
    own = checklist.weight(state, rule) * (1.0 - checklist.kept(state, rule))
    needed = state.threshold * sum(alike) / own
    return ErrorProcess(base.share, base.weight, state.length, expected=state.expected(rule), needed=needed)


def judge_errors(state: ReleaseState, events: Iterable[Arrived]) -> None:
    """Weigh what arrived since the last look."""
    arrived: dict[str, dict[int, tuple[int, int]]] = defaultdict(dict)
    for event in events:
        for errors, is_error in state.readers_of(event.cell).errors:
            if event.ours and event.occurred >= state.timeline.live + errors.rule.grace_minutes:
                _count(errors, event, is_error, arrived[errors.rule.id])
            elif event.is_of_another:
                errors.old_events += event.cell.tried
                errors.old_errors += event.cell.tried if is_error else 0
    for name, errors in state.errors.items():
        _weigh(errors, [(minute, total, bad) for minute, (total, bad) in sorted(arrived[name].items())])


def _count(errors: ErrorState, event: Arrived, is_error: bool, minutes: dict[int, tuple[int, int]]) -> None:
    cell = event.cell
    total, bad = minutes.get(event.occurred, (0, 0))
    minutes[event.occurred] = total + cell.tried, bad + (cell.tried if is_error else 0)
    errors.tagged += cell.tried if event.is_tagged else 0
    errors.add_stray(cell)


def _weigh(errors: ErrorState, batches: Batches) -> None:
    """Hold what arrived against the release, unless an incident from before the deployment explains it."""
    if errors.trouble is not None:
        _excuse(errors, errors.trouble, batches)
        return
    for minute, total, bad in batches:
        errors.events += total
        errors.errors += bad
        held = errors.minutes.get(minute, (0, 0))
        errors.minutes[minute] = held[0] + total, held[1] + bad
    if errors.process is not None:
        errors.value = errors.process.look(batches)


def _excuse(errors: ErrorState, trouble: ErrorCusum, batches: Batches) -> None:
    for _, total, bad in batches:
        trouble.minute(total, bad)
        errors.excused = errors.excused[0] + total, errors.excused[1] + bad
    if trouble.value < RECOVERED:
        errors.trouble = None
