"""The runbook, walked: every bullet of its section 4 is on the cards, in its own words."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from releaseguard.cards.load import load_cards
from releaseguard.cards.spec import Card

RUNBOOK = Path(__file__).parents[3] / "shared" / "runbook.tr.md"
SECTIONS = {
    "4.1": ["supabase"],
    "4.2": ["mapbox"],
    "4.3": ["paytr"],
    "4.4": ["idenfy"],
    "4.5": ["twilio"],
    "4.6": ["sendgrid"],
    "4.7": ["sentry", "posthog"],
}
PARTS = {"Belirti": "symptoms", "Kontrol": "controls", "Aksiyon": "actions"}
CARDS = load_cards()

pytestmark = pytest.mark.skipif(not RUNBOOK.exists(), reason="the runbook is not beside this checkout")


def bullets() -> Iterator[tuple[str, str, str]]:
    """(section, part of the playbook, the bullet's text) of section 4."""
    section = part = ""
    for line in RUNBOOK.read_text(encoding="utf-8").splitlines():
        if heading := re.match(r"### (4\.\d)", line):
            section = heading[1]
        elif line.startswith("## "):
            section = ""
        elif line.rstrip(":") in PARTS:
            part = PARTS[line.rstrip(":")]
        elif section and (item := re.match(r"(?:-|\d+\.) (.+)", line)):
            yield section, part, item[1].strip()


def in_turkish(card: Card, part: str) -> list[str]:
    return [entry.text["tr"] for entry in getattr(card.playbook, part)]


def checklist() -> list[str]:
    text = RUNBOOK.read_text(encoding="utf-8").partition("## 7)")[2]
    return re.findall(r"^- (.+)$", text, re.MULTILINE)


def rules_of(heading: str) -> list[str]:
    section = RUNBOOK.read_text(encoding="utf-8").partition(heading)[2].partition("\n## ")[0]
    return re.findall(r"^- (.+)$", section, re.MULTILINE)


@pytest.mark.parametrize(("section", "part", "bullet"), list(bullets()) if RUNBOOK.exists() else [])
def test_every_bullet_of_section_4_is_on_its_cards_word_by_word(section, part, bullet):
    for provider in SECTIONS[section]:
        said = in_turkish(CARDS.get(provider), part)
        assert bullet in said or all(piece in said for piece in bullet.split(", "))


def test_the_walk_finds_all_of_section_4():
    found = list(bullets())
    assert {section for section, _, _ in found} == set(SECTIONS)
    assert len(found) == 50


def test_actions_stand_in_the_runbooks_order():
    for section, providers in SECTIONS.items():
        order = [text for where, part, text in bullets() if (where, part) == (section, "actions")]
        for provider in providers:
            assert in_turkish(CARDS.get(provider), "actions") == order


def test_the_six_lines_of_section_7_are_checks_that_block_while_undecided():
    lines = checklist()
    checks = [check for card in CARDS for check in card.checks if check.runbook]
    assert len(lines) == 6
    assert {check.runbook for check in checks} == set(lines)
    assert all(check.undecided == "block" and check.blocking for check in checks)


def test_only_the_lines_of_section_7_block_while_undecided():
    others = [check for card in CARDS for check in card.checks if not check.runbook]
    assert all(check.undecided == "warn" for check in others)


def test_the_rules_of_section_5_are_on_rekognitions_card():
    card = CARDS.get("aws_rekognition")
    said = [rule["tr"] for rule in card.playbook.rules] + in_turkish(card, "actions")
    assert [rule for rule in rules_of("## 5)") if rule not in said] == []


def test_the_rules_of_section_6_are_on_the_card_that_the_runbook_calls_very_critical():
    said = [rule["tr"] for rule in CARDS.get("mapbox").playbook.rules]
    assert [rule for rule in rules_of("## 6)") if rule not in said] == []
