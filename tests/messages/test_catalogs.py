"""Both languages say everything that is asked for, and nothing that nobody asks for."""

from __future__ import annotations

import ast
import functools
import re
import string
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from releaseguard.health.values import HealthState, Why
from releaseguard.incident.values import Match, Status
from releaseguard.messages import LANGUAGES, catalog
from releaseguard.messages.catalog import Catalog
from releaseguard.messages.catalog import catalog as read

ROOT = Path(catalog.__file__).parents[1]
ROOMS = [path for room in ("incident", "notify") for path in sorted((ROOT / room).rglob("*.py"))]
SPEAKERS = [ast.parse(path.read_text(encoding="utf-8")) for path in ROOMS]
PAGES = [*(ROOT / "report" / "incident").glob("*.py"), ROOT / "report" / "templates" / "incident.html.jinja"]
SHOWN = "".join(path.read_text(encoding="utf-8") for path in PAGES)
WRITTEN_ANOTHER_WAY = {"about", "%", ""}


def sentences(language: str) -> dict[str, str]:
    found = read(language).sentences
    return {f"{section}.{name}": text for section, named in found.items() for name, text in named.items()}


ENGLISH = sentences("en")


def fields(text: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(text) if name}


def kinds(text: str) -> set[str]:
    return {kind or "" for _, name, kind, _ in string.Formatter().parse(text) if name}


@functools.cache
def constants() -> frozenset[str]:
    nodes = (node for tree in SPEAKERS for node in ast.walk(tree) if isinstance(node, ast.Constant))
    return frozenset(node.value for node in nodes if isinstance(node.value, str))


@functools.cache
def patterns() -> list[re.Pattern[str]]:
    """The keys that are put together: ``f"remedy.{kind}"``."""
    joined = (node.values for tree in SPEAKERS for node in ast.walk(tree) if isinstance(node, ast.JoinedStr))
    return [re.compile("".join(map(pattern, parts))) for parts in joined]


def pattern(part: ast.expr) -> str:
    return re.escape(str(part.value)) if isinstance(part, ast.Constant) else r"[\w.]+"


def calls() -> Iterator[tuple[str, ast.Call]]:
    """Every message whose key stands in the code, with what it is given."""
    for tree in SPEAKERS:
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and node.args and isinstance(node.args[0], ast.Constant):
                name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
                if name in ("message", "Message", "phrase"):
                    yield str(node.args[0].value), node


def test_the_languages_are_those_whose_files_are_there():
    assert {path.stem for path in Path(catalog.__file__).parent.glob("*.toml")} == set(LANGUAGES)


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_language_has_the_same_keys_and_no_empty_sentence(language):
    assert list(sentences(language)) == list(ENGLISH)
    assert all(text.strip() == text and text for text in sentences(language).values())


@pytest.mark.parametrize("key", ENGLISH)
def test_a_sentence_has_the_same_facts_in_every_language(key):
    turkish = fields(sentences("tr")[key])
    # Of an error that English tells in its own words, Turkish tells more.
    assert turkish == fields(ENGLISH[key]) | ({"where"} if key == "problem.setting" else set())


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_noun_that_a_sentence_counts_is_known_and_no_other(language):
    counted = set().union(*map(kinds, sentences(language).values())) - WRITTEN_ANOTHER_WAY
    assert counted == set(read(language).nouns)


@pytest.mark.parametrize("key", ENGLISH)
def test_every_key_is_asked_for(key):
    section, _, name = key.partition(".")
    if section == "page":
        assert re.search(rf"labels\.{name}\b|['\"]{name}['\"]", SHOWN)
        return
    asked = key in constants() or any(pattern.fullmatch(key) for pattern in patterns())
    assert asked or section in ("state", "status", "match")


def test_every_key_that_is_asked_for_is_there():
    asked = {key for key, _ in calls()}
    assert len(asked) > 40
    assert asked <= set(ENGLISH)


@pytest.mark.parametrize(
    ("section", "members"),
    [("state", HealthState), ("status", Status), ("match", Match)],
    ids=["state", "status", "match"],
)
def test_every_member_of_a_kind_has_its_word(section, members):
    assert set(read("en").sentences[section]) == {member.value for member in members}


def test_every_ground_of_a_condition_has_its_sentence():
    assert {f"health.{why.value}" for why in Why} <= set(ENGLISH)


@pytest.mark.parametrize(("key", "call"), [pytest.param(key, call, id=f"{key}:{call.lineno}") for key, call in calls()])
def test_every_message_is_given_its_facts(key, call):
    given = {keyword.arg for keyword in call.keywords}
    if None in given or len(call.args) > 1:
        return  # put together elsewhere, where its own test says it
    assert set().union(*(fields(sentences(language)[key]) for language in LANGUAGES)) <= given


def test_a_file_of_another_shape_is_an_error():
    with pytest.raises(msgspec.ValidationError, match="numbers"):
        msgspec.convert({"sentences": {}}, Catalog)
    with pytest.raises(msgspec.ValidationError, match="str"):
        msgspec.convert(
            {"numbers": msgspec.to_builtins(read("en").numbers), "sentences": {"head": {"down": 3}}}, Catalog
        )


def test_a_key_that_nobody_knows_is_an_error():
    with pytest.raises(KeyError):
        read("en").sentence("head.nobody_knows")
