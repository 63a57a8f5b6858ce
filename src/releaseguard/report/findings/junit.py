"""Findings as JUnit XML: what is wrong is a failure, what could not be looked at is skipped."""

from __future__ import annotations

from xml.etree import ElementTree as ET

from releaseguard.report.findings.document import FindingsPage
from releaseguard.report.layout.display import Display
from releaseguard.report.layout.shown import shown

_TAG = {"error": "failure", "note": "skipped"}


def render(page: FindingsPage, _display: Display) -> str:
    """One ``testsuite``, a ``testcase`` for each thing that was looked at."""
    failures, skipped = (sum(row.level == level for row in page.rows) for level in ("error", "note"))
    count = str(len(page.rows))
    suite = ET.Element(
        "testsuite", name=f"releaseguard {page.title}", tests=count, failures=str(failures), skipped=str(skipped)
    )
    for row in page.rows:
        case = ET.SubElement(suite, "testcase", classname=shown(row.place), name=shown(row.subject))
        if tag := _TAG.get(row.level):
            ET.SubElement(case, tag, message=shown(row.reason), type=row.rule)
        else:
            ET.SubElement(case, "system-out").text = shown(f"{row.rule}: {row.reason}")
    ET.indent(suite)
    return ET.tostring(suite, encoding="unicode", xml_declaration=True)
