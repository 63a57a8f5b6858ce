"""Checks that people accepted for one deployment: recorded, shown in later reports, and limited to that deployment.
Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from releaseguard.messages.typed import typed
from releaseguard.model import OURSELVES, Event, Outcome, Verdict, new_id, to_text
from releaseguard.stats.series import moment_of
from releaseguard.verification.evidence import AcceptedBy
from releaseguard.verification.values import Acceptance, Deployment, Finding

ACCEPTED = "release_accepted"


@dataclass(frozen=True, slots=True, kw_only=True)
class Accepting:
    """The request of ``verify --accept``: checks with their providers, the reason, and the person."""

    checks: Mapping[str, str]
    """Check -> provider."""
    reason: str
    by: str


def accepting_rows(asked: Accepting, deployment: Deployment, at: datetime) -> Sequence[Event]:
    """The rows that record it, one for each check."""
    return [_row(check, provider, asked, deployment, at) for check, provider in asked.checks.items()]


def _row(check: str, provider: str, asked: Accepting, deployment: Deployment, at: datetime) -> Event:
    detail = {"check": check, "provider": provider, "reason": asked.reason, "by": asked.by, **named(deployment)}
    return Event(
        id=new_id(),
        occurred_at=at,
        provider=OURSELVES,
        event=ACCEPTED,
        outcome=Outcome.SUCCESS,
        environment=deployment.environment,
        release=deployment.release,
        source="verify",
        detail=detail,
    )


def named(deployment: Deployment) -> Mapping[str, str]:
    """The keys with which a row of ours names its deployment."""
    component = {} if deployment.component is None else {"component": deployment.component}
    return {"release": deployment.release, "deployed_at": to_text(deployment.deployed_at), **component}


def is_about(row: Event, deployment: Deployment) -> bool:
    """Whether a row of ours about a check matches the deployment in every part."""
    return is_of(row, deployment) and all(isinstance(row.detail.get(key), str) for key in ("check", "reason"))


def is_of(row: Event, deployment: Deployment) -> bool:
    """Whether a row of ours matches the deployment in every part."""
    return (
        row.provider == OURSELVES
        and row.environment == deployment.environment
        and row.release == deployment.release
        and row.detail.get("deployed_at") == to_text(deployment.deployed_at)
        and row.detail.get("component") == deployment.component
    )


def acceptances_in(rows: Iterable[Event], deployment: Deployment) -> Mapping[str, Acceptance]:
    """Check -> its newest acceptance; only rows that match the deployment are believed."""
    mine = (row for row in rows if row.event == ACCEPTED and is_about(row, deployment))
    return {
        row.detail["check"]: Acceptance(
            row.detail["check"], row.detail["reason"], row.occurred_at, str(row.detail.get("by", ""))
        )
        for row in mine
    }


@dataclass(frozen=True, slots=True)
class Acceptances:
    """What people accepted for one deployment, in the order of recording."""

    deployment: Deployment
    rows: Sequence[Event]

    def by(self, minute: int) -> Mapping[str, Acceptance]:
        """Check -> its acceptance, as recorded by the end of a look, in minutes since 1970."""
        moment = moment_of(minute)
        return acceptances_in(
            (row for row in self.rows if (row.recorded_at or row.occurred_at) <= moment), self.deployment
        )


def accepted_for(rows: Iterable[Event], deployment: Deployment) -> Acceptances:
    """The acceptances among the rows that are about the deployment."""
    return Acceptances(deployment, [row for row in rows if row.event == ACCEPTED and is_about(row, deployment)])


def with_accepted(findings: Sequence[Finding], accepted: Mapping[str, Acceptance]) -> Sequence[Finding]:
    """The findings, with each accepted check as WARN: never as a failure, never as a PASS."""
    return [_accepted(one, accepted[one.id]) if one.id in accepted else one for one in findings]


def _accepted(found: Finding, told: Acceptance) -> Finding:
    by = f" by {told.by}" if told.by else ""
    reason = f"accepted{by} at {to_text(told.at)}: {typed(told.reason)}; it says {found.verdict.value}: {found.reason}"
    evidence = AcceptedBy(told.reason, to_text(told.at), told.by, found.verdict.value)
    return replace(
        found,
        verdict=Verdict.WARN,
        undecided="warn",
        reason=reason,
        evidence=replace(found.evidence, accepted=evidence),
    )
