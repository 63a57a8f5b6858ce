"""JSON Schema (draft 2020-12) of the configuration, of cards, and of every document that a command prints with
``--json``: made from the types that the code reads and writes."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from importlib import import_module
from typing import Any, Final

DRAFT: Final = "https://json-schema.org/draft/2020-12/schema"
DOCUMENTS: Final[Mapping[str, str]] = {
    "verify": "report.verdict.document:VerdictDocument",
    "backtest": "report.backtest.document:BacktestDocument",
    "status": "report.status.document:StatusDocument",
    "health": "report.health.document:HealthDocument",
    "incident": "report.incident.document:IncidentDocument",
    "coverage": "report.coverage.document:CoverageDocument",
    "doctor": "report.diagnosis.document:DiagnosisDocument",
    "rotate": "rotation.result:RotationDocument",
    "drift": "rotation.drift.telling:DriftDocument",
    "audit-show": "rotation.overview:OverviewDocument",
    "audit-verify": "audit.telling:IntegrityDocument",
    "audit-report": "report.postmortem.document:PostmortemDocument",
}
"""Command -> the type of what it prints, as ``module:name``."""


def _card() -> Any:
    from releaseguard.cards.spec import Card

    return Card


def _configuration() -> Any:
    from releaseguard.compose.known.configuration import KNOWN
    from releaseguard.settings.loading import form_of

    return form_of(KNOWN)


OTHERS: Final[Mapping[str, Callable[[], Any]]] = {"config": _configuration, "card": _card}
NAMES: Final[Sequence[str]] = (*OTHERS, *DOCUMENTS)


def schema_of(name: str) -> Mapping[str, Any]:
    """The schema of one of :data:`NAMES`."""
    import msgspec

    made = msgspec.json.schema(_type_of(name))
    if name == "card":
        _name_roles(made)
    return {"$schema": DRAFT, "title": f"releaseguard {name}", **_without_own_title(made)}


def _name_roles(made: Mapping[str, Any]) -> None:
    """What a card may be infrastructure as is the services' to say, and the card's type knows none."""
    from releaseguard.compose.known.configuration import ROLES

    made["$defs"]["Card"]["properties"]["infrastructure"]["anyOf"][0] = {"enum": sorted(ROLES)}


def _without_own_title(made: Mapping[str, Any]) -> Mapping[str, Any]:
    return {key: value for key, value in made.items() if key != "title"}


def _type_of(name: str) -> Any:
    if name in OTHERS:
        return OTHERS[name]()
    module, _, kind = DOCUMENTS[name].partition(":")
    return getattr(import_module(f"releaseguard.{module}"), kind)
