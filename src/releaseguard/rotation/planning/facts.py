"""What has to be known before planning."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from releaseguard.destinations.interface import CostEstimate, Observed
from releaseguard.vault.interface import SecretVersion


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanningFacts:
    """What was seen before planning, by reading only."""

    newest: Mapping[str, SecretVersion]
    """By secret; a secret that the vault does not have is absent."""
    previous: Mapping[str, SecretVersion] = field(default_factory=dict)
    """The version before the newest, looked at where the history does not say what is out."""
    earlier: Mapping[str, Sequence[SecretVersion]] = field(default_factory=dict)
    """In a leak: every readable version before the newest."""
    leaked: Mapping[str, Sequence[SecretVersion]] = field(default_factory=dict)
    """Otherwise: those before the newest that were ever reported as leaked, and can be read."""
    out: Mapping[str, SecretVersion] = field(default_factory=dict)
    """What the history says is out, where the vault still gives it and means the same secret by it."""
    spent: Mapping[tuple[str, int], SecretVersion] = field(default_factory=dict)
    """By secret and version: what was recorded as revoked or leaked, where the vault still gives it."""
    reports: bool = True
    """Whether the event log has room for what the app reports of a version."""
    labels_seen: frozenset[str] = frozenset()
    """Of the labels that might be given: those that the log knows already."""
    estimates: Mapping[str, CostEstimate] = field(default_factory=dict)
    """By destination."""
    observed: Mapping[str, Mapping[str, Observed]] = field(default_factory=dict)
    """In a leak: what each destination shows, compared with the newest values."""
