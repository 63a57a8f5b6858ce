"""One call of ``verify``, and everything that it reads."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from releaseguard.cards.spec import Card
from releaseguard.eventlog.interface import EventLog
from releaseguard.traces import Trace, no_trace
from releaseguard.verification.checks.live_checks import LiveChecks
from releaseguard.verification.checks.row_checks import Kinds
from releaseguard.verification.values import Deployment, Promise
from releaseguard.verification.whose.population import ALIKE, Population


@dataclass(frozen=True, slots=True, kw_only=True)
class VerifyRequest:
    """One call of ``verify``: its flags as a value."""

    release: str | None = None
    deployed_at: datetime | None = None
    as_of: datetime | None = None
    checks: frozenset[str] = frozenset()
    providers: frozenset[str] = frozenset()
    flows: bool = True
    component: str | None = None
    """The component whose deployment is judged; ``None``: whichever was deployed last."""
    watched: Deployment | None = None
    """The deployment of the watch's earlier looks; one deployed in the meantime has its own watch."""


@dataclass(frozen=True, slots=True, kw_only=True)
class VerifyContext:
    """Everything a verification reads."""

    log: EventLog
    cards: Sequence[Card]
    environment: str
    promise: Promise
    kinds: Kinds
    live_checks: LiveChecks
    now: Callable[[], datetime]
    population: Population = ALIKE
    """How releases and components are named in rows."""
    trace: Trace = no_trace
    """Receives the traceback of a check that breaks."""
