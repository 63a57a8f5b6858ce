"""Where Supabase keeps the secrets of edge functions: ``supabase:REF``, a project's."""

from __future__ import annotations

import re
from dataclasses import dataclass

from releaseguard.destinations.address import Address, Scheme

_FORM = re.compile(r"[A-Za-z0-9_-]+")


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class SupabaseAddress(Address):
    """One project."""

    ref: str


def project_at(ref: str) -> SupabaseAddress:
    """The project ``ref``."""
    return SupabaseAddress(base=f"supabase:{ref}", ref=ref)


def _read(rest: str) -> Address | None:
    return project_at(rest) if _FORM.fullmatch(rest) else None


SCHEME = Scheme("supabase", ("supabase:REF",), _read)
