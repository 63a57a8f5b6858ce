"""The examples: each file in ``good`` loads; each in ``bad`` is refused with the words of its first line."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest

from releaseguard.cards.load import CardErrors, load_cards, shipped_folder
from releaseguard.cards.spec import Check
from releaseguard.compose.known.configuration import ROLES

EXAMPLES = Path(__file__).parent / "examples"
GOOD = sorted((EXAMPLES / "good").glob("*.toml"))
BAD = sorted((EXAMPLES / "bad").glob("*/*.toml"))


def project_with(tmp_path: Path, example: Path, provider: str) -> Path:
    (tmp_path / "checks").mkdir()
    shutil.copy(example, tmp_path / "checks" / f"{provider}.toml")
    return tmp_path


@pytest.mark.parametrize("example", GOOD, ids=lambda path: path.stem)
def test_a_good_example_replaces_the_shipped_card(tmp_path, example):
    cards = load_cards(project_with(tmp_path, example, example.stem))
    assert cards.get(example.stem).path == str(tmp_path / "checks" / example.name)


@pytest.mark.parametrize("example", BAD, ids=lambda path: f"{path.parent.name}-{path.stem}")
def test_a_bad_example_is_refused_with_file_line_key_and_the_nearest_name(tmp_path, example):
    expected, _, hint = example.read_text().splitlines()[0].removeprefix("# ").partition(" | ")
    with pytest.raises(CardErrors) as refusal:
        load_cards(project_with(tmp_path, example, example.parent.name), ROLES)
    (problem,) = refusal.value.problems
    assert expected in problem.what
    assert hint in (problem.next_step or "")
    file, line = re.fullmatch(r"(.*):(\d+)", problem.where).groups()
    assert file == str(tmp_path / "checks" / f"{example.parent.name}.toml")
    lines = example.read_text().splitlines()
    key = re.search(r"([a-z_]+)(\[\d+\])?$", problem.what.partition(":")[0])
    assert 1 <= int(line) <= len(lines)
    if key and key[1] in example.read_text().split("[events]", 1)[-1]:
        assert key[1] in lines[int(line) - 1] or lines[int(line) - 1].startswith("[")


def test_every_card_has_a_good_and_a_bad_example():
    shipped = {path.stem for path in shipped_folder().glob("*.toml")}
    assert {path.stem for path in GOOD} == shipped
    assert {path.parent.name for path in BAD} == shipped


def test_the_good_examples_use_every_kind_of_check(tmp_path):
    (tmp_path / "checks").mkdir()
    for example in GOOD:
        shutil.copy(example, tmp_path / "checks")
    used = {type(check) for card in load_cards(tmp_path) for check in card.checks}
    assert used == set(Check.__args__)
