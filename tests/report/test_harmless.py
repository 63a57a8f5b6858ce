"""What is printed shows text and does nothing else."""

from __future__ import annotations

import io
import json
import re
import unicodedata
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from releaseguard.harmless import Harmless, as_json, harmless, json_pieces, visible
from releaseguard.report.layout.markdown import cell, code, fenced
from tests.support.hostile import HOSTILE, hostile_texts, must_be_harmless


@pytest.mark.parametrize("text", HOSTILE)
def test_every_known_attack_comes_out_as_mere_text(text: str) -> None:
    must_be_harmless(harmless(text))
    must_be_harmless(harmless(f"  {text}\n{text}"))


@given(hostile_texts)
def test_whatever_text_comes_out_harmless_and_stays_so(text: str) -> None:
    must_be_harmless(harmless(text))
    assert harmless(harmless(text)) == harmless(text)


@given(st.text(st.characters(categories=["L", "N", "P", "S", "Zs"]), max_size=60))
def test_letters_of_all_writings_stay_as_they_are(text: str) -> None:
    kept = "".join(one for one in text if unicodedata.category(one) != "Cf")
    assert visible(kept) == kept


def test_tabs_lines_and_emoji_made_of_several_stay() -> None:
    text = "a\tb\nşöğ 👩\u200d🚒 می\u200cخواهم: ok :: ## [x]"
    assert harmless(text) == text


@given(st.lists(hostile_texts | st.sampled_from([":", "#", "[", " ", "\n", "error::", "vso"]), max_size=12))
def test_a_line_in_pieces_is_as_harmless_as_in_one(pieces: list[str]) -> None:
    kept = io.StringIO()
    stream = Harmless(kept)
    for piece in pieces:
        assert stream.write(piece) == len(piece)
    must_be_harmless(kept.getvalue())


def test_our_own_control_sequences_go_past_it() -> None:
    kept = io.StringIO()
    stream = Harmless(kept)
    stream.control("\x1b[2J")
    stream.write("\x1b[2J")
    assert kept.getvalue() == "\x1b[2J\ufffd[2J"


values = st.recursive(
    st.none() | st.booleans() | st.integers() | hostile_texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(hostile_texts, inner, max_size=3),
    max_leaves=10,
)


@given(values, st.sampled_from([2, None]))
def test_json_is_harmless_valid_and_of_the_same_value(value: object, indent: int | None) -> None:
    text = as_json(value, indent=indent)
    assert json.loads(text) == value
    must_be_harmless(text if isinstance(value, dict | list) else f'"{text}')
    assert harmless(text) == text or not isinstance(value, dict | list)


GFM = MarkdownIt("commonmark").enable(["table", "strikethrough"])


def kinds(markdown: str) -> set[str]:
    found = GFM.parse(markdown)
    inner = [child for token in found for child in token.children or ()]
    comments = {"<!-- -->"}
    return {token.type for token in [*found, *inner] if token.content not in comments}


@given(hostile_texts)
def test_a_cell_is_one_cell_of_plain_text(text: str) -> None:
    row = harmless(f"| a | b |\n|---|---|\n| x | {cell(text)} |\n| last | one |")
    tokens = GFM.parse(row)
    assert [token.type for token in tokens].count("td_open") == 4
    sound = "| a | b |\n|---|---|\n| x | *y* **y** ~~y~~ |\n| last | one |"
    assert kinds(row) <= kinds(sound)


@pytest.mark.parametrize(
    "text",
    ["see https://evil.example/x", "www.evil.example", "@admin", "a@evil.example", "fixes #12", "GH-7", "ftp://x.y"],
)
def test_what_github_links_by_itself_is_taken_apart(text: str) -> None:
    shown = cell(text)
    assert not re.search(r"(https?|ftp)://|www\.|(?<!\w)[@#]\w|@\w[\w-]*\.|GH-\d", shown)
    assert shown.replace("<!-- -->", "").replace("\\", "") == text


def test_our_own_words_stay_as_they_can_be_copied() -> None:
    text = "releaseguard audit verify --head sendgrid@production#12:9f3c"
    assert cell(text) == text


@given(hostile_texts)
def test_code_stays_code(text: str) -> None:
    assert kinds(code(text)) <= {"paragraph_open", "inline", "paragraph_close", "code_inline"}
    block = [token.type for token in GFM.parse(fenced(visible(text)))]
    assert block == ["fence"]


class Asked(Sequence[Any]):
    """Notes which of its items were asked for."""

    def __init__(self, items: list[Any]) -> None:
        self.items, self.asked = items, list[int]()

    def __len__(self) -> int:
        return len(self.items)

    def __getitem__(self, at: Any) -> Any:
        item = self.items[at]
        self.asked.append(at)
        return item


@given(st.dictionaries(st.text(max_size=8), values, max_size=3), st.lists(values, max_size=3))
def test_a_document_in_pieces_is_the_one_in_one(document: dict[str, Any], items: list[Any]) -> None:
    whole = {"before": [], **document, "rows": items, "after": {"a": [1]}}
    assert "".join(json_pieces({**whole, "rows": Asked(items)}, lambda value: value)) == as_json(whole)


def test_no_item_of_a_document_in_pieces_is_made_before_the_one_before_it_was_written() -> None:
    items = Asked(["a", "b", "c"])
    told = [(piece, len(items.asked)) for piece in json_pieces({"rows": items}, str.upper) if '"' in piece]
    assert [(piece.strip("[,\n "), asked) for piece, asked in told[1:]] == [('"A"', 1), ('"B"', 2), ('"C"', 3)]
