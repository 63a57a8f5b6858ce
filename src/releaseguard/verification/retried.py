"""Actions that go on failing for minutes: counts by the minute hold one trial of each minute, and they are one trial.

Which rows are the same action's only the single rows tell, so they are read where a release would fail for errors.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime

from releaseguard.eventlog.counts import MinuteCount
from releaseguard.model import Event, Outcome
from releaseguard.verification.judge.state import ReleaseState
from releaseguard.verification.rows.single_rows import SingleRows
from releaseguard.verification.values import Rule

_Trial = tuple[datetime, str, str]
"""The minute, the release and the source of what counts as one trial of an action."""


def failed_for_errors(states: Iterable[ReleaseState]) -> Sequence[Rule]:
    """The rules of shares of errors that fail, of which each provider is named once."""
    failed = [rule for state in states for rule in state.rules if rule.kind == "signal" and rule.id in state.failures]
    return list({rule.provider: rule for rule in failed}.values())


def taken_back(rows: SingleRows, rules: Iterable[Rule]) -> Sequence[MinuteCount]:
    """Counts that take back the trials of an action which it made after the minute in which it had failed first."""
    return [one for rule in rules for one in _of_each(rows.failed(rule), rows.members.deployment.deployment_id)]


def _of_each(errors: Iterable[Event], deployment: str | None) -> Iterable[MinuteCount]:
    actions: dict[str, dict[_Trial, Event]] = defaultdict(dict)
    for row in sorted(errors, key=_learned):
        if row.correlation_id:
            trial = _minute(row.occurred_at), row.release or "", row.source or ""
            actions[row.correlation_id].setdefault(trial, row)
    for trials in actions.values():
        for trial in sorted(trials)[1:]:
            yield _less(trials[trial], trial[0], deployment)


def _learned(row: Event) -> datetime:
    return row.recorded_at or row.occurred_at


def _minute(at: datetime) -> datetime:
    return at.astimezone(UTC).replace(second=0, microsecond=0)


def _less(row: Event, minute: datetime, deployment: str | None) -> MinuteCount:
    """One trial less, of the kind and minute of the error that stood for it."""
    return MinuteCount(
        occurred_minute=minute,
        recorded_minute=None if row.recorded_at is None else max(_minute(row.recorded_at), minute),
        environment=row.environment,
        provider=row.provider,
        event=row.event,
        outcome=Outcome.ERROR,
        release=row.release,
        synthetic=False,
        source=row.source,
        count=0,
        repeats=0,
        trials=-1,
        squares=0,
        deployment_id=None if deployment is None else row.detail.get("deployment_id"),
    )
