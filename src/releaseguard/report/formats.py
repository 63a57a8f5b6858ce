"""Every document with its formats, by the names that ``--format`` knows; ``DOCUMENT/FORMAT.py`` renders it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib import import_module
from typing import TYPE_CHECKING, Any, TypeAlias, TypeVar

from releaseguard.messages import spoken
from releaseguard.report.layout.display import Display

if TYPE_CHECKING:
    from releaseguard.report.coverage.document import CoveragePage
    from releaseguard.report.diagnosis.document import DiagnosisDocument
    from releaseguard.report.findings.document import FindingsPage
    from releaseguard.report.health.document import HealthDocument
    from releaseguard.report.incident.document import IncidentPage
    from releaseguard.report.postmortem.document import PostmortemDocument
    from releaseguard.report.status.document import StatusDocument
    from releaseguard.report.verdict.document import VerdictDocument

D = TypeVar("D")
Renderer: TypeAlias = Callable[[D, Display], str]
Formats: TypeAlias = Mapping[str, Renderer[D]]


def _formats(document: str, *formats: str) -> Formats[Any]:
    modules = {name: f"{document}.{name.replace('-', '_')}" for name in formats}
    return {name: _json if name == "json" else _renderer(module, name) for name, module in modules.items()}


def _renderer(module: str, format_: str) -> Renderer[Any]:
    """The ``render`` of a module, loaded when it is used: a page needs jinja2, a terminal does not. People read it in
    the language that is spoken; what programs read stays as it is."""
    after = _said_afterwards.get(format_)

    def render(document: Any, display: Display) -> str:
        told = in_number(document) if after is None else spoken.document(document)
        rendered: str = import_module(f"releaseguard.report.{module}").render(told, display)
        translated = rendered if after is None else after(rendered)
        return _finished(translated, document, display) if format_ == "html" else translated

    return render


def _finished(page: str, document: Any, display: Display) -> str:
    """A page in its final words: its times in the reader's zone, its commands with every option on one line."""
    from releaseguard.report.layout.page import with_whole_options

    return with_whole_options(page if display.zone == "UTC" else _zoned(page, document, display))


def _zoned(page: str, document: Any, display: Display) -> str:
    from releaseguard.report.layout.zone import in_zone

    told = getattr(document, "document", document)
    return in_zone(page, display.zone, told["as_of"] if "as_of" in told else told["times"]["began_at"])


_said_afterwards: Mapping[str, Callable[[str], str]] = {
    "text": spoken.lines,
    "markdown": spoken.lines,
    "md": spoken.lines,
    "html": spoken.page,
}
"""The formats for people, with how the words of a renderer itself are said in the language that is spoken."""


def _json(document: Any, _display: Display) -> str:
    """The document as it is; of a page that holds one, that."""
    from releaseguard.harmless import as_json

    return as_json(in_number(getattr(document, "document", document)))


_WITH_REASONS = ("checks", "skipped", "providers")


def in_number(document: Any) -> Any:
    """A document for programs, which read it in English: reasons that count one of something are written for many.
    What people wrote stays as it is."""
    if not isinstance(document, dict):
        return document
    told = {key: [_row_in_number(row) for row in document[key]] for key in _WITH_REASONS if key in document}
    return {**document, **told}


def _row_in_number(row: Any) -> Any:
    return {**row, "reason": spoken.agreed(row["reason"])} if isinstance(row, dict) and "reason" in row else row


def _gathering(formats: Formats[Any]) -> Formats[Any]:
    """The formats for people tell once why many checks were left out: before the reason is translated."""
    return {name: _gathered(one) if name in _said_afterwards else one for name, one in formats.items()}


def _gathered(renderer: Renderer[Any]) -> Renderer[Any]:
    def render(document: Any, display: Display) -> str:
        from releaseguard.report.verdict.skipped import gathered

        return renderer(gathered(document), display)

    return render


VERDICT: Formats[VerdictDocument] = _gathering(
    _formats("verdict", "text", "json", "markdown", "junit", "html", "sarif", "in-toto")
)
STATUS: Formats[StatusDocument] = _formats("status", "text", "json")
HEALTH: Formats[HealthDocument] = _formats("health", "text", "json", "html", "prometheus")
INCIDENT: Formats[IncidentPage] = _formats("incident", "text", "json", "markdown", "html")
COVERAGE: Formats[CoveragePage] = _formats("coverage", "text", "json", "sarif")
FINDINGS: Formats[FindingsPage] = _formats("findings", "text", "json", "markdown", "sarif", "junit")
DIAGNOSIS: Formats[DiagnosisDocument] = _formats("diagnosis", "text", "json")
POSTMORTEM: Formats[PostmortemDocument] = {
    "md": _renderer("postmortem.markdown", "md"),
    "html": _renderer("postmortem.html", "html"),
    "in-toto": _renderer("postmortem.in_toto", "in-toto"),
}
