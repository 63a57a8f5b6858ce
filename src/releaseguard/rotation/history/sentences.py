"""Sentences about a chain that several commands share: who holds the lease, and what to do next."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from releaseguard.audit.chain import ChainKey
from releaseguard.model import to_text

if TYPE_CHECKING:
    from releaseguard.rotation.history.views import LeaseView


def mending(chain_key: ChainKey) -> str:
    """The command that leads out of a broken chain."""
    return (
        "Look at it: releaseguard audit verify. Restore the rows from a backup; or, if they are not part of the "
        f"history: releaseguard audit disown {chain_key} --reason TEXT"
    )


def confirming(chain_key: ChainKey, names: Iterable[str]) -> str:
    """The command that confirms a revocation. ``names`` are the unit's secrets: without one the command would mean the
    card's first unit."""
    return f"{rotating(chain_key, names)} --confirm-revoked"


def rotating(chain_key: ChainKey, names: Iterable[str]) -> str:
    """The beginning of a command about one unit of a chain."""
    unit = [f"--secret {name}" for name in names][:1]
    return " ".join([f"releaseguard rotate {chain_key.provider} --environment {chain_key.environment}", *unit])


def describe_lease(lease: LeaseView) -> str:
    """``ada@laptop pid 4711 (9f2c41d07b3e) since 2026-11-24T10:15:00.000000Z``."""
    return f"{lease.holder} since {to_text(lease.since)}"
