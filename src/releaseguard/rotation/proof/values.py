"""What is to be proven, and the answer."""

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
    """From when on events can carry the new version: the deployment exists, or the value has been written."""
    serving: datetime
    """From when on the old version should be gone: the deployment serves."""
    sources: frozenset[str] | None = None
    """The event sources that run there; ``None``: any source speaks for it."""
    not_sources: frozenset[str] = frozenset()
    """Sources that are known to run elsewhere: they say nothing about this one, for or against."""
    deployment: str | None = None
    previous_deployment: str | None = None
    release: str | None = None
    previous_release: str | None = None
    later_deployments: frozenset[str] = frozenset()
    """Deployments made after this one: they took the new version over when they were created."""

    def runs(self, source: str | None) -> bool:
        """Whether what this source logs may come from here."""
        return source not in self.not_sources if self.sources is None else source in self.sources

    def speaks(self, event: Event) -> bool:
        """Whether the event comes from an app that runs here. Never what phones wrote, however they are spelled: as
        another source they may object all the same."""
        return not by_phones(event.source) and self.runs(event.source)


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What is to be proven, about whom, by how much."""

    provider: str
    environment: str
    success_events: frozenset[str]
    auth_error_codes: frozenset[str]
    labels: Labels
    runtimes: Sequence[RuntimeDestination]
    is_back: bool = False
    """Whether what is to be proven is a version that was put back."""
    denied_codes: frozenset[str] = frozenset()
    """Of the codes of a refused credential: those which a good one is told too, where something is not allowed."""
    denied_as_before: Mapping[str | None, int] = field(default_factory=dict)
    """Sources which are told so no more often than with the value before, which says nothing of the key; and how many
    successes make sure of that."""
    successes: int = 3
    accept_timing: bool = False
    traffic: Mapping[str | None, float] = field(default_factory=dict)
    """Successes an hour by source, before the rotation."""
    mute: bool = False
    """Whether there were such, and none of them said which value, deployment or release was at work."""
    flow: str | None = None
    """The flow that could make an event."""
    others_events: frozenset[str] = frozenset()
    """Success events that prove other secrets of the provider, and not this."""
    also_called: frozenset[str] = frozenset()
    """Other spellings of the provider: rows under them prove nothing, and may object."""
    also_in: frozenset[str] = frozenset()
    """Other spellings of the environment, likewise."""
    heard_in: Mapping[str, int] = field(default_factory=dict)
    """Successes in environments of other names, by these: none of ours, unless nothing at all comes from ours."""

    def is_about(self, event: Event) -> bool:
        """Whether a row is of this provider and environment, in any spelling."""
        here = event.environment == self.environment or event.environment in self.also_in
        return here and (event.provider == self.provider or event.provider in self.also_called)

    def shows_success(self, event: Event) -> bool:
        """Whether the event is one that proves, in any spelling."""
        return event.event in self.success_events or bare(event.event) in map(bare, self.success_events)

    def shows_others(self, event: Event) -> bool:
        """Whether the event proves another secret of the provider, and not this."""
        return event.event in self.others_events or bare(event.event) in map(bare, self.others_events)

    def misnamed(self, event: Event) -> Mapping[str, tuple[str, str]]:
        """By column: what a row says there, and what it is to say."""
        meant = {"provider": (event.provider, self.provider), "environment": (event.environment, self.environment)}
        if event.event not in self.success_events:
            named = next((one for one in sorted(self.success_events) if bare(one) == bare(event.event)), event.event)
            meant["event"] = (event.event, named)
        return {column: both for column, both in meant.items() if both[0] != both[1]}

    def usual_rate(self, runtime: RuntimeDestination) -> float:
        """Successes an hour at ``runtime``, before the rotation."""
        return sum(hourly for source, hourly in self.traffic.items() if runtime.runs(source))


@dataclass(frozen=True, slots=True, kw_only=True)
class RuntimeProof:
    """How far one runtime is proven."""

    uri: str
    grade: Grade | None
    successes: int
    needed: int
    synthetic: int
    events: Sequence[str]
    """Ids of the rows it rests on."""
    missing: str | None
    refused: bool
    """Whether the provider refuses the new version there: the reason to roll back."""
    refused_at_least_once: bool
    old: int = 0
    """Successes with another version since the new one should serve."""
    serves: str | None = None
    """The deployment that production serves instead of the one that was made for the new value."""
    rewritten: Sequence[str] = ()
    """Names there that somebody else has written since they were pushed."""
    unlabelled: int = 0
    """Successes of which only the time or only the version is known, and not where they come from."""
    basis: Basis | None = None
    """What a grade A rests on: the weakest of its rows."""


@dataclass(frozen=True, slots=True)
class Proof:
    """The answer. ``refused`` asks for a roll-back; ``refused_at_least_once`` too, once the time is over."""

    proven: bool
    grade: Grade | None
    runtimes: Sequence[RuntimeProof]
    missing: Sequence[str]
    refused: bool = False
    refused_at_least_once: bool = False

    @property
    def basis(self) -> Basis | None:
        """What a proof of grade A rests on, the weakest of its runtimes; ``None`` for any other."""
        found = [runtime.basis for runtime in self.runtimes]
        if self.grade is not Grade.A or None in found:
            return None
        return Basis.LABEL if Basis.LABEL in found else Basis.FINGERPRINT

    @property
    def events(self) -> Sequence[str]:
        """Ids of all rows the proof rests on."""
        return tuple(dict.fromkeys(identity for runtime in self.runtimes for identity in runtime.events))
