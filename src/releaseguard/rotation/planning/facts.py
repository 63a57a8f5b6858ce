"""Everything that planning needs to know."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from releaseguard.destinations.interface import CostEstimate, Observed
from releaseguard.vault.interface import SecretVersion


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanningFacts:
    """What was found before planning, by reading only."""

    newest: Mapping[str, SecretVersion]
    """By secret; a secret that the vault does not have is absent."""
    previous: Mapping[str, SecretVersion] = field(default_factory=dict)
    """The version before the newest, read where the history does not say which version is in use."""
    earlier: Mapping[str, Sequence[SecretVersion]] = field(default_factory=dict)
    """In a leak: every readable version before the newest."""
    leaked: Mapping[str, Sequence[SecretVersion]] = field(default_factory=dict)
    """Otherwise: the readable earlier versions that were ever reported as leaked."""
    out: Mapping[str, SecretVersion] = field(default_factory=dict)
    """The version in use according to the history, where the vault still has it and it is the same secret."""
    spent: Mapping[tuple[str, int], SecretVersion] = field(default_factory=dict)
    """By secret and version: values recorded as revoked or leaked that the vault still has."""
    reports: bool = True
    """Whether the event log has a column for the version that the app reports."""
    labels_seen: frozenset[str] = frozenset()
    """The labels that might be given and already occur in the log."""
    estimates: Mapping[str, CostEstimate] = field(default_factory=dict)
    """By destination."""
    observed: Mapping[str, Mapping[str, Observed]] = field(default_factory=dict)
    """In a leak: what each destination shows, compared with the newest values."""
