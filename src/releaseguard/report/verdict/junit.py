"""A verdict as JUnit XML, for whatever collects test results: FAIL is a failure, undecided an error, skipped a skip."""

from __future__ import annotations

from xml.etree import ElementTree as ET

from releaseguard.report.layout.display import Display
from releaseguard.report.layout.shown import shown
from releaseguard.report.verdict.document import CheckRow, VerdictDocument, decisions_in, rows_of


def render(document: VerdictDocument, _display: Display) -> str:
    """The verdict as one ``testsuite``, a ``testcase`` for each check."""
    document = shown(document)
    rows = rows_of(document)
    failed = [row for row in rows if row["verdict"] == "fail" and row["blocking"]]
    undecided = [row for row in rows if row["verdict"] in ("inconclusive", "error")]
    suite = ET.Element(
        "testsuite",
        name=f"releaseguard {document['environment']} {document['release']}",
        tests=str(len(rows) + len(document["skipped"])),
        failures=str(len(failed)),
        errors=str(len(undecided)),
        skipped=str(len(document["skipped"])),
        timestamp=document["as_of"],
    )
    _decided(suite, document)
    for row in rows:
        _case(suite, row)
    for left_out in document["skipped"]:
        case = ET.SubElement(suite, "testcase", classname=left_out["provider"], name=left_out["id"])
        ET.SubElement(case, "skipped", message=left_out["reason"])
    ET.indent(suite)
    return ET.tostring(suite, encoding="unicode", xml_declaration=True)


def _decided(suite: ET.Element, document: VerdictDocument) -> None:
    said = decisions_in(document)
    if said:
        properties = ET.SubElement(suite, "properties")
        for one in said:
            ET.SubElement(properties, "property", name="decision", value=one)


def _case(suite: ET.Element, row: CheckRow) -> None:
    case = ET.SubElement(suite, "testcase", classname=row["provider"], name=row["id"])
    tag = {"fail": "failure", "inconclusive": "error", "error": "error"}.get(row["verdict"])
    if tag == "failure" and not row["blocking"]:
        tag = None
    if tag:
        ET.SubElement(case, tag, message=row["reason"], type=row["kind"])
    else:
        ET.SubElement(case, "system-out").text = row["reason"]
