"""What synthetic flows need to run."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from releaseguard.cards.spec import Card, FlowSpec
from releaseguard.eventlog.interface import EventLog
from releaseguard.http import ServiceClient
from releaseguard.model import utc_now
from releaseguard.verification.flows.session import UserSession


@dataclass(frozen=True, slots=True, kw_only=True)
class FlowContext:
    """What synthetic flows need to run. ``sleep`` and ``clock`` (seconds) belong together; ``now`` is the time of
    day."""

    log: EventLog
    client: ServiceClient
    session: UserSession
    environment: str
    test_paths: frozenset[str] = frozenset()
    """Providers whose money-moving flows go to a test path."""
    now: Callable[[], datetime] = utc_now
    clock: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep

    def may_repeat(self, flow: FlowSpec) -> bool:
        """Whether a run may be sent again: it only reads, or the app ignores a repeated key."""
        return flow.idempotent or all(step.method == "GET" for step in flow.steps)

    def may_send(self, card: Card, flow: FlowSpec) -> bool:
        """Whether the flow may run here: one that moves money needs a test path."""
        return not flow.moves_money or card.id in self.test_paths
