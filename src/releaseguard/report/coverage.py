"""Provider calls that are not logged or not tested: for a terminal, for programs, and for code scanning."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TypedDict
from urllib.parse import quote

from releaseguard.harmless import as_json, visible
from releaseguard.report.sarif import sarif_run
from releaseguard.report.text import wrapped


class FindingRow(TypedDict):
    """One thing to look at."""

    rule: str
    provider: str | None
    file: str
    line: int
    column: int
    missing: Sequence[str]
    message: str
    fix: str | None


class ProviderRow(TypedDict):
    """One provider that the app calls."""

    provider: str
    name: str
    calls: int
    covered: int
    waived: int
    tested: bool
    tests: Sequence[str]


class CoverageDocument(TypedDict):
    """What ``coverage --json`` prints; findings in the order of files and lines."""

    ok: bool
    path: str
    summary: str
    findings: Sequence[FindingRow]
    """What is missing or wrong."""
    unknown: Sequence[FindingRow]
    """What could not be judged."""
    waived: Sequence[Mapping[str, Any]]
    providers: Sequence[ProviderRow]
    files: int
    test_files: int


_INDENT = " " * 4
_WHERE = {"success": "after it, add", "error": "where it fails, add"}
_TURN = {
    "unknown-event": "write instead",
    "unknown-provider": "write instead",
    "wrong-outcome": "write instead",
}
HELP = {
    "not-logged": "Where a provider is called, its success and its error are logged as two events: the success on the "
    "way after the call, the error in the catch or except branch, or where the answer says that it failed.",
    "not-tested": "A provider that the app calls is named in a test: its events, its package, or the function that "
    "calls it.",
    "unknown-provider": "An event is logged for a provider that no card knows, and nothing will ever read it.",
    "unknown-event": "An event is logged under a name that is not on its provider's card, and no check will read it.",
    "wrong-outcome": "An event of success is logged with the outcome of an error, or the other way round.",
    "unknown-address": "A request goes to an address that is known at run time only, so nobody can say by reading "
    "whether a provider is called.",
    "unknown-log": "A call is logged with names that are known at run time only.",
    "not-read": "A file could not be read, or not all of it.",
    "bad-waiver": "A waiver reads `releaseguard: RULE [PROVIDER] -- reason`, and something is there to waive.",
}


def text(document: CoverageDocument, width: int, *, verbose: bool = False) -> str:
    """The findings by file and line with the lines to add, what was not judged, and each provider's count."""
    lines: list[str] = []
    for row in document["findings"]:
        lines += [*_finding(row, width), ""]
    lines += _unknown(document, width)
    if verbose:
        for waived in document["waived"]:
            row = waived["finding"]
            lines += wrapped(f"waived {_place(row)} {_subject(row)}: {waived['reason']}", _INDENT, width, first="")
    lines += _providers(document, width)
    lines += wrapped(document["summary"], "", width)
    return "\n".join(visible(line) for line in lines)


def _finding(row: FindingRow, width: int) -> list[str]:
    lines = [f"{_place(row)}  {_subject(row)}", *wrapped(row["message"], _INDENT, width)]
    added = (row["fix"] or "").splitlines()
    if row["rule"] == "not-tested":
        return [*lines, *wrapped(f"write: {row['fix']}", _INDENT, width)]
    words = [_WHERE[outcome] for outcome in row["missing"]] if row["rule"] == "not-logged" else []
    for word, line in zip(words or [_TURN.get(row["rule"], "add")] * len(added), added, strict=False):
        lines.append(f"{_INDENT}{word}: {line}")
    return lines


def _place(row: FindingRow) -> str:
    return f"{row['file']}:{row['line']}:{row['column']}"


def _subject(row: FindingRow) -> str:
    return f"{row['rule']} {row['provider'] or ''}".rstrip()


def _unknown(document: CoverageDocument, width: int) -> list[str]:
    rows = document["unknown"]
    if not rows:
        return []
    lines = ["Not judged:"]
    for row in rows:
        place = row["file"] if row["rule"] == "not-read" else f"{row['file']}:{row['line']}"
        lines += wrapped(f"{place} {row['message']}", _INDENT, width, first="  ")
    return [*lines, ""]


def _providers(document: CoverageDocument, width: int) -> list[str]:
    from releaseguard.report.table import render

    rows = [
        {
            "provider": row["provider"],
            "calls": str(row["calls"]),
            "logged": str(row["covered"]),
            "waived": str(row["waived"] or ""),
            "tests": str(len(row["tests"])) if row["tests"] else "none",
        }
        for row in document["providers"]
    ]
    return [render(rows, ["provider", "calls", "logged", "tests", "waived"], width), ""] if rows else []


def render(format_: str, document: CoverageDocument, *, width: int, verbose: bool, prefix: str) -> str:
    """The document in one of the formats; ``prefix`` is the way from the repository to the searched folder."""
    if format_ == "text":
        return text(document, width, verbose=verbose)
    return sarif(document, prefix) if format_ == "sarif" else as_json(document)


def sarif(document: CoverageDocument, prefix: str = "") -> str:
    """SARIF 2.1.0, with paths relative to the repository as code scanning wants them."""
    rules = [
        {
            "id": rule,
            "name": "".join(word.capitalize() for word in rule.split("-")),
            "shortDescription": {"text": text_.partition(":")[0].rstrip(".") + "."},
            "fullDescription": {"text": text_},
            "help": {"text": text_, "markdown": text_},
            "defaultConfiguration": {"level": "note" if rule in _NOTES else "error"},
        }
        for rule, text_ in HELP.items()
    ]
    index = {rule: place for place, rule in enumerate(HELP)}
    results = [_result(row, index, "error", prefix) for row in document["findings"]]
    # Code scanning shows what has a place in a file, and refuses a folder as one.
    results += [_result(row, index, "note", prefix) for row in document["unknown"] if row["file"] != "."]
    for waived in document["waived"]:
        result = _result(waived["finding"], index, "error", prefix)
        result["suppressions"] = [{"kind": "inSource", "justification": waived["reason"]}]
        results.append(result)
    return sarif_run(rules, results, {"providers": document["providers"], "summary": document["summary"]})


_NOTES = ("unknown-address", "unknown-log", "not-read", "bad-waiver")


def _result(row: FindingRow, index: Mapping[str, int], level: str, prefix: str) -> dict[str, Any]:
    message = row["message"] + (f" Fix: {row['fix']}" if row["fix"] else "")
    region = {"startLine": row["line"], "startColumn": row["column"]}
    place = {"artifactLocation": {"uri": quote(prefix + row["file"]), "uriBaseId": "%SRCROOT%"}, "region": region}
    return {
        "ruleId": row["rule"],
        "ruleIndex": index[row["rule"]],
        "level": level,
        "message": {"text": visible(message)},
        "locations": [{"physicalLocation": place}],
        "properties": {"provider": row["provider"], "missing": list(row["missing"])},
    }
