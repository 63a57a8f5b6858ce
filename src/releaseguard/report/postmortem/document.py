"""The document that ``audit report --json`` prints, and what all of its renderings tell."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import timedelta
from typing import Any, TypedDict

from releaseguard import readable
from releaseguard.report.postmortem.certificate import CertificateDocument
from releaseguard.report.rows import BeforeAfterRow, CourseRow, MarkRow, RotationRow


class TimelineEntry(TypedDict):
    """One line of the timeline; ``step`` is its number in the audit chain."""

    at: str
    what: str
    bad: bool
    step: int | None


class TimesRow(TypedDict):
    """When what was reached, and how long it took from the report on, in seconds."""

    in_use_since: str | None
    began_at: str
    pushed_at: str | None
    deployed_at: str | None
    proven_at: str | None
    revoked_at: str | None
    to_contain_s: int | None
    to_revoke_s: int | None


class TrafficRow(TypedDict):
    """The provider's real traffic around the rotation, in equal parts of ``window``."""

    window: Sequence[str]
    course: Sequence[CourseRow]
    marks: Sequence[MarkRow]
    """``reported``, ``pushed``, ``deployed``, ``proven``, ``revoked``, and each ``release``."""
    compared: BeforeAfterRow | None
    """Before it was reported, and since the app runs with the new version."""


class PostmortemDocument(TypedDict):
    """What ``audit report --json`` prints: times are RFC 3339 in UTC, durations in seconds."""

    title: str
    summary: str
    rotation: RotationRow
    """As in ``audit show --json``."""
    times: TimesRow
    timeline: Sequence[TimelineEntry]
    traffic: TrafficRow | None
    """``null`` where the log holds no call of the provider in that time."""
    by: Sequence[str]
    destinations: Sequence[Mapping[str, str]]
    exposure: Mapping[str, Any] | None
    exposure_lines: Sequence[str]
    certificate: CertificateDocument | None
    """Who uses the new value and who used the old one last: as of the confirmed revocation, else of the proof."""
    open: Sequence[str]
    """What is still to be done."""
    head: str | None
    findings: Sequence[str]
    """What is wrong with the chain that all this is read from."""


def facts(document: PostmortemDocument) -> Sequence[tuple[str, str]]:
    """Who, when and how long, as pairs of words."""
    pairs = [("By", ", ".join(document["by"])), *_moments(document["times"]), *_spans(document["times"])]
    return [(label, value) for label, value in pairs if value]


def _moments(times: TimesRow) -> Iterator[tuple[str, str]]:
    for label, moment in (
        ("Leaked version in use since", times["in_use_since"]),
        ("Reported", times["began_at"]),
        ("Every destination written", times["pushed_at"]),
        ("App runs with the new version", times["deployed_at"]),
        ("New version proven", times["proven_at"]),
        ("Old key revoked", times["revoked_at"]),
    ):
        yield label, clock(moment) if moment else ""


def _spans(times: TimesRow) -> Iterator[tuple[str, str]]:
    for label, seconds in (
        ("Time to contain (reported to proven)", times["to_contain_s"]),
        ("Time to revoke (reported to revoked)", times["to_revoke_s"]),
    ):
        yield label, "" if seconds is None else span(seconds)


def proof(document: PostmortemDocument) -> str:
    """The proof in words."""
    found = document["rotation"]["proof"]
    if not found["grade"]:
        return "none"
    events = found["events"]
    return f"grade {found['grade']} by {readable.count(len(events), 'event')} of the app: {', '.join(events[:5])}"


def clock(text: str) -> str:
    """A time to the second: ``2026-11-24 10:15:00Z``."""
    return readable.date_and_clock(text, seconds=True)


def span(seconds: int) -> str:
    """A duration: ``2 h 5 min``."""
    return readable.exactly(timedelta(seconds=seconds))
