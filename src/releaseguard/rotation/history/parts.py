"""Values inside the events of a chain, and the greatest lengths of their texts."""

from __future__ import annotations

from typing import Annotated

from msgspec import UNSET, Meta, Struct, UnsetType

from releaseguard.rotation.values import Grade, Leak, Pin

Text = Annotated[str, Meta(max_length=100_000)]

Name = Annotated[str, Meta(min_length=1, max_length=10_000)]
"""The name of a secret, a unit, a place or a run."""

Version = Annotated[int, Meta(ge=0, le=2**31 - 1)]
"""The version of a secret in the vault."""

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
    """The vault's newest version before anything was staged."""
    seen_secret_id: Text | None = None


class PinnedSecret(Part, frozen=True, kw_only=True):
    name: Name
    from_version: Version | None = None
    to_version: Version | None = None
    secret_id: Text | None = None
    from_secret_id: Text | None = None
    label: Text | UnsetType = UNSET
    """What the app reports for the new value, where that is not the version's number."""
    from_label: Text | UnsetType = UNSET
    fingerprint: Text | UnsetType = UNSET
    """Forty bits of a keyed hash of the new value, where it may have a fingerprint."""
    from_fingerprint: Text | UnsetType = UNSET

    def to_pin(self) -> Pin:
        return Pin(
            self.name,
            self.from_version,
            self.to_version,
            self.secret_id,
            self.from_secret_id,
            label=self.label or None,
            from_label=self.from_label or None,
            fingerprint=self.fingerprint or None,
            from_fingerprint=self.from_fingerprint or None,
        )

    @classmethod
    def of(cls, pin: Pin) -> PinnedSecret:
        return cls(
            name=pin.name,
            from_version=pin.from_version,
            to_version=pin.to_version,
            secret_id=pin.secret_id,
            from_secret_id=pin.from_secret_id,
            label=pin.label or UNSET,
            from_label=pin.from_label or UNSET,
            fingerprint=pin.fingerprint or UNSET,
            from_fingerprint=pin.from_fingerprint or UNSET,
        )


class StagedPlace(Part, frozen=True, kw_only=True):
    key: Name
    uri: Text = ""
    names: Annotated[tuple[Name, ...], Many] = ()


class Target(Part, frozen=True, kw_only=True):
    """A destination that is about to be written."""

    destination: Name
    """The destination's key in the history."""
    uri: Text = ""


class HandDeployment(Part, frozen=True, kw_only=True):
    """A deployment that a person makes."""

    place: Name
    target: Name


class SkippedTarget(Target, frozen=True, kw_only=True):
    """A destination that is left out."""

    reason: Text | None = None
    by_person: bool = True


class PushedTarget(Target, frozen=True, kw_only=True):
    """A destination that was written."""

    writes: dict[Name, Count] = {}
    markers: dict[Name, Text] = {}


class ConsumerRecord(Part, frozen=True, kw_only=True):
    """What one source of the app did with the new value and the old one."""

    source: Text | None = None
    destination: Text | None = None
    component: Text | None = None
    new: Count = 0
    new_since: Text | None = None
    new_last: Text | None = None
    old: Count = 0
    old_last: Text | None = None
    unlabelled: Count = 0
    """Successes since the new value is in service that do not say which value they used."""
    unlabelled_last: Text | None = None
    failures: Count = 0
    refused: Count = 0
    shows: Text | None = None
    """What would have to happen for it to be seen with the new value, where it has not been."""


class CertificateRecord(Part, frozen=True, kw_only=True):
    """Who uses the new value since when, and who used the old one last."""

    as_of: Text
    since: Text
    """The time from which the new value serves everybody."""
    consumers: Annotated[tuple[ConsumerRecord, ...], Many] = ()


class ProvenRuntime(Part, frozen=True, kw_only=True):
    uri: Text
    grade: Grade | None = None
    successes: Count = 0
    needed: Count = 0
    synthetic: Count = 0
    old: Count | UnsetType = UNSET
    unlabelled: Count | UnsetType = UNSET
    """Successes since then that do not say which value they used."""
    serves: Name | UnsetType = UNSET
    """The deployment that production serves instead of the one with the new value."""
    rewritten: Annotated[tuple[Name, ...], Many] | UnsetType = UNSET
    """Names there that somebody else has written since they were pushed."""
