"""All rotations of a log, with who, what, when, why and which proof, and what needs attention."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TypedDict

from releaseguard import readable
from releaseguard.audit.histories import ForeignRow
from releaseguard.audit.telling import foreign_lines
from releaseguard.cards.spec import Card
from releaseguard.eventlog.interface import EventLog, Query
from releaseguard.messages.typed import typed
from releaseguard.report.layout import table
from releaseguard.report.layout.text import fitting
from releaseguard.report.rows import BrokenRow, LeakRow, RotationRow, StillUsedRow
from releaseguard.rotation.drift.revocation import StillUsed, still_used
from releaseguard.rotation.drift.survey import companions_of, others_events_of
from releaseguard.rotation.history.account import (
    HeadRow,
    RotationAccount,
    account_of,
    broken_row,
    leak_row,
    rotation_row,
    to_json,
)
from releaseguard.rotation.history.reading import read_log

COLUMNS = ("began", "provider", "state", "versions", "by", "proof", "environment", "why", "rotation")
"""The columns of the table of rotations, the most important first."""


class OverviewDocument(TypedDict):
    """What ``audit show --json`` prints."""

    open_leaks: Sequence[LeakRow]
    rotations: Sequence[RotationRow]
    chains: Sequence[HeadRow]
    foreign: Sequence[ForeignRow]
    broken: Sequence[BrokenRow]
    still_used: Sequence[StillUsedRow]


@dataclass(frozen=True, slots=True)
class RotationOverview:
    """The chains of a log, and old values that are in use although their revocation was confirmed."""

    account: RotationAccount
    still_used: Sequence[StillUsed]


def overview_of(
    log: EventLog, cards: Iterable[Card], provider: str | None, environment: str | None
) -> RotationOverview:
    """The chains of ``provider`` and ``environment``, where these are given. Raises what the log raises."""
    account = account_of(read_log(log, Query()), provider, environment)
    return RotationOverview(account, list(_still_used(log, {card.id: card for card in cards}, account)))


def old_in_use(log: EventLog, cards: Iterable[Card], account: RotationAccount) -> Sequence[StillUsedRow]:
    """Old values of an account that have worked since their revocation was confirmed. Raises what the log does."""
    return [one.to_json() for one in _still_used(log, {card.id: card for card in cards}, account)]


def _still_used(log: EventLog, cards: Mapping[str, Card], account: RotationAccount) -> Iterator[StillUsed]:
    for view in account.chains:
        card = cards.get(view.chain_key.provider)  # a chain outlives the card of a provider that is not used any more
        known = (companions_of(card), others_events_of(card)) if card else ({}, {})
        yield from still_used(log, view, *known)


def document_of(found: RotationOverview) -> OverviewDocument:
    """The document of ``audit show``."""
    return {**to_json(found.account), "still_used": [one.to_json() for one in found.still_used]}


def text_of(found: RotationOverview, width: int) -> str:
    """The overview as text in lines of ``width`` characters."""
    account, lines = found.account, [fitting(line, width) for line in _attention(found)]
    rows = [_cells(rotation_row(chain_key, rotation)) for chain_key, rotation in account.rotations]
    if rows:
        lines += [*([""] if lines else []), table.render(rows, COLUMNS, width)]
    return "\n".join(lines) or "No rotation is in the log."


def _attention(found: RotationOverview) -> Iterator[str]:
    for chain_key, leak in found.account.open_leaks:
        row = leak_row(chain_key, leak)
        yield f"OPEN LEAK  {row['provider']} in {row['environment']}: {leak.unit}, since {_minute(row['since'])}"
        yield from (f"  why: {typed(row['reason'])}", f"  next: {row['next_step']}")
    for one in found.still_used:
        yield f"STILL USED  {one.chain_key.provider} in {one.chain_key.environment}: {one.unit}"
        yield from (f"  why:  {one.sentence()}", f"  next: {one.next_step}")
    for broken in map(broken_row, found.account.broken):
        yield f"BROKEN  {broken['lane']}: step {broken['step']} {broken['problem']}"
        yield f"  next: {broken['next_step']}"
    yield from foreign_lines(found.account.foreign)


def _cells(row: RotationRow) -> Mapping[str, str]:
    proof = row["proof"]
    return {
        "began": _minute(row["began_at"]),
        "provider": row["provider"],
        "state": _stands(row),
        "versions": ", ".join(
            f"{one['name']} {one['from_version'] or '?'}>{one['to_version'] or '?'}" for one in row["secrets"]
        ),
        "by": row["by"] or "",
        "proof": f"{proof['grade']}, {readable.count(len(proof['events']), 'event')}" if proof["grade"] else "",
        "environment": row["environment"],
        "why": typed(row["reason"]) if row["reason"] else "",
        "rotation": row["rotation_id"],
    }


def _stands(row: RotationRow) -> str:
    """In a word. Of a leak that was reported by itself no rotation stands anywhere."""
    if "withdrawn" in row:
        return "LEAK WITHDRAWN" if "reported" in row else f"{row['state']}, LEAK WITHDRAWN"
    return "LEAK REPORTED" if "reported" in row and not row["revoked_at"] else row["state"]


def _minute(text: str) -> str:
    return readable.date_and_clock(text)
