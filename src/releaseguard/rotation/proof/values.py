"""The question that a proof answers, and the answer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from releaseguard.cards.spelling import bare
from releaseguard.model import Event, by_phones
from releaseguard.rotation.proof.labels import Labels
from releaseguard.rotation.values import Basis, Grade


@dataclass(frozen=True, slots=True, kw_only=True)
class RuntimeDestination:
    """One destination from which a running app reads the secret. Times are the store's."""

    uri: str
    since: datetime
    """From when events can carry the new version: the deployment exists, or the value has been written."""
    serving: datetime
    """From when the old version should be gone: the deployment is being served."""
    sources: frozenset[str] | None = None
    """The event sources that run there; ``None``: any source speaks for it."""
    not_sources: frozenset[str] = frozenset()
    """Sources known to run elsewhere; they say nothing about this destination."""
    deployment: str | None = None
    previous_deployment: str | None = None
    release: str | None = None
    previous_release: str | None = None
    later_deployments: frozenset[str] = frozenset()
    """Deployments made after this one, which took the new version when they were created."""

    def runs(self, source: str | None) -> bool:
        """Whether events of this source may come from here."""
        return source not in self.not_sources if self.sources is None else source in self.sources

    def speaks(self, event: Event) -> bool:
        """Whether the event comes from an app that runs here. Events of phones never do, in any spelling; they may
        object."""
        return not by_phones(event.source) and self.runs(event.source)


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What is to be proven, about which secrets, with how many successes."""

    provider: str
    environment: str
    success_events: frozenset[str]
    auth_error_codes: frozenset[str]
    labels: Labels
    runtimes: Sequence[RuntimeDestination]
    is_back: bool = False
    """Whether the version to be proven is one that was put back."""
    denied_codes: frozenset[str] = frozenset()
    """Those codes of a refused credential that a good one receives too where something is not allowed."""
    denied_as_before: Mapping[str | None, int] = field(default_factory=dict)
    """Sources that receive these codes no more often than with the value before, which says nothing about the key, each
    with the number of successes that makes it 95% sure."""
    successes: int = 3
    accept_timing: bool = False
    traffic: Mapping[str | None, float] = field(default_factory=dict)
    """Successes per hour by source before the rotation."""
    mute: bool = False
    """Whether there was traffic and none of it named its value, deployment or release."""
    flow: str | None = None
    """The flow that could make an event."""
    others_events: frozenset[str] = frozenset()
    """Success events that prove other secrets of the provider and not this one."""
    also_called: frozenset[str] = frozenset()
    """Other spellings of the provider: rows under them prove nothing, but may object."""
    also_in: frozenset[str] = frozenset()
    """Other spellings of the environment; likewise."""
    heard_in: Mapping[str, int] = field(default_factory=dict)
    """Successes in environments of other names, by name; relevant only where nothing at all comes from ours."""

    def is_about(self, event: Event) -> bool:
        """Whether a row belongs to this provider and environment, in any spelling."""
        here = event.environment == self.environment or event.environment in self.also_in
        return here and (event.provider == self.provider or event.provider in self.also_called)

    def shows_success(self, event: Event) -> bool:
        """Whether the event is one that proves, in any spelling."""
        return event.event in self.success_events or bare(event.event) in map(bare, self.success_events)

    def shows_others(self, event: Event) -> bool:
        """Whether the event proves another secret of the provider and not this one."""
        return event.event in self.others_events or bare(event.event) in map(bare, self.others_events)

    def misnamed(self, event: Event) -> Mapping[str, tuple[str, str]]:
        """Column -> what a row says there, and what it should say."""
        meant = {"provider": (event.provider, self.provider), "environment": (event.environment, self.environment)}
        if event.event not in self.success_events:
            named = next((one for one in sorted(self.success_events) if bare(one) == bare(event.event)), event.event)
            meant["event"] = (event.event, named)
        return {column: both for column, both in meant.items() if both[0] != both[1]}

    def usual_rate(self, runtime: RuntimeDestination) -> float:
        """Successes per hour at ``runtime`` before the rotation."""
        return sum(hourly for source, hourly in self.traffic.items() if runtime.runs(source))


@dataclass(frozen=True, slots=True, kw_only=True)
class RuntimeProof:
    """The proof of one runtime destination so far."""

    uri: str
    grade: Grade | None
    successes: int
    needed: int
    synthetic: int
    events: Sequence[str]
    """Ids of the rows on which it rests."""
    missing: str | None
    refused: bool
    """Whether the provider has refused the new version there at least as often as successes are required, and never
    accepted it: the reason to roll back."""
    refused_at_least_once: bool
    """Whether it has refused it there at least once and never accepted it, which is the reason once the time for the
    proof is over."""
    old: int = 0
    """Successes with another version since the new one should be in service."""
    serves: str | None = None
    """The deployment that production serves instead of the one with the new value."""
    rewritten: Sequence[str] = ()
    """Names there that somebody else has written since they were pushed."""
    unlabelled: int = 0
    """Successes that lack what a proof needs: the version, the source, or both."""
    basis: Basis | None = None
    """What a proof of grade A rests on: the weakest of its rows."""


@dataclass(frozen=True, slots=True)
class Proof:
    """The answer. ``refused`` is the reason to roll back, where that is allowed; so is ``refused_at_least_once`` once
    the time is over."""

    proven: bool
    grade: Grade | None
    runtimes: Sequence[RuntimeProof]
    missing: Sequence[str]
    refused: bool = False
    refused_at_least_once: bool = False

    @property
    def basis(self) -> Basis | None:
        """What a proof of grade A rests on, the weakest of its runtime destinations; ``None`` for any other grade."""
        found = [runtime.basis for runtime in self.runtimes]
        if self.grade is not Grade.A or None in found:
            return None
        return Basis.LABEL if Basis.LABEL in found else Basis.FINGERPRINT

    @property
    def events(self) -> Sequence[str]:
        """Ids of all rows on which the proof rests."""
        return tuple(dict.fromkeys(identity for runtime in self.runtimes for identity in runtime.events))
