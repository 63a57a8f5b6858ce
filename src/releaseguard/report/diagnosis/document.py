"""The document that ``doctor --json`` prints."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypedDict

BECAUSE = ": not looked at, because of "
"""Between what was skipped and the id of its cause."""


class DiagnosisRow(TypedDict):
    """One finding; ``status`` is ``ok``, ``warn``, ``fail`` or ``skipped``."""

    id: str
    group: str
    status: str
    what: str
    where: str | None
    fix: str | None


class DiagnosisDocument(TypedDict):
    """What ``doctor --json`` prints."""

    ok: bool
    checks: Sequence[DiagnosisRow]
