"""The document that ``verify --json`` prints, which every format renders."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any, NotRequired, TypedDict

from releaseguard.messages.typed import typed
from releaseguard.readable import to_the_second
from releaseguard.report.backtest.shown import PlantedRow, RecordRow, planted_words


class CheckRow(TypedDict):
    """One check of the verdict."""

    id: str
    provider: str
    kind: str
    verdict: str
    """``pass``, ``warn``, ``fail``, ``inconclusive``, or ``error`` where the check itself broke."""
    blocking: bool
    reason: str
    evidence: Mapping[str, Any]
    title: NotRequired[Mapping[str, str] | None]
    """What it looks at, in words, by language."""


class SkippedRow(TypedDict):
    """One check that was not run, and why."""

    id: str
    provider: str
    kind: str
    reason: str


class AcceptedRow(TypedDict):
    """A check that a person accepted for this deployment."""

    check: str
    reason: str
    at: str
    by: str


class DecisionRows(TypedDict):
    """What people said of the deployment."""

    accepted: Sequence[AcceptedRow]
    removes: Sequence[str]
    """Providers that it no longer uses."""
    expect_traffic: float | None
    rolls_back: bool
    """It goes back to an earlier release, or undoes one."""


class SoonerRow(TypedDict):
    """The cheapest evidence that would decide a check."""

    check: str
    by: str
    """``flow``, ``window`` or ``old_release``."""
    words: str


class VerdictDocument(TypedDict):
    """A verdict as a value: times are RFC 3339 in UTC, the same rows give the same document."""

    verdict: str
    release: str
    component: str | None
    """The part of the app that was deployed; ``None``: all of it."""
    environment: str
    deployed_at: str
    live_since: str | None
    """When the log first saw the release serve; ``None``: it has not."""
    as_of: str
    summary: str
    """One sentence for people."""
    next_step: str | None
    decisions: DecisionRows
    remarks: Sequence[str]
    """A line for each thing that was seen and that no check looks at."""
    record: RecordRow | None
    """What the gate has shown on this project; ``None``: nobody has measured it."""
    shown_by_this_traffic: Sequence[PlantedRow]
    """Of the undecided providers: which planted harms were found here, and how soon."""
    decides_sooner: Sequence[SoonerRow]
    """What would decide the checks that leave the release undecided."""
    log: Mapping[str, Any]
    checks: Sequence[CheckRow]
    skipped: Sequence[SkippedRow]
    explained: NotRequired[bool]
    """Each check is shown with all its evidence."""


def deployment_of(document: VerdictDocument) -> str:
    """When the release was deployed, as which part, and since when it serves, where that is known."""
    live = document["live_since"]
    since = f", live since {to_the_second(live)}" if live else ""
    of = f" as {document['component']}" if document["component"] else ""
    return f"deployed{of} {to_the_second(document['deployed_at'])}{since}"


def decisions_in(document: VerdictDocument) -> Sequence[str]:
    """What people said of the deployment, a line each."""
    said = document["decisions"]
    lines = [f"accepted: {_accepted(one)}" for one in said["accepted"]]
    lines += [f"the mark says: it no longer uses {', '.join(said['removes'])}"] if said["removes"] else []
    factor = said["expect_traffic"]
    lines += [] if factor is None else [f"the mark says: {factor:g} times the usual traffic is expected"]
    lines += ["it goes back to an earlier release, or undoes one: judged for recovery"] if said["rolls_back"] else []
    return lines


def record_in(document: VerdictDocument) -> Sequence[str]:
    """The gate's record and what this traffic shows, a line each; nothing where nobody has measured it."""
    record = document["record"]
    if record is None:
        return []
    planted = record["planted"]
    tried, found = sum(row["tried"] for row in planted), sum(row["found"] for row in planted)
    good = f", {record['good_failed']} of {record['good']} good ones" if record["good"] else ""
    line = (
        f"the gate's record ({record['measured_at'][:10]}): {record['releases']} releases replayed, "
        f"{record['failed']} failed{good}; promised: at most {record['false_alarms_promised']:.0%} of good ones; "
        f"planted harms found: {found} of {tried}"
    )
    shown = [f"what this traffic shows: {planted_words(row)}" for row in document["shown_by_this_traffic"]]
    return [line, *shown]


def sooner_in(document: VerdictDocument) -> Sequence[str]:
    """The cheapest evidence that would decide the undecided checks, a line each."""
    checks: dict[str, list[str]] = defaultdict(list)
    for row in document["decides_sooner"]:
        checks[row["words"]].append(row["check"])
    return [f"it would decide {', '.join(named)}: {words}" for words, named in checks.items()]


def _accepted(one: AcceptedRow) -> str:
    by = f" by {one['by']}" if one["by"] else ""
    return f"{one['check']}{by} at {one['at']}: {typed(one['reason'])}"


ORDER = ("fail", "error", "inconclusive", "warn", "pass")
"""What needs a reader first."""


def by_urgency(document: VerdictDocument) -> Sequence[CheckRow]:
    """The checks, worst first, blocking before others, else in their own order."""
    return sorted(document["checks"], key=lambda row: (ORDER.index(row["verdict"]), not row["blocking"]))


def rows_of(document: VerdictDocument) -> Sequence[CheckRow]:
    """The checks, and where none was left to judge, so that nothing was decided, the verdict itself as one.

    A format that only lists checks would otherwise look like success.
    """
    if document["checks"] or document["verdict"] == "pass":
        return document["checks"]
    verdict: CheckRow = {
        "id": "verdict",
        "provider": "releaseguard",
        "kind": "verdict",
        "verdict": document["verdict"],
        "blocking": True,
        "reason": document["summary"],
        "evidence": {},
    }
    return [verdict]
