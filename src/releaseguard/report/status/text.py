"""The status for a terminal: at most ten lines, the most urgent first."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from releaseguard import readable
from releaseguard.report.layout.display import Display
from releaseguard.report.layout.shown import shown
from releaseguard.report.layout.text import wrapped
from releaseguard.report.status.document import ReleaseRow, StatusDocument

SHORTEST = 40
"""Characters of what is open to which it may be cut, so that the command beside it fits."""
WHOLE = 64
"""Characters of what is open that are never cut beside a command: those of a release, whose end says what it lacks."""
LINES = 10
"""That fit a glance at three in the morning; what is left out is counted, and ``--json`` has all of it."""


def render(document: StatusDocument, display: Display) -> str:
    """One line for each thing that somebody has to see to, or one that says that there is none."""
    document = shown(document)
    lines = [line.fitting(display.width) for line in _lines(document)]
    if not lines:
        return "\n".join(wrapped(_calm(document), "", display.width))
    if len(lines) > LINES:
        rest = len(lines) - LINES + 1
        lines = [*lines[: LINES - 1], f"and {rest} more: releaseguard status --json"]
    return "\n".join(lines)


def _calm(document: StatusDocument) -> str:
    said = f"Nothing is open in {document['environment']}, as of {_minute(document['as_of'])}"
    return f"{said}." if document["judged"] else f"{said}; no provider could be judged: the log says too little."


@dataclass(frozen=True, slots=True)
class _StatusLine:
    """What is open, and the command that goes on, which is never cut: it is there to be copied."""

    what: str
    next_step: str = ""

    def fitting(self, width: int) -> str:
        rest = f"; next: {self.next_step}" if self.next_step else ""
        room = width - len(rest)
        if rest and (room < SHORTEST or len(self.what) <= WHOLE):
            return self.what + rest
        room = max(room, SHORTEST)
        return (self.what if len(self.what) <= room else f"{self.what[: room - 1]}…") + rest


def _lines(document: StatusDocument) -> Iterator[_StatusLine]:
    if document["log"]["down"]:
        newest = document["log"]["newest"]
        yield _StatusLine(f"LOG DOWN  nothing has arrived from anybody{f' since {_minute(newest)}' if newest else ''}")
    for leak in document["open_leaks"]:
        yield _StatusLine(f"LEAK      {leak['unit']} open since {_minute(leak['since'])}", leak["next_step"])
    for used in document["still_used"]:
        said = f"IN USE    {used['unit']}: the old value, confirmed as revoked, last worked {_minute(used['last_at'])}"
        yield _StatusLine(said, used["next_step"])
    for one in document["failing"]:
        yield _StatusLine(f"FAIL      release {_named(one)}", one["next_step"])
    for row in document["troubled"]:
        yield _StatusLine(f"{row['state'].upper():<9} {row['provider']}: {row['reason']}")
    for broken in document["broken"]:
        yield _StatusLine(f"BROKEN    the history of {broken['lane']}", broken["next_step"])
    for rotation in document["rotations"]:
        provider, since = rotation["provider"], _minute(rotation["changed_at"])
        said = f"ROTATION  {provider} has been {rotation['state']} since {since}"
        yield _StatusLine(said, rotation.get("next_step", ""))
    for one in document["unjudged"]:
        yield _StatusLine(
            f"RELEASE   {_named(one)}: {'undecided' if one['verdict'] else 'no verdict yet'}", one["next_step"]
        )


def _named(row: ReleaseRow) -> str:
    where = f" ({row['component']})" if row["component"] else ""
    return f"{readable.abbreviated(row['release'])}{where} of {_minute(row['deployed_at'])}"


def _minute(text: str) -> str:
    return readable.date_and_clock(text)
