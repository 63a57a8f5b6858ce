"""The cards as an installation holds them: checked when it was built, and believed only beside the same files."""

from __future__ import annotations

import hashlib
import shutil
from pathlib import Path

import pytest

from releaseguard.cards import compiled as cards_compiled
from releaseguard.cards import load
from releaseguard.cards.compiled import FILE, compiled
from releaseguard.cards.load import CardErrors, compile_folder, read_card, shipped_folder
from releaseguard.tomlfile import read


@pytest.fixture
def installed(tmp_path):
    """A folder of cards as an installation has it."""
    shutil.copytree(shipped_folder(), tmp_path / "checks")
    (tmp_path / "checks" / FILE).write_bytes(compile_folder(tmp_path / "checks"))
    return tmp_path / "checks"


def test_cards_compiled_at_build_are_the_cards_that_the_files_say(installed):
    expected = {path.stem: read_card(read(path)) for path in sorted(installed.glob("*.toml"))}
    assert compiled(installed) == expected
    assert list(compiled(installed)) == list(expected)


CHANGES = {
    "a host taken out": lambda folder: replace_in(folder / "sendgrid.toml", "sendgrid.com", "example.com"),
    "a card removed": lambda folder: (folder / "mapbox.toml").unlink(),
    "a card added": lambda folder: shutil.copy(folder / "mapbox.toml", folder / "mapbox_two.toml"),
    "two cards exchanged": lambda folder: exchange(folder / "mapbox.toml", folder / "twilio.toml"),
    "hosts taken out of what was compiled": lambda folder: (folder / FILE).write_text('{"sources": "", "cards": {}}'),
    "half of it written": lambda folder: (folder / FILE).write_bytes((folder / FILE).read_bytes()[:1000]),
    "not there": lambda folder: (folder / FILE).unlink(),
}


def replace_in(path, old, new):
    path.write_text(path.read_text().replace(old, new))


def exchange(one, other):
    first, second = one.read_bytes(), other.read_bytes()
    one.write_bytes(second)
    other.write_bytes(first)


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_compiled_cards_that_are_not_those_of_the_files_decide_nothing(installed, change):
    change(installed)
    assert compiled(installed) is None


def test_cards_that_other_code_has_checked_decide_nothing(installed, tmp_path, monkeypatch):
    shutil.copytree(Path(cards_compiled.__file__).parent, tmp_path / "cards")
    monkeypatch.setattr(cards_compiled, "__file__", str(tmp_path / "cards" / "compiled.py"))
    assert compiled(installed)
    replace_in(tmp_path / "cards" / "rules.py", '"""', '"""Laxer. ')
    assert compiled(installed) is None


def test_a_python_that_hashes_otherwise_reads_the_cards_anew(installed, monkeypatch):
    assert compiled(installed)
    monkeypatch.setattr(cards_compiled, "_hash", hashlib.sha256)
    assert compiled(installed) is None


def test_cards_of_an_installed_checkout_are_taken_as_they_were_checked(installed, monkeypatch):
    monkeypatch.setattr(load, "shipped_folder", lambda: installed)
    monkeypatch.setattr(load, "read", None)
    assert len(load.load_cards()) == len([*installed.glob("*.toml")])


def test_a_wheel_with_a_wrong_card_is_not_built(installed):
    replace_in(installed / "mapbox.toml", "[events]", "[event]")
    with pytest.raises(CardErrors):
        compile_folder(installed)
