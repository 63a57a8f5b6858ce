"""The labelled set: read, searched, and compared with what is expected (``labelled/README.md``)."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from releaseguard.cards.load import load_cards
from releaseguard.coverage.run import search
from releaseguard.coverage.values import Report

CARDS = load_cards()
FOLDER = Path(__file__).parent / "labelled"
FORMS = Path(__file__).parent / "forms"
"""Small programs again, each with a form that a call or a log may take; all of them are read right."""
_LABEL = re.compile(r"\s*(?://|#)= (?P<labels>.*)$")
_LOG = re.compile(r"\b(SENT|FAILED)\((\w+)\)")
_UNJUDGED = {"unknown-log", "unknown-client", "too-wide"}

Call = tuple[str, int, str, str]
"""File, line, provider (``?`` where none is known), and what is said of it."""


@dataclass
class Case:
    """One small program, and the calls that are expected in it."""

    name: str
    wild: bool
    files: dict[str, str] = field(default_factory=dict)
    expected: set[Call] = field(default_factory=set)


def cases(folder: Path = FOLDER) -> Iterator[Case]:
    """Every case of a set."""
    for path in sorted(folder.glob("*.txt")):
        for block in re.split(r"^=== ", path.read_text(encoding="utf-8"), flags=re.MULTILINE)[1:]:
            head, _, rest = block.partition("\n")
            kind, _, name = head.partition(" ")
            case = Case(f"{path.stem}: {name}", kind == "wild")
            for part in re.split(r"^--- ", rest, flags=re.MULTILINE)[1:]:
                file, _, code = part.partition("\n")
                case.files[file] = "".join(
                    _line(case, file, number, line) for number, line in enumerate(code.splitlines(), 1)
                )
            yield case


def _line(case: Case, file: str, number: int, line: str) -> str:
    if label := _LABEL.search(line):
        for one in label["labels"].split(";"):
            provider, said = one.split()
            case.expected.add((file, number, provider, said))
        line = line[: label.start()]
    return _LOG.sub(lambda match: _log(match[1] == "SENT", match[2], file.endswith(".py")), line) + "\n"


def _log(success: bool, provider: str, python: bool) -> str:
    events = CARDS.get(provider).events
    event, outcome = (events.success[0], "success") if success else (events.error[0], "error")
    if python:
        return f"log_integration_event('{provider}', '{event}', '{outcome}')"
    return f"logIntegrationEvent('{provider}', '{event}', '{outcome}');"


def found_in(case: Case, folder: Path) -> set[Call]:
    """What a search says of a case, written to ``folder``."""
    for name, content in case.files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(content, encoding="utf-8")
    return calls_of(search(folder, CARDS))


def calls_of(report: Report) -> set[Call]:
    """The calls of a report, each with what is said of it."""
    found: dict[tuple[str, int, str], str] = {}
    for row in report.providers:
        found |= {(file, line, row.provider): "ok" for file, line in row.places}
    for one in report.findings:
        place = (one.file, one.line, one.provider or "?")
        if one.rule == "not-logged":
            found[place] = "both" if len(one.missing) == 2 else one.missing[0]
        elif one.rule in _UNJUDGED or (one.rule == "unknown-address" and one.provider is not None):
            found[place] = "unjudged"
        elif one.rule == "status-ping":
            found[place] = "ping"
        elif one.rule == "not-received":
            found[place] = "received"
    return {(*place, said) for place, said in found.items()}


@dataclass(frozen=True)
class Figures:
    """How much of what was found is right, and how much of what is there was found."""

    expected: int
    found: int
    right: int

    @property
    def precision(self) -> float:
        """Of what was found."""
        return self.right / self.found if self.found else 1.0

    @property
    def recall(self) -> float:
        """Of what is there."""
        return self.right / self.expected if self.expected else 1.0


def figures(pairs: Sequence[tuple[set[Call], set[Call]]]) -> tuple[Figures, Figures]:
    """Of expected and found calls: where they are, and where they are with what is said of them."""
    places = [({one[:3] for one in expected}, {one[:3] for one in found}) for expected, found in pairs]
    return _figures(places), _figures(pairs)


def _figures(pairs: Sequence[tuple[set[tuple], set[tuple]]]) -> Figures:  # type: ignore[type-arg]
    return Figures(
        sum(len(expected) for expected, _ in pairs),
        sum(len(found) for _, found in pairs),
        sum(len(expected & found) for expected, found in pairs),
    )
