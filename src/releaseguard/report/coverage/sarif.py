"""Provider calls that are not logged or not tested, for code scanning."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import quote

from releaseguard.harmless import visible
from releaseguard.report.coverage.document import CoverageFindingRow, CoveragePage
from releaseguard.report.layout.display import Display
from releaseguard.report.layout.sarif import SarifFile, SarifPlace, SarifRegion, SarifResult, SarifRule, sarif_run

HELP = {
    "not-logged": "Where a provider is called, its success and its error are logged as two events: the success on the "
    "way after the call, the error in the catch or except branch, or where the answer says that it failed.",
    "not-tested": "A provider that the app calls is named in a test: its events, its package, or the function that "
    "calls it.",
    "not-received": "The function that receives a provider's webhook logs it; where a library captures events by "
    "itself, the hook that it calls before each of them does.",
    "status-ping": "Whether a provider works is told by the events of its real use, never by a call for that alone.",
    "unknown-provider": "An event is logged for a provider that no card knows, and nothing will ever read it.",
    "unknown-event": "An event is logged under a name that is not on its provider's card, and no check will read it.",
    "wrong-outcome": "An event of success is logged with the outcome of an error, or the other way round.",
    "unknown-address": "A request goes to an address that is known at run time only, so nobody can say by reading "
    "whether a provider is called.",
    "unknown-client": "A call looks like a provider's, of a client that is known at run time only.",
    "unknown-log": "A call is logged with names that are known at run time only, so nobody can say by reading whether "
    'it is logged: name the provider and the event where it is logged, or set `[coverage] unreadable = "tell"`.',
    "too-wide": "A call is reached from more functions than are followed.",
    "not-read": "A file could not be read, or not all of it.",
    "bad-waiver": "A waiver reads `releaseguard: RULE [PROVIDER] -- reason`, and something is there to waive.",
}
_NOTES = ("unknown-address", "unknown-client", "too-wide", "not-read", "bad-waiver")


def render(page: CoveragePage, _display: Display) -> str:
    """One run, with paths relative to the repository as code scanning wants them."""
    document = page.document
    rules: list[SarifRule] = [
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
    results = [_result(row, index, "error", page) for row in document["findings"]]
    # Code scanning shows what has a place in a file, and refuses a folder as one.
    results += [_result(row, index, "note", page) for row in document["unknown"] if row["file"] not in page.folders]
    for waived in document["waived"]:
        result = _result(waived["finding"], index, "error", page)
        result["suppressions"] = [{"kind": "inSource", "justification": waived["reason"]}]
        results.append(result)
    return sarif_run(rules, results, {"providers": document["providers"], "summary": document["summary"]})


def _result(row: CoverageFindingRow, index: Mapping[str, int], level: str, page: CoveragePage) -> SarifResult:
    message = row["message"] + (f" Fix: {row['fix']}" if row["fix"] else "")
    region: SarifRegion = {"startLine": row["line"], "startColumn": row["column"]}
    file: SarifFile = {"uri": quote(page.prefix + row["file"]), "uriBaseId": "%SRCROOT%"}
    place: SarifPlace = {"artifactLocation": file, "region": region}
    mark = page.fingerprints.get(row["file"], {}).get(row["line"])
    result: SarifResult = {
        "ruleId": row["rule"],
        "ruleIndex": index[row["rule"]],
        "level": level,
        "message": {"text": visible(message)},
        "locations": [{"physicalLocation": place}],
        "properties": {"provider": row["provider"], "missing": list(row["missing"])},
    }
    if mark is not None:
        result["partialFingerprints"] = {"primaryLocationLineHash": mark}
    return result
