"""JSON in the canonical form of RFC 8785 (https://www.rfc-editor.org/rfc/rfc8785), from which hashes and signatures are
made."""

from __future__ import annotations

import json
from collections.abc import Container, Mapping
from dataclasses import fields
from typing import Any

from releaseguard.model import Event, to_text

SAFE_INTEGER = 2**53 - 1
"""The largest integer that every reader of JSON reads exactly (RFC 8785, appendix D)."""


def canonical(value: Any) -> bytes:
    """``value`` in the form of RFC 8785.

    Without fractions and characters outside ASCII the standard library writes this very form, ten times as fast;
    everything else is written or refused by ``rfc8785``.

    Raises ``ValueError`` for what has no canonical form (NaN, an integer beyond 2**53, more levels than Python
    descends).
    """
    try:
        if _is_plain(value):
            return json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode()
        import rfc8785

        return rfc8785.dumps(value)
    except RecursionError:
        raise ValueError("nested too deeply for a canonical form") from None


def _is_plain(value: Any) -> bool:
    kind = type(value)
    if kind is str:
        return bool(value.isascii())
    if kind is int:
        return bool(-SAFE_INTEGER <= value <= SAFE_INTEGER)
    if kind is dict:
        return all(type(key) is str and key.isascii() and _is_plain(inner) for key, inner in value.items())
    if kind is list or kind is tuple:
        return all(map(_is_plain, value))
    return value is None or kind is bool


def covered(event: Event, without: Container[str]) -> Mapping[str, Any]:
    """The columns that a writer decides on, as in JSON; ``without`` these keys of ``detail``."""
    columns: dict[str, Any] = {column: getattr(event, column) for column in _COVERED}
    columns["id"] = str(event.id)
    columns["occurred_at"] = to_text(event.occurred_at)
    columns["outcome"] = str(event.outcome)
    columns["detail"] = {key: value for key, value in event.detail.items() if key not in without}
    return columns


_COVERED = tuple(column.name for column in fields(Event) if column.name != "recorded_at")
