"""Values inside the events of a chain, and how long their texts may be."""

from __future__ import annotations

from typing import Annotated

from msgspec import UNSET, Meta, Struct, UnsetType

from releaseguard.rotation.values import Grade, Leak

Text = Annotated[str, Meta(max_length=100_000)]

Name = Annotated[str, Meta(min_length=1, max_length=10_000)]
"""Of a secret, a unit, a place, a person's run."""

Version = Annotated[int, Meta(ge=0, le=2**31 - 1)]
"""A secret's in the vault."""

Count = Annotated[int, Meta(ge=0, le=2**31 - 1)]

Many = Meta(max_length=10_000)


class Part(Struct, frozen=True, kw_only=True):
    """A value inside an event."""


class LeakReport(Part, frozen=True, kw_only=True):
    reason: Text | None = None
    versions: dict[Name, Version | None] = {}

    def to_leak(self) -> Leak:
        return Leak(str(self.reason), dict(self.versions))

    @classmethod
    def of(cls, leak: Leak | None) -> LeakReport | None:
        return cls(reason=leak.reason, versions=dict(leak.versions)) if leak else None


class PlannedSecret(Part, frozen=True, kw_only=True):
    name: Name
    from_version: Version | None = None
    seen_version: Version | None = None
    """The vault's newest before anything was staged."""
    seen_secret_id: Text | None = None


class PinnedSecret(Part, frozen=True, kw_only=True):
    name: Name
    from_version: Version | None = None
    to_version: Version | None = None
    secret_id: Text | None = None
    from_secret_id: Text | None = None


class StagedPlace(Part, frozen=True, kw_only=True):
    key: Name
    uri: Text = ""
    names: Annotated[tuple[Name, ...], Many] = ()


class Target(Part, frozen=True, kw_only=True):
    """A destination that is about to be written."""

    destination: Name
    """Its key in the history."""
    uri: Text = ""


class SkippedTarget(Target, frozen=True, kw_only=True):
    """A destination that is left out."""

    reason: Text | None = None
    by_person: bool = True


class PushedTarget(Target, frozen=True, kw_only=True):
    """A destination that was written."""

    writes: dict[Name, Count] = {}
    markers: dict[Name, Text] = {}


class ProvenRuntime(Part, frozen=True, kw_only=True):
    uri: Text
    grade: Grade | None = None
    successes: Count = 0
    needed: Count = 0
    synthetic: Count = 0
    old: Count | UnsetType = UNSET
    serves: Name | UnsetType = UNSET
    """What production serves instead of the deployment that was made for the new value."""
