"""JSON Schema (draft 2020-12) of the configuration, of cards, and of every document that a command prints with
``--json``: made from the types that the code reads and writes."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from importlib import import_module
from typing import Any, Final

DRAFT: Final = "https://json-schema.org/draft/2020-12/schema"
DOCUMENTS: Final[Mapping[str, Sequence[str]]] = {
    "init": ["report.answers:InitDocument"],
    "doctor": ["report.diagnosis.document:DiagnosisDocument"],
    "demo": ["report.answers:DemoDocument"],
    "sandbox": ["report.answers:SandboxDocument", "report.answers:ActedDocument"],
    "status": ["report.status.document:StatusDocument"],
    "rotate": ["rotation.result:RotationDocument"],
    "rotate-all": ["rotation.result:RotationsDocument"],
    "rotate-by-hand": ["rotation.by_hand.steps:ByHandDocument"],
    "verify": ["report.verdict.document:VerdictDocument"],
    "publish": ["report.answers:PublishedDocument"],
    "backtest": ["report.backtest.document:BacktestDocument"],
    "health": ["report.health.document:HealthDocument"],
    "incident": ["report.incident.document:IncidentDocument"],
    "drift": ["rotation.drift.telling:DriftDocument"],
    "coverage": ["report.coverage.document:CoverageDocument"],
    "leaks": ["report.answers:AlertsDocument", "report.answers:SearchedDocument"],
    "events-log": ["report.answers:WrittenDocument"],
    "events-list": ["report.answers:EventsDocument"],
    "events-tail": ["report.answers:EventColumns"],
    "events-deployed": ["report.answers:MarkedDocument"],
    "events-migrate": ["report.answers:MigratedDocument", "report.answers:SqlDocument"],
    "events-export": ["report.answers:EventColumns", "report.answers:ExportedDocument"],
    "events-import": ["report.answers:ImportedDocument"],
    "events-prune": ["report.answers:PrunedDocument"],
    "completion": ["report.answers:CompletionDocument"],
    "audit-show": ["rotation.overview:OverviewDocument"],
    "audit-verify": ["audit.telling:IntegrityDocument"],
    "audit-report": ["report.postmortem.document:PostmortemDocument"],
    "audit-disown": ["report.answers:DisownedDocument"],
    "error": ["report.answers:ErrorDocument"],
}
"""Command -> the types of what it prints, as ``module:name``; one of them per document. Commands that print lines print
one document a line."""


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

    kinds = _types_of(name)
    if len(kinds) > 1:
        schemas, definitions = msgspec.json.schema_components(kinds, ref_template="#/$defs/{name}")
        made: dict[str, Any] = {"anyOf": list(schemas), "$defs": definitions}
    else:
        made = msgspec.json.schema(*kinds)
    if name == "card":
        _name_roles(made)
    return {"$schema": DRAFT, "title": f"releaseguard {name}", **_without_own_title(made)}


def _name_roles(made: Mapping[str, Any]) -> None:
    """Add the infrastructure roles to the card's schema: the services define them, and the card's type does not know
    them."""
    from releaseguard.compose.known.configuration import ROLES

    made["$defs"]["Card"]["properties"]["infrastructure"]["anyOf"][0] = {"enum": sorted(ROLES)}


def _without_own_title(made: Mapping[str, Any]) -> Mapping[str, Any]:
    return {key: value for key, value in made.items() if key != "title"}


def _types_of(name: str) -> Sequence[Any]:
    if name in OTHERS:
        return [OTHERS[name]()]
    named = (one.partition(":") for one in DOCUMENTS[name])
    return [getattr(import_module(f"releaseguard.{module}"), kind) for module, _, kind in named]
