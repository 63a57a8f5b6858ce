"""A verdict as a self-contained page."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from releaseguard import readable
from releaseguard.harmless import as_json
from releaseguard.messages import spoken
from releaseguard.report.layout.display import Display
from releaseguard.report.layout.page import page
from releaseguard.report.layout.shown import shown
from releaseguard.report.verdict.document import (
    ORDER,
    CheckRow,
    VerdictDocument,
    by_urgency,
    decisions_in,
    record_in,
    sooner_in,
)
from releaseguard.report.verdict.sides import sides_of
from releaseguard.report.verdict.skipped import by_reason

WRONG = ("fail", "error", "warn")
"""Verdicts of which a reader has to see the reason; the others are a line each."""
MANY = 8
"""Checks of one verdict from which on they are folded together."""


def _others(document: VerdictDocument, verdict: str) -> Sequence[CheckRow]:
    """The checks of one verdict of which a line each says enough."""
    return [row for row in by_urgency(document) if row["verdict"] == verdict and verdict not in WRONG]


def _title(row: CheckRow) -> str | None:
    """What a check looks at, in the reader's language."""
    return (row.get("title") or {}).get(spoken.language())


def render(document: VerdictDocument, _display: Display) -> str:
    """The verdict as one HTML file."""
    document = shown(document)
    found = Counter(row["verdict"] for row in document["checks"])
    told = {
        "wrong": [row for row in by_urgency(document) if row["verdict"] in WRONG],
        "rest": [(verdict, rows) for verdict in ORDER if (rows := _others(document, verdict))],
        "many": MANY,
        "sides": sides_of,
        "counts": [(one, count) for one in ORDER if (count := found[one])],
        "short": readable.abbreviated,
        "minute": readable.date_and_clock,
        "evidence": as_json,
        "decisions": decisions_in(document),
        "record": record_in(document),
        "sooner": sooner_in(document),
        "title": _title,
        "skipped": by_reason(document),
    }
    return page("verdict.html.jinja").render(document=document, **told)
