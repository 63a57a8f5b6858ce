"""What is to be proven, and the answer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from releaseguard.model import CLIENT, Event
from releaseguard.rotation.values import Direction, Grade, Pin


@dataclass(frozen=True, slots=True)
class Labels:
    """What apps report as ``secret_version`` of a unit, and which of it is the new version."""

    members: Mapping[str, tuple[int | None, int]]
    """By secret: the version before and the new one."""
    reported: Sequence[str] = ()
    """The members whose own version the app knows (those with a companion); all where empty."""

    @classmethod
    def of(cls, pins: Sequence[Pin], direction: Direction, reported: Sequence[str] = ()) -> Labels:
        """The labels of carrying ``pins`` in ``direction``."""
        other = Direction.BACK if direction is Direction.FORWARD else Direction.FORWARD
        members = {pin.name: (pin.version(other), to) for pin in pins if (to := pin.version(direction)) is not None}
        return cls(members, tuple(name for name in reported if name in members))

    @property
    def group(self) -> str:
        """The one version of the whole group: its members' versions in order, ``1.2``."""
        return ".".join(str(to) for _, to in self.members.values())

    def is_new(self, carried: Any) -> bool:
        """Whether ``carried`` can only have been reported by a process that holds the new version."""
        if isinstance(carried, Mapping):
            return self._all_new(carried)
        text = str(carried)
        return text == self.group or text in self._unmistakable()

    def _all_new(self, carried: Mapping[str, Any]) -> bool:
        changed = {name for name, (old, new) in self.members.items() if old != new} or set(self.members)
        known = all(str(carried[name]) == str(new) for name, (_, new) in self.members.items() if name in carried)
        return known and changed <= carried.keys()

    def _unmistakable(self) -> frozenset[str]:
        """Numbers that are some reported member's new version and no reported member's version before."""
        members = [self.members[name] for name in self.reported] or list(self.members.values())
        before = {str(old) for old, _ in members}
        return frozenset(str(new) for _, new in members) - (before if len(members) > 1 else frozenset())


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
        """Whether the event comes from an app that runs here."""
        return event.source != CLIENT and self.runs(event.source)


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What is to be proven, about whom, by how much."""

    provider: str
    environment: str
    success_events: frozenset[str]
    auth_error_codes: frozenset[str]
    labels: Labels
    runtimes: Sequence[RuntimeDestination]
    successes: int = 3
    accept_timing: bool = False
    traffic: Mapping[str | None, float] = field(default_factory=dict)
    """Successes an hour by source, before the rotation."""
    flow: str | None = None
    """The flow that could make an event."""

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
    def events(self) -> Sequence[str]:
        """Ids of all rows the proof rests on."""
        return tuple(dict.fromkeys(identity for runtime in self.runtimes for identity in runtime.events))
