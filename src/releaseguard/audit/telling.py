"""What a look through a log's chains found: as a document, and for people."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TypedDict

from releaseguard import readable
from releaseguard.audit.chain import Head
from releaseguard.audit.histories import Foreign, ForeignRow
from releaseguard.audit.integrity import ChainReport, LogReport
from releaseguard.eventlog.interface import SetAside
from releaseguard.model import to_text


class ChainFindingRow(TypedDict):
    """One way in which a chain is not what it was."""

    step: int
    problem: str


class ChainRow(TypedDict):
    """One chain: where it ends, and what is wrong with it."""

    lane: str
    head: str | None
    findings: Sequence[ChainFindingRow]


class IntegrityDocument(TypedDict):
    """What ``audit verify --json`` prints."""

    intact: bool
    chains: Sequence[ChainRow]
    foreign: Sequence[ForeignRow]


def document_of(found: LogReport) -> IntegrityDocument:
    """The document of a look through a whole log."""
    return {
        "intact": found.intact,
        "chains": [_chain_row(one) for one in found.chains],
        "foreign": [*(one.to_json() for one in found.foreign), *map(_unreadable_row, found.unreadable)],
    }


def text_of(found: LogReport, heads: Sequence[Head]) -> str:
    """The same for people. ``heads`` are those that were kept elsewhere and given."""
    unreadable = map(_unreadable_line, found.unreadable)
    return "\n".join([_chains_text(found.chains, heads), *foreign_lines(found.foreign), *unreadable])


def foreign_lines(rows: Iterable[Foreign]) -> Sequence[str]:
    """Rows that claim to be ours and are not; each, since whoever looks here wants to find them."""
    return [f"FOREIGN  {one.sentence()}" for one in rows]


def _unreadable_row(row: SetAside) -> ForeignRow:
    at = row.recorded_at or row.occurred_at
    problem = f"was edited: its {row.column} {row.problem}"
    return {
        "id": row.row,
        "recorded_at": to_text(at) if at else None,
        "event": row.event,
        "lane": None,
        "problem": problem,
    }


def _unreadable_line(row: SetAside) -> str:
    return f"FOREIGN  {row.event or 'a row'}, row {row.row}: was edited: its {row.column} {row.problem}"


def _chain_row(report: ChainReport) -> ChainRow:
    return {
        "lane": str(report.chain_key),
        "head": str(report.head) if report.head else None,
        "findings": [{"step": one.step, "problem": one.problem} for one in report.findings],
    }


def _chains_text(reports: Sequence[ChainReport], heads: Sequence[Head]) -> str:
    if not reports:
        return "No chain is in the log."
    anchored = {head.chain_key for head in heads}
    lines = []
    for report in reports:
        word = "CHANGED" if report.findings else "intact "
        length = f"{readable.count(report.head.length, 'step')}" if report.head else "no step"
        lines.append(f"{word}  {report.chain_key}, {length}")
        lines += [f"  step {finding.step} {finding.problem}" for finding in report.findings]
        if report.head:
            lines.append(f"  head: {report.head}")
    if {report.chain_key for report in reports} - anchored:
        lines.append("A cut tail shows only against a head from an earlier run: --head HEAD.")
    return "\n".join(lines)
