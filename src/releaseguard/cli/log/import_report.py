"""What an import found, for people and as JSON."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from releaseguard import readable

if TYPE_CHECKING:
    from releaseguard.eventlog.imports.tally import ImportTally
    from releaseguard.report.answers import ImportedDocument

NAMED = 5
"""Unknown names and unused columns that the text names; the JSON has them all."""


def document(name: str, tally: ImportTally, batch: str, new: int | None) -> ImportedDocument:
    """As ``events import --json`` says it; ``new`` ``None``: nothing was to be written."""
    from releaseguard.model import to_text

    return {
        "file": name,
        "batch": batch,
        "dry_run": new is None,
        "rows": tally.rows,
        "new": new,
        "since": to_text(tally.since) if tally.since else None,
        "until": to_text(tally.until) if tally.until else None,
        "broken": {
            "rows": tally.broken,
            "first": [{"line": one.line, "column": one.column, "problem": one.what} for one in tally.first_broken],
        },
        "emptied": dict(tally.emptied),
        "own_rows": tally.ours,
        "unknown_events": [{"provider": p, "event": e, "rows": n} for (p, e), n in tally.unknown.most_common()],
        "unused_columns": list(tally.unused),
    }


def as_text(name: str, tally: ImportTally, batch: str, new: int | None) -> str:
    """The same for people."""
    return "\n".join(_lines(name, tally, batch, new))


def _lines(name: str, tally: ImportTally, batch: str, new: int | None) -> Iterator[str]:
    span = ""
    if tally.since and tally.until:
        span = f", from {readable.date_and_clock(tally.since)} to {readable.date_and_clock(tally.until)}"
    if new is None:
        yield f"{tally.rows} rows of {name} would be imported{span}"
    else:
        known = f", {tally.rows - new} were there already" if tally.rows > new else ""
        yield f"{new} rows of {name} imported{known}{span}"
        yield f"batch: {batch} (detail.import of each row)"
    if tally.ours:
        yield (
            f"{tally.ours} rows of releaseguard's own were left out: no file makes history of rotations or verdicts."
            " Mark a deployment with: releaseguard events deployed --release SHA --at TIME"
        )
    yield from (f"broken: {problem}" for problem in tally.first_broken)
    if tally.broken > len(tally.first_broken):
        yield f"broken: {tally.broken - len(tally.first_broken)} more"
    yield from (
        f"column {name}: {number} fields could not be read and were left empty"
        for name, number in tally.emptied.items()
    )
    unknown = [f"{provider} {event} ({number})" for (provider, event), number in tally.unknown.most_common(NAMED)]
    if unknown:
        yield f"no card knows: {_some(unknown, len(tally.unknown))}"
    if tally.unused:
        unused = _some([*tally.unused][:NAMED], len(tally.unused))
        yield f"columns that go nowhere (--column detail.KEY=NAME keeps one): {unused}"


def _some(named: Sequence[str], number: int) -> str:
    more = f" and {number - len(named)} more" if number > len(named) else ""
    return ", ".join(named) + more
