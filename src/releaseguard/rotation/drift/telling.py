"""The findings of ``drift`` as a JSON document and as text."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TypedDict

from releaseguard.audit.chain import ChainKey
from releaseguard.audit.histories import ForeignRow
from releaseguard.messages.typed import typed
from releaseguard.model import to_text
from releaseguard.report.rows import BrokenRow, DueRow, StillUsedRow
from releaseguard.rotation.drift.compare import DRIFTED, PUSHABLE, DriftFinding
from releaseguard.rotation.drift.copies import UnsearchedPlace
from releaseguard.rotation.drift.survey import DriftReport, Unwritable
from releaseguard.rotation.history.account import broken_row, closing
from releaseguard.rotation.history.leaks import OpenLeak
from releaseguard.rotation.history.sentences import rotating


class DriftRow(TypedDict):
    """One name at one place."""

    provider: str
    secret: str
    uri: str
    name: str
    status: str
    reason: str
    version: int | None
    newest: int | None


class DriftLeakRow(TypedDict):
    """A leak whose revocation nobody has confirmed."""

    provider: str
    rotation_id: str
    reason: str
    versions: Mapping[str, int | None]
    since: str


class UnsearchedRow(TypedDict):
    """A place where a copy would not have been found."""

    name: str
    place: str


class OtherWriterRow(TypedDict):
    """A command in one of the app's workflows that writes the same secrets."""

    file: str
    line: int
    command: str
    names: Sequence[str]


class DriftDocument(TypedDict):
    """What ``drift --json`` prints."""

    findings: Sequence[DriftRow]
    open_leaks: Sequence[DriftLeakRow]
    still_used: Sequence[StillUsedRow]
    due: Sequence[DueRow]
    unread: Sequence[UnsearchedRow]
    foreign: Sequence[ForeignRow]
    broken: Sequence[BrokenRow]
    other_writers: Sequence[OtherWriterRow]


def document_of(found: DriftReport) -> DriftDocument:
    """The document of ``drift``."""
    return {
        "findings": [_finding_row(one) for one in found.findings],
        "open_leaks": [_leak_row(provider, leak) for provider, open_ in found.leaks.items() for leak in open_],
        "still_used": [one.to_json() for one in found.still_used],
        "due": [one.to_json() for one in found.due],
        "unread": [{"name": one.name, "place": one.place} for one in found.unread],
        "foreign": [one.to_json() for one in found.foreign],
        "broken": [broken_row(view) for view in found.broken],
        "other_writers": [
            {"file": one.file, "line": one.line, "command": one.command, "names": list(one.names)}
            for one in found.other_writers
        ],
    }


def _finding_row(one: DriftFinding) -> DriftRow:
    return {
        "provider": one.provider,
        "secret": one.secret,
        "uri": one.uri,
        "name": one.name,
        "status": one.status,
        "reason": one.reason,
        "version": one.version,
        "newest": one.newest,
    }


def _leak_row(provider: str, leak: OpenLeak) -> DriftLeakRow:
    return {
        "provider": provider,
        "rotation_id": leak.rotation_id,
        "reason": leak.leak.reason,
        "versions": dict(leak.leak.versions),
        "since": to_text(leak.since),
    }


def text_of(found: DriftReport, environment: str) -> str:
    """The findings as text, the most important first."""
    if not found.findings:
        return "No provider has destinations in this environment: nothing is managed."
    lines = [line for finding in sorted(found.findings, key=_urgency) for line in _lines(finding)]
    for provider, open_ in found.leaks.items():
        for leak in open_:
            lines += [
                f"LEAK          {provider}, open since {to_text(leak.since)}",
                f"              {typed(leak.leak.reason)}",
                f"              next: {closing(ChainKey(provider, environment), leak)}",
            ]
    for one in found.still_used:
        lines += [
            f"STILL USED    {one.unit}",
            f"              {one.sentence()}",
            f"              next: {one.next_step}",
        ]
    for old in found.due:
        lines += [
            f"DUE           {old.secret}",
            f"              {old.sentence()}",
            f"              next: {old.next_step}",
        ]
    lines += _distrusted(found)
    lines += [f"WRITTEN TOO   {one}" for one in found.other_writers]
    return "\n".join([*lines, *_unread(found.unread), *_next_step(found, environment)])


def _distrusted(found: DriftReport) -> Sequence[str]:
    """Broken chains, and rows that claim to be ours and are not."""
    lines = []
    for row in map(broken_row, found.broken):
        lines += [f"BROKEN        the history of {row['lane']}", f"              step {row['step']} {row['problem']}"]
        lines += [f"              next: {row['next_step']}"]
    return [*lines, *(f"FOREIGN       {one.sentence()}" for one in found.foreign)]


def _unread(places: Sequence[UnsearchedPlace]) -> Sequence[str]:
    """Places that were not searched for copies; without them a clean result would claim too much."""
    by_place: dict[str, list[str]] = {}
    for one in places:
        by_place.setdefault(one.place, []).append(one.name)
    return [
        line
        for place, names in by_place.items()
        for line in (
            f"{'NOT SEARCHED':<13} {', '.join(names)}",
            f"              {place} could not be read: a copy, or one that shadows it, would not have been found",
        )
    ]


def _lines(finding: DriftFinding) -> Sequence[str]:
    name = finding.secret if finding.name == finding.secret else f"{finding.secret} as {finding.name}"
    status = finding.status.replace("_", " ").upper()
    return [f"{status:<13} {name}", f"              {finding.uri} {finding.reason}"]


def _urgency(finding: DriftFinding) -> tuple[bool, str, str, str]:
    return finding.status not in DRIFTED, finding.provider, finding.secret, finding.uri


def _next_step(found: DriftReport, environment: str) -> Sequence[str]:
    """What mends it: where the newest value leaked or cannot be a key another one, since that one is not written."""
    pushable = dict.fromkeys((one.provider, one.secret) for one in found.findings if one.status in PUSHABLE)
    stopped = dict.fromkeys(found.unwritable[key] for key in pushable if key in found.unwritable)
    providers = {one: provider for (provider, _), one in found.unwritable.items()}
    steps = [_another(one, ChainKey(providers[one], environment)) for one in stopped]
    steps += [pushing_again(environment)] if pushable.keys() - found.unwritable.keys() else []
    return ["", *(f"next: {step}" for step in steps)] if steps else []


def _another(one: Unwritable, chain_key: ChainKey) -> str:
    rotate = rotating(chain_key, [one.name])
    if one.flaw is None:
        return f"{one.name} needs a new key, stored as a new version, then: {rotate}"
    return f"{one.name} cannot be a key ({one.flaw}): store the key itself as a new version, then: {rotate}"


def pushing_again(environment: str) -> str:
    """The command that pushes the drifted secrets again; it names the environment, since without it the default is
    meant."""
    return f"releaseguard rotate --all-drifted --environment {environment}"
