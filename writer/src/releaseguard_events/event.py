"""An event, its ids and its times."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID, uuid5

OURSELVES = "releaseguard"
"""The ``provider`` of the rows that releaseguard writes about its own work; never counted as traffic."""

NAMESPACE = UUID("6f1c2f5e-7d0b-5c59-9a53-3b6a2f7b4f10")
"""The name space of every deterministic (UUIDv5) event id."""

JsonObject = Mapping[str, Any]


class Outcome(StrEnum):
    SUCCESS = "success"
    ERROR = "error"


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """One row of ``integration_events``.

    ``occurred_at`` is the writer's clock, ``recorded_at`` the store's. ``recorded_at`` is ``None`` until the row has
    been stored, and always where the mapped table has no such column. Times are timezone-aware and in UTC.
    """

    id: UUID
    occurred_at: datetime
    provider: str
    event: str
    outcome: Outcome
    environment: str
    recorded_at: datetime | None = None
    error_code: str | None = None
    latency_ms: int | None = None
    release: str | None = None
    source: str | None = None
    correlation_id: str | None = None
    synthetic: bool = False
    detail: JsonObject = field(default_factory=dict)


def new_id() -> UUID:
    """A UUIDv7 (RFC 9562, section 5.7): 48 bits of milliseconds, then 74 random bits."""
    milliseconds = time.time_ns() // 1_000_000
    random = int.from_bytes(os.urandom(10))
    value = (milliseconds & (2**48 - 1)) << 80 | 0x7 << 76 | (random >> 68 & 0xFFF) << 64
    return UUID(int=value | 0b10 << 62 | random & (2**62 - 1))


def deterministic_id(*parts: object) -> UUID:
    """A UUIDv5 of the parts, for events of which only one writer may win: a second insert meets the same id."""
    return uuid5(NAMESPACE, "\x1f".join(str(part) for part in parts))
