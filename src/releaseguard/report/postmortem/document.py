"""The document that ``audit report --json`` prints, and what all of its renderings tell."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any, TypedDict

from releaseguard import readable


class TimelineEntry(TypedDict):
    """One line of the timeline; ``step`` is its number in the audit chain."""

    at: str
    what: str
    bad: bool
    step: int | None


class PostmortemDocument(TypedDict):
    """What ``audit report --json`` prints: times are RFC 3339 in UTC, durations in seconds."""

    title: str
    summary: str
    rotation: Mapping[str, Any]
    """As in ``audit show --json``."""
    times: Mapping[str, Any]
    timeline: Sequence[TimelineEntry]
    by: Sequence[str]
    destinations: Sequence[Mapping[str, str]]
    exposure: Mapping[str, Any] | None
    exposure_lines: Sequence[str]
    open: Sequence[str]
    """What is still to be done."""
    head: str | None
    findings: Sequence[str]
    """What is wrong with the chain that all this is read from."""


LABELS: Mapping[str, str] = {
    "in_use_since": "Leaked version in use since",
    "began_at": "Reported",
    "pushed_at": "Every destination written",
    "deployed_at": "App runs with the new version",
    "proven_at": "New version proven",
    "revoked_at": "Old key revoked",
}


def facts(document: PostmortemDocument) -> Sequence[tuple[str, str]]:
    """Who, when and how long, as pairs of words."""
    times = document["times"]
    pairs = [("By", ", ".join(document["by"]))]
    pairs += [(label, clock(times[key])) for key, label in LABELS.items() if times[key]]
    if times["to_contain_s"] is not None:
        pairs.append(("Time to contain (reported to proven)", span(times["to_contain_s"])))
    if times["to_revoke_s"] is not None:
        pairs.append(("Time to revoke (reported to revoked)", span(times["to_revoke_s"])))
    return [(label, value) for label, value in pairs if value]


def proof(document: PostmortemDocument) -> str:
    """The proof in words."""
    found = document["rotation"]["proof"]
    if not found["grade"]:
        return "none"
    return f"grade {found['grade']} by {len(found['events'])} events of the app: {', '.join(found['events'][:5])}"


def clock(text: str) -> str:
    """A time to the second: ``2026-11-24 10:15:00``."""
    return readable.date_and_clock(text, seconds=True, zone="")


def span(seconds: int) -> str:
    """A duration: ``2 h 5 min``."""
    return readable.exactly(timedelta(seconds=seconds))
