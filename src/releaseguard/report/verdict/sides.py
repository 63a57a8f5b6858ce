"""Before and after a release side by side: what was usual, what other releases do meanwhile, and what this one does."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from releaseguard import readable
from releaseguard.report.layout.chart import Side, mood_of
from releaseguard.report.verdict.document import CheckRow


def sides_of(row: CheckRow) -> list[Side]:
    """The parts of one check; empty for a check that compares nothing."""
    evidence = row["evidence"]
    if row["kind"] == "signal":
        return list(_errors(evidence))
    if row["kind"] == "volume" and _is_number(evidence.get("expected")):
        return list(_events(evidence))
    return []


def _errors(evidence: Mapping[str, Any]) -> Iterator[Side]:
    usual, others, now = evidence.get("baseline"), evidence.get("other_releases"), evidence
    for title, part in (("Usually", usual), ("Other releases beside it", others), ("This release", now)):
        if isinstance(part, Mapping) and (part.get("events") or part is now) and _is_number(part.get("errors")):
            yield _side(title, int(part.get("events") or 0), int(part["errors"]), part.get("share"))


def _side(title: str, events: int, errors: int, weighed: object) -> Side:
    """``weighed`` is the share where the judge gives newer calls more weight: its reason names that one."""
    plain = errors / events if events else None
    share = float(weighed) if events and isinstance(weighed, int | float) else plain
    told = "no call" if share is None else f"{readable.share(share)} errors"
    return Side(title, mood_of(share), told, f"{readable.count(events, 'call')}, {readable.count(errors, 'error')}")


def _events(evidence: Mapping[str, Any]) -> Iterator[Side]:
    expected, came = float(evidence["expected"]), int(evidence.get("events") or 0)
    yield Side("To be expected", "quiet", f"{expected:.0f}", "events in the window")
    yield Side("This release", "quiet", str(came), "events in the window")


def _is_number(value: object) -> bool:
    return isinstance(value, int | float)
