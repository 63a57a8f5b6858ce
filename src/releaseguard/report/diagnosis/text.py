"""A diagnosis for a terminal: what is wrong first, each with its fix; what is well in few words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from releaseguard import readable
from releaseguard.report.diagnosis.document import BECAUSE, DiagnosisDocument, DiagnosisRow
from releaseguard.report.layout.display import Display
from releaseguard.report.layout.shown import shown
from releaseguard.report.layout.text import wrapped

_ORDER = ("fail", "warn")
_INDENT = " " * 9


def render(document: DiagnosisDocument, display: Display) -> str:
    """The diagnosis that fits the display; where only what matters is asked for, the problems and nothing else."""
    rows, width = shown(document)["checks"], display.width
    problems = [_problem(row, width) for status in _ORDER for row in rows if row["status"] == status]
    if display.verbosity < 0:
        return "\n".join(line for problem in problems for line in problem)
    lines = wrapped(summary(rows), "", width)
    for problem in problems:
        lines += ["", *problem]
    for block in (_skipped(rows, width), _healthy(_well(rows), width)):
        lines += ["", *block] if block else []
    return "\n".join(lines)


def summary(rows: Sequence[DiagnosisRow]) -> str:
    """How many of each, in one line."""
    count = {status: sum(row["status"] == status for row in rows) for status in ("ok", "skipped", *_ORDER)}
    words = [_counted(count["fail"], "problem"), _counted(count["warn"], "warning")]
    told = [*(word for word in words if word), *([f"{count['skipped']} not looked at"] if count["skipped"] else [])]
    good = f"{count['ok']} checks are well"
    return f"{', '.join(told)}; {good}." if told else f"All {good}."


def _counted(number: int, word: str) -> str:
    return readable.count(number, word) if number else ""


def _problem(row: DiagnosisRow, width: int) -> list[str]:
    return [f"{row['status'].upper():<8} {row['id']}", *_said(row, width)]


def _said(row: DiagnosisRow, width: int) -> list[str]:
    lines = wrapped(row["what"], _INDENT, width)
    if row["where"]:
        lines += wrapped(f"where: {row['where']}", _INDENT, width)
    if row["fix"]:
        lines += wrapped(f"fix:   {row['fix']}", _INDENT, width)
    return lines


def _skipped(rows: Sequence[DiagnosisRow], width: int) -> list[str]:
    """By cause: one problem can hide twenty checks."""
    causes: dict[str, list[str]] = {}
    lines: list[str] = []
    for row in rows:
        if row["status"] == "skipped":
            title, said, cause = row["what"].rpartition(BECAUSE)
            if said:
                causes.setdefault(cause, []).append(title)
            else:
                lines += [f"{'SKIPPED':<8} {row['id']}", *_said(row, width)]
    for cause, titles in causes.items():
        lines += [f"{'SKIPPED':<8} because of {cause}", *wrapped(", ".join(titles), _INDENT, width)]
    return lines


def _well(rows: Sequence[DiagnosisRow]) -> Mapping[str, list[str]]:
    found: dict[str, list[str]] = {}
    for row in rows:
        if row["status"] == "ok":
            found.setdefault(row["group"], []).append(row["what"])
    return found


def _healthy(well: Mapping[str, list[str]], width: int) -> list[str]:
    lines = []
    for group, words in well.items():
        lines += wrapped(f"{'ok':<8} {group:<13} {'; '.join(words)}", " " * 23, width, "")
    return lines
