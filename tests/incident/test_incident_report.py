"""An incident as text, Markdown and HTML, whatever the log and the services wrote into it."""

from __future__ import annotations

import json

import pytest
from markdown_it import MarkdownIt

from releaseguard.report.incident import FORMATS, render, shown_changes

NASTY = "<script>alert(1)</script> |x| [a](https://b.example) ``` \x1b[31m \n# heading"


def outside_fences(page: str) -> str:
    """What a reader of Markdown does not take literally."""
    return "".join(page.split("```")[::2])


def labels() -> dict[str, str]:
    keys = [
        *("from_events", "heading_changes", "heading_symptoms", "heading_controls", "heading_actions", "heading_rules"),
        *("heading_open", "heading_others", "no_changes", "not_looked", "next", "likely_mark", "open", "run"),
        *("began_here", "title", "as_of", "undone"),
        *(f"state.{one}" for one in ("down", "degraded", "silent", "healthy", "idle", "unknown")),
        *(f"status.{one}" for one in ("bad", "ok", "unclear", "not_done", "person")),
        *(f"match.{one}" for one in ("yes", "some", "no", "unknown")),
    ]
    return {key: key.replace("_", " ").replace(".", " ") for key in keys}


def change(at="2026-11-24T11:40:00.000000Z", before=0, **more):
    given = {"at": at, "kind": "release", "what": "release r1 was deployed", "where": "", "url": None}
    return {**given, "went_wrong": False, "before_s": before, "likely": False, **more}


def document(text="x", **more):
    return {
        "provider": "mapbox",
        "name": "Mapbox",
        "environment": "production",
        "language": "en",
        "as_of": "2026-11-24T12:00:00.000000Z",
        "window": ["2026-11-24T11:00:00.000000Z", "2026-11-24T12:00:00.000000Z"],
        "headline": f"Mapbox has been down since about 11:40Z: {text}",
        "state": "down",
        "reason": text,
        "began": "2026-11-24T11:40:00.000000Z",
        "began_before_window": False,
        "health": {
            "events": 3,
            "successes": 1,
            "errors": 2,
            "error_rate": 0.6667,
            "usual_error_rate": None,
            "expected_events": None,
            "last_success": None,
            "last_error": None,
            "course": [{"successes": 1, "errors": 2}],
        },
        "others": [{"provider": text, "state": "down", "since": None, "reason": text}],
        "changes": [change(what=text, where=text, url="https://x.example/1", likely=True)],
        "unread": [text],
        "symptoms": [{"text": text, "match": "yes", "since": None, "evidence": [text]}],
        "controls": [
            {
                "text": text,
                "kind": "function_logs",
                "target": None,
                "status": "bad",
                "finding": [text],
                "lines": [text, "second"],
                "next_step": text,
                "command": "releaseguard rotate mapbox",
                "url": "javascript:alert(1)",
            }
        ],
        "actions": [{"number": 1, "text": text, "command": "releaseguard rotate mapbox"}],
        "rules": [text],
        "open": [{"text": text, "next_step": text}],
        **more,
    }


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
    assert set(FORMATS) == {"text", "json", "markdown", "html"}


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
