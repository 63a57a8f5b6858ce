"""What a search for unlogged provider calls finds, as frozen values."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

RULES = {
    "not-logged": "A provider is called, and its success or its error is not logged.",
    "not-received": "What a provider sends, or its library captures by itself, is received and not logged.",
    "status-ping": "A provider is asked only whether it works.",
    "not-tested": "A provider is called in the app, and no test names it.",
    "unknown-provider": "An event is logged for a provider that no card knows.",
    "unknown-event": "An event is logged that is not on its provider's card.",
    "wrong-outcome": "An event of success is logged as an error, or the other way round.",
    "unknown-address": "A request goes to an address that is known at run time only.",
    "unknown-client": "A call looks like one of a provider's, of a client that is known at run time only.",
    "unknown-log": "A call is logged with an event that is known at run time only.",
    "too-wide": "A call is reached from more functions than are followed.",
    "not-read": "A file could not be read, or not all of it.",
    "bad-waiver": "A comment that waives a finding gives no reason, or there is nothing to waive.",
}
"""Each kind of finding, in one sentence."""
REMARKS = ("unknown-address", "unknown-client", "too-wide", "not-read", "bad-waiver")
"""What could not be judged: told, and no gap."""
OUTCOMES = ("success", "error")


@dataclass(frozen=True, slots=True, order=True)
class CoverageFinding:
    """One thing to look at; ``line`` and ``column`` count from 1."""

    file: str
    line: int
    column: int
    rule: str
    provider: str | None
    missing: tuple[str, ...]
    """``success``, ``error``, ``test``."""
    message: str
    fix: str | None = None
    """The lines to add, or the name to write instead."""


@dataclass(frozen=True, slots=True)
class Waived:
    """A finding that a comment waives, with its reason."""

    finding: CoverageFinding
    reason: str


@dataclass(frozen=True, slots=True)
class ClientPlace:
    """Where a client is made, and how many calls that lack a log go through it."""

    file: str
    line: int
    calls: int


@dataclass(frozen=True, slots=True)
class ProviderCoverage:
    """One provider that the app calls."""

    provider: str
    name: str
    calls: int
    covered: int
    """Calls whose success and error are both logged."""
    tests: Sequence[str]
    """Files of tests that name it, beginning with those that say so most plainly."""
    places: Sequence[tuple[str, int]]
    """File and line of each call."""
    clients: Sequence[ClientPlace] = ()
    """The clients that calls which lack a log share: the most used first."""

    @property
    def tested(self) -> bool:
        """Whether any test names it."""
        return bool(self.tests)


@dataclass(frozen=True, slots=True)
class CallPlace:
    """One call of a provider: where it is, and the success event that its card names for it."""

    provider: str
    event: str | None
    file: str
    line: int


@dataclass(frozen=True, slots=True)
class Received:
    """A function that receives a provider's webhook, or the set-up of a library that captures events by itself."""

    provider: str
    kind: str
    """``webhook`` or ``captured``."""
    file: str
    line: int
    logged: bool


@dataclass(frozen=True, slots=True)
class Report:
    """One search."""

    findings: Sequence[CoverageFinding]
    waived: Sequence[Waived]
    providers: Sequence[ProviderCoverage]
    files: int
    """App files that were read."""
    test_files: int
    received: Sequence[Received] = ()
    told: frozenset[str] = frozenset(REMARKS)
    """Rules whose findings fail nothing."""
    calls: Sequence[CallPlace] = ()

    def waived_calls(self, provider: str) -> int:
        """Calls of a provider whose missing log is waived."""
        return sum(one.finding.provider == provider and one.finding.rule == "not-logged" for one in self.waived)

    @property
    def gaps(self) -> Sequence[CoverageFinding]:
        """The findings that are more than remarks."""
        return [one for one in self.findings if one.rule not in self.told]

    @property
    def unknown(self) -> Sequence[CoverageFinding]:
        """What could not be judged, and fails nothing."""
        return [one for one in self.findings if one.rule in self.told]
