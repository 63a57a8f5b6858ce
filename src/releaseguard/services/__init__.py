"""The services that releaseguard works with, each in a room of its own: one line here, and named nowhere else."""

from __future__ import annotations

from collections.abc import Sequence
from importlib import import_module
from typing import Any

from releaseguard.services.interface import Service

_ROOMS = (
    "infisical",
    "github",
    "vercel",
    "supabase",
)


def _service(room: str) -> Service[Any]:
    found = import_module(f"{__name__}.{room}.service").SERVICE
    if not isinstance(found, Service):
        raise TypeError(f"services/{room}/service.py has no SERVICE")
    return found


SERVICES: Sequence[Service[Any]] = tuple(map(_service, _ROOMS))
"""In the order of reports."""
