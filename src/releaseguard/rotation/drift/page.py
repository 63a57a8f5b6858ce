"""The findings of ``drift`` as the page from which its formats are made. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from releaseguard.audit.chain import ChainKey
from releaseguard.messages.typed import typed
from releaseguard.report.findings.document import FindingsPage, FoundRow, Level
from releaseguard.report.rows import BrokenRow
from releaseguard.rotation.drift.ages import DueSecret
from releaseguard.rotation.drift.compare import DRIFTED, PUSHABLE, DriftFinding, DriftStatus
from releaseguard.rotation.drift.revocation import StillUsed
from releaseguard.rotation.drift.survey import DriftReport
from releaseguard.rotation.drift.telling import document_of, pushing_again, text_of
from releaseguard.rotation.history.account import broken_row, closing
from releaseguard.rotation.identity.other_writers import OtherWriter

RULES = {
    DriftStatus.IN_STEP.value: "The destination holds the newest version.",
    DriftStatus.BEHIND.value: "The destination holds an older version.",
    DriftStatus.MISSING.value: "The destination has no such name.",
    DriftStatus.CHANGED.value: "Somebody else has written it since the last push.",
    DriftStatus.SHADOWED.value: "A narrower scope hides it from the runs that were meant to read it.",
    DriftStatus.NOT_SENSITIVE.value: "It can be read back where the values of secrets should not be.",
    DriftStatus.UNMANAGED.value: "A copy is at a place that no configuration names.",
    DriftStatus.UNKNOWN.value: "The destination does not show values, and nothing was ever pushed there.",
    "leak": "A leaked value is not confirmed to be revoked.",
    "still_used": "A key is in use that was confirmed to be revoked.",
    "due": "A secret is older than its limit.",
    "broken": "The history of a provider's rotations cannot be believed beyond some step.",
    "foreign": "A row claims to be releaseguard's own and is not.",
    "not_searched": "A place could not be searched for copies.",
    "written_too": "A workflow of the app writes the same secret.",
}


def page_of(found: DriftReport, environment: str) -> FindingsPage:
    """The page of one environment."""
    rows = [*(_row(one, environment) for one in found.findings), *_leaks(found, environment), *_others(found)]
    text = text_of(found, environment)
    return FindingsPage(title="drift", document=document_of(found), text=text, rows=rows, rules=RULES)


def _row(finding: DriftFinding, environment: str) -> FoundRow:
    levels: dict[str, Level] = {DriftStatus.IN_STEP.value: "ok", DriftStatus.UNKNOWN.value: "note"}
    pushable = finding.status in PUSHABLE
    return FoundRow(
        rule=finding.status,
        level="error" if finding.status in DRIFTED else levels[finding.status],
        subject=finding.secret if finding.name == finding.secret else f"{finding.secret} as {finding.name}",
        place=finding.uri,
        reason=finding.reason or RULES[finding.status],
        next_step=pushing_again(environment) if pushable else None,
    )


def _leaks(found: DriftReport, environment: str) -> Iterator[FoundRow]:
    for provider, open_ in found.leaks.items():
        for leak in open_:
            yield FoundRow(
                rule="leak",
                level="error",
                subject=leak.unit,
                place=f"{provider}@{environment}",
                reason=typed(leak.leak.reason) if leak.leak.reason else RULES["leak"],
                next_step=closing(ChainKey(provider, environment), leak),
            )


def _others(found: DriftReport) -> Iterator[FoundRow]:
    yield from map(_still_used, found.still_used)
    yield from map(_due, found.due)
    yield from map(_broken, map(broken_row, found.broken))
    for foreign in found.foreign:
        yield FoundRow(rule="foreign", level="warning", subject="a row", place="the log", reason=foreign.sentence())
    for unread in found.unread:
        reason = "it could not be read: a copy, or one that shadows it, would not have been found"
        yield FoundRow(rule="not_searched", level="note", subject=unread.name, place=unread.place, reason=reason)
    yield from map(_written_too, found.other_writers)


def _still_used(one: StillUsed) -> FoundRow:
    return FoundRow(
        rule="still_used",
        level="error",
        subject=one.unit,
        place=str(one.chain_key),
        reason=one.sentence(),
        next_step=one.next_step,
    )


def _due(old: DueSecret) -> FoundRow:
    return FoundRow(
        rule="due",
        level="warning",
        subject=old.secret,
        place=old.provider,
        reason=old.sentence(),
        next_step=old.next_step,
    )


def _broken(row: BrokenRow) -> FoundRow:
    return FoundRow(
        rule="broken",
        level="error",
        subject="the history",
        place=row["lane"],
        reason=f"step {row['step']} {row['problem']}",
        next_step=row["next_step"],
    )


def _written_too(writer: OtherWriter) -> FoundRow:
    return FoundRow(
        rule="written_too",
        level="warning",
        subject=", ".join(writer.names) or "secrets",
        place=f"{writer.file}:{writer.line}",
        reason=str(writer),
        file=writer.file,
        line=writer.line,
    )
