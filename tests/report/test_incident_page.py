"""An incident as text, Markdown and HTML, whatever the log and the services wrote into it."""

from __future__ import annotations

import json

import pytest
from markdown_it import MarkdownIt

from releaseguard.report.formats import INCIDENT
from releaseguard.report.incident.document import IncidentPage, shown_changes
from releaseguard.report.layout.display import Display
from tests.report.documents import NASTY, change, labels
from tests.report.documents import incident_document as document


def outside_fences(page: str) -> str:
    """What a reader of Markdown does not take literally."""
    return "".join(page.split("```")[::2])


def render(document, labels, format_, width):
    return INCIDENT[format_](IncidentPage(document, labels), Display(width))


@pytest.mark.parametrize("format_", ["text", "markdown", "html"])
def test_what_the_log_holds_steers_nothing(format_):
    page = render(document(NASTY), labels(), format_, 80)
    assert "\x1b" not in page
    if format_ != "text":
        assert "\n# heading" not in page
        assert "<script" not in outside_fences(page)


def test_no_line_ends_the_fence_or_begins_a_heading_in_markdown():
    page = render(document(NASTY), labels(), "markdown", 80)
    assert [token.type for token in MarkdownIt().parse(page)].count("fence") == 1
    assert "javascript:alert(1)>" not in page
    assert " [a](" not in outside_fences(page)


def test_the_first_line_of_markdown_is_the_headline():
    assert render(document(), labels(), "markdown", 80).startswith("**Mapbox has been down since about 11:40Z: x**\n")


def test_the_page_makes_no_request_and_links_only_what_is_a_web_address():
    page = render(document(), labels(), "html", 80)
    assert not any(word in page for word in ("url(", "<script", "<link", "<img", "@import"))
    assert 'href="https://x.example/1"' in page
    assert 'href="javascript' not in page
    assert '<html lang="en">' in page


@pytest.mark.parametrize("width", [30, 50, 100])
def test_text_fits_the_terminal_but_for_what_is_copied(width):
    page = render(document("some words that are long enough to be wrapped somewhere"), labels(), "text", width)
    long = [line for line in page.splitlines() if len(line) > width]
    assert all("releaseguard rotate" in line or "javascript" in line for line in long)
    assert "     $ releaseguard rotate mapbox" in page


def test_json_is_the_document_itself():
    assert json.loads(render(document(NASTY), labels(), "json", 80)) == document(NASTY)


def test_headings_are_capitals_as_turkish_writes_them():
    words = labels() | {"heading_symptoms": "belirti", "heading_changes": "ne değişti"}
    page = render(document(language="tr"), words, "text", 80)
    assert "BELİRTİ" in page
    assert "NE DEĞİŞTİ" in page


def test_the_beginning_stands_among_the_changes_and_the_far_ones_are_left_out():
    rows = [change(f"2026-11-24T{hour:02}:40:10.000000Z", (11 - hour) * 3600) for hour in range(24)]
    found = shown_changes(document(changes=rows))
    assert len(found) == 13
    place = found.index(None)
    assert found[place - 1]["at"].startswith("2026-11-24T11:40:10")
    assert shown_changes(document(changes=rows, began=None)) == rows[-12:]
