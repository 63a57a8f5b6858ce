"""The checks that were left out: most of them for one reason, which is told once for all of them."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from releaseguard.report.verdict.document import SkippedRow, VerdictDocument

_NOTHING_LOGGED = re.compile(r"^not configured: no .+ was logged( here in .+)$")
"""Why most checks of an app that does not use every provider are left out."""
_NO_PLACES = re.compile(r"^not configured: \[providers\.[\w-]+\] destinations$")


def by_reason(document: VerdictDocument) -> Mapping[str, Sequence[SkippedRow]]:
    """What was left out by why, in the document's order."""
    reasons: dict[str, list[SkippedRow]] = {}
    for row in document["skipped"]:
        reasons.setdefault(_shared(row["reason"]), []).append(row)
    return reasons


def gathered(document: VerdictDocument) -> VerdictDocument:
    """The same document with one reason for every provider that has it: it is gathered before it is translated."""
    return {
        **document,
        "skipped": [{**row, "reason": _shared(row["reason"])} for row in document["skipped"]],
    }


def _shared(reason: str) -> str:
    told = _NOTHING_LOGGED.sub(r"not configured: none of their events was logged\1", reason)
    return _NO_PLACES.sub("not configured: [providers.NAME] destinations", told)
