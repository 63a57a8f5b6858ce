"""A verdict as the document that every format renders. Pure."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from datetime import timedelta

from releaseguard import readable
from releaseguard.harmless import JsonDocument
from releaseguard.model import JsonObject, Outcome, Verdict, to_text
from releaseguard.report.backtest.shown import PlantedRow
from releaseguard.report.verdict.document import AcceptedRow, CheckRow, DecisionRows, SkippedRow, VerdictDocument
from releaseguard.verification.evidence import as_json
from releaseguard.verification.rows.seen import LONGEST_SEEN, MOST_SEEN, remarks_on
from releaseguard.verification.telling.sooner import sooner_of
from releaseguard.verification.telling.summary import is_live_late, next_step_of, summary_of
from releaseguard.verification.values import Finding, Judged, SkippedCheck, UnknownEvent


def document_of(judged: Judged) -> VerdictDocument:
    """The document of a verdict; the same rows always give the same document."""
    deployment = judged.deployment
    return {
        "verdict": judged.verdict.value,
        "release": deployment.release,
        "component": deployment.component,
        "environment": deployment.environment,
        "deployed_at": to_text(deployment.deployed_at),
        "live_since": to_text(deployment.live_since) if deployment.live_since else None,
        "as_of": to_text(judged.as_of),
        "summary": summary_of(judged),
        "next_step": next_step_of(judged),
        "decisions": _decisions(judged),
        "remarks": _remarks(judged),
        "record": judged.record,
        "shown_by_this_traffic": _shown(judged),
        "decides_sooner": sooner_of(judged),
        "log": _log(judged),
        "checks": [{**row_of(finding), "title": judged.titles.get(finding.id)} for finding in judged.findings],
        "skipped": [_skipped(one) for one in judged.skipped],
    }


def _shown(judged: Judged) -> Sequence[PlantedRow]:
    """What this project's traffic has shown of planted harms, for the undecided providers."""
    undecided = {one.provider for one in judged.findings if one.verdict is Verdict.INCONCLUSIVE}
    return [row for row in judged.record["planted"] if row["provider"] in undecided] if judged.record else []


def _decisions(judged: Judged) -> DecisionRows:
    """What people decided about the deployment."""
    deployment = judged.deployment
    accepted: Sequence[AcceptedRow] = [
        {"check": one.check, "reason": one.reason, "at": to_text(one.at), "by": one.by} for one in judged.accepted
    ]
    return {
        "accepted": accepted,
        "removes": sorted(deployment.removes),
        "expect_traffic": deployment.expect_traffic,
        "rolls_back": deployment.rolls_back,
    }


def _log(judged: Judged) -> JsonDocument:
    told = {"unknown_events": [_unknown(one) for one in judged.unknown_events], **asdict(judged.seen)}
    return {**as_json(judged.log), **told, "set_aside": judged.set_aside.to_json()}


def _unknown(one: UnknownEvent) -> JsonObject:
    return {"provider": one.provider, "event": one.event, "outcome": one.outcome, "events": one.events}


def _remarks(judged: Judged) -> Sequence[str]:
    """A line for each thing seen that no check examines."""
    unknown = [
        f"no card names the event {one.event} of {one.provider} ({one.outcome}, {one.events}): {_counted(one)}"
        for one in judged.unknown_events
    ]
    codes = [one.words for one in judged.contradictions]
    return [*_of_clocks(judged), *_of_names(judged), *codes, *unknown, *remarks_on(judged.seen, judged.deployment)]


def _counted(one: UnknownEvent) -> str:
    if not one.has_card:
        return f"there is no card of {one.provider}, so no check looks at its rows; checks/{one.provider}.toml is one"
    return "it counts as an error of its provider" if one.outcome == Outcome.ERROR else "no check looks at it"


def _of_clocks(judged: Judged) -> Iterator[str]:
    deployment, ahead = judged.deployment, judged.misread.ahead
    early = deployment.deployed_at - judged.as_of
    wrong = "ahead of the log, so a clock or a time zone is wrong"
    if deployment.says_at:
        by = readable.exactly(deployment.says_at - deployment.deployed_at)
        yield f"the mark says that it is {by} {wrong}: it counts at the time it was recorded"
    if (late := deployment.told_after) and deployment.live_since is None:
        yield (
            f"the log learned of the mark {readable.exactly(late)} after the time that it bears, and nothing of the "
            "release had come by the end of its window: where it went live later, or the clock of what marked it is "
            "behind, mark it with the time at which it went live: "
            f"releaseguard events deployed --release {shlex.quote(deployment.release)} --at TIME"
        )
    if (live := is_live_late(judged)) is not None:
        yield (
            f"the log learned of the first row of the release at {readable.clock(live)}, when its window had ended: "
            "it is not judged by this mark"
        )
        if late:
            yield (
                f"the mark bears a time of {readable.exactly(late)} before the log learned of it: see whether the "
                "clock of what marked it is behind"
            )
    if early > timedelta(0):
        yield f"the mark is {readable.exactly(early)} ahead of this look's clock: its window has not begun"
    if ahead:
        yield f"rows say that they are {readable.exactly(ahead)} {wrong}: each counts at the time it was recorded"
    if behind := judged.misread.behind:
        yield (
            f"rows of the release say that they are {readable.exactly(behind)} behind the log, so a clock or a "
            "time zone is wrong: each counts at the time it was recorded"
        )


def _of_names(judged: Judged) -> Iterator[str]:
    for written, meant in list(judged.misread.spelled.items())[:MOST_SEEN]:
        yield f"{written[:LONGEST_SEEN]} is read as {meant}, which is how its card writes it"
    if nameless := list(judged.misread.nameless.items())[:MOST_SEEN]:
        tags = ", ".join(f'"{tag[:LONGEST_SEEN]}" ({count})' for tag, count in nameless)
        yield (
            f"rows carry tags that name no release: {tags}; they count as rows without a tag, by their time: have "
            "the app write the deployed release"
        )


def row_of(finding: Finding) -> CheckRow:
    """A finding as the row of a document."""
    return {
        "id": finding.id,
        "provider": finding.provider,
        "kind": finding.kind,
        "verdict": finding.verdict.value,
        "blocking": finding.blocking,
        "reason": finding.reason,
        "evidence": as_json(finding.evidence),
    }


def _skipped(one: SkippedCheck) -> SkippedRow:
    kind = str(type(one.check).__struct_config__.tag)
    return {"id": one.check.id, "provider": one.card.id, "kind": kind, "reason": one.reason}
