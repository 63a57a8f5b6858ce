"""Every document in every format, with markup and steering characters in each of its fields."""

from __future__ import annotations

import importlib
import inspect
import json
from html.parser import HTMLParser
from xml.etree import ElementTree as ET

import pytest
from markdown_it import MarkdownIt

from releaseguard.report import formats
from releaseguard.report.layout.display import Display
from tests.report import documents
from tests.report.documents import NASTY

DOCUMENTS = {
    "verdict": (formats.VERDICT, documents.verdict_document),
    "health": (formats.HEALTH, documents.health_document),
    "status": (formats.STATUS, documents.status_document),
    "incident": (formats.INCIDENT, documents.incident_page),
    "coverage": (formats.COVERAGE, documents.coverage_page),
    "findings": (formats.FINDINGS, documents.findings_page),
    "diagnosis": (formats.DIAGNOSIS, documents.diagnosis_document),
    "postmortem": (formats.POSTMORTEM, documents.postmortem_document),
}
ALL = [(name, format_) for name, (table, _) in DOCUMENTS.items() for format_ in table]


def rendered(name, format_, text, display=Display(80, 1)):  # noqa: B008 - a frozen value
    table, make = DOCUMENTS[name]
    return table[format_](make(text), display)


def those(*wanted):
    return pytest.mark.parametrize(("name", "format_"), [pair for pair in ALL if pair[1] in wanted])


def test_each_document_is_looked_at_here():
    tables = {name for name, value in vars(formats).items() if name.isupper() and isinstance(value, dict)}
    assert tables == {name.upper() for name in DOCUMENTS}


@pytest.mark.parametrize(("name", "format_"), ALL)
def test_each_format_is_rendered(name, format_):
    assert "plain words" in rendered(name, format_, "plain words")


@pytest.mark.parametrize(("name", "format_"), [pair for pair in ALL if pair[1] != "json"])
def test_a_renderer_says_what_it_takes(name, format_):
    module = {"md": "markdown", "in-toto": "in_toto"}.get(format_, format_)
    render = importlib.import_module(f"releaseguard.report.{name}.{module}").render
    assert inspect.get_annotations(render)["return"] == "str"
    assert render.__doc__


@those("html")
def test_no_field_of_a_page_becomes_markup(name, format_):
    page = rendered(name, format_, NASTY)
    found = Tags()
    found.feed(page)
    assert not {"script", "img", "link", "iframe", "form"} & {*found.tags}
    assert {address.partition(":")[0] for address in found.addresses} <= {"https"}
    assert not any(word in page for word in ("url(", "@import", "src="))
    assert "\x1b" not in page


class Tags(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.addresses: list[str] = []

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.addresses += [value for key, value in attrs if key in ("href", "src")]


@those("markdown", "md")
def test_no_field_of_markdown_becomes_a_tag_a_picture_or_a_heading(name, format_):
    text = rendered(name, format_, NASTY)
    plain = rendered(name, format_, "plain words")
    assert headings(text) == headings(plain)
    inline = [child.type for token in MarkdownIt().parse(text) for child in token.children or ()]
    assert not {"html_inline", "image"} & {*inline}
    assert "https://b.example" not in [
        address
        for token in MarkdownIt().parse(text)
        for child in token.children or ()
        if (address := child.attrGet("href"))
    ]
    assert "\x1b" not in text


def headings(text):
    return [token.tag for token in MarkdownIt().parse(text) if token.type == "heading_open"]


@those("text")
def test_no_field_of_text_steers_a_terminal_or_begins_a_line_of_its_own(name, format_):
    text = rendered(name, format_, NASTY)
    assert "\x1b" not in text
    assert not any(line.startswith("# heading") for line in text.splitlines())


@those("json", "sarif")
def test_what_programs_read_can_be_read(name, format_):
    read = json.loads(rendered(name, format_, NASTY))
    assert NASTY.split("|")[0].strip() in json.dumps(read, ensure_ascii=False)


@those("junit")
def test_what_collects_test_results_can_read_it(name, format_):
    suite = ET.fromstring(rendered(name, format_, NASTY).split("?>", 1)[1])
    assert {suite.get(key) for key in ("failures", "skipped")} == {"1"}


@those("text")
@pytest.mark.parametrize("width", [20, 40, 100])
def test_text_fits_the_terminal(name, format_, width):
    words = "some words that are long enough to be wrapped somewhere"
    text = rendered(name, format_, words, Display(width))
    copied = ("releaseguard", "javascript:", "add:", "write instead:", "some words that are long enough to be wrapped")
    long = [line for line in text.splitlines() if len(line) > max(width, 50)]
    assert [line for line in long if not any(word in line for word in copied)] == []


@pytest.mark.parametrize(
    ("verbosity", "told"), [(-1, False), (0, True), (1, True)], ids=["quiet", "as it is", "verbose"]
)
def test_a_quiet_diagnosis_tells_the_problems_alone(verbosity, told):
    text = rendered("diagnosis", "text", "plain words", Display(80, verbosity))
    assert "FAIL     plain words" in text
    assert ("check is well" in text) is told
    assert ("SKIPPED" in text) is told


def test_what_is_waived_is_told_to_those_who_ask_for_more():
    assert "waived" in rendered("coverage", "text", "plain words", Display(80, 1)).lower().split("provider ")[0]
    assert "x:3:7" not in rendered("coverage", "text", "plain words", Display(80, 0))


@those("html")
def test_a_name_of_ten_thousand_letters_is_not_a_page_of_its_own(name, format_):
    page = rendered(name, format_, "x" * 10_000)
    assert "x" * 900 in page
    assert "x" * 1_100 not in page
