"""What commands compose in English is said in another language by its shape, and nothing is lost on the way."""

from __future__ import annotations

import ast
import inspect
import re
from collections.abc import Callable
from dataclasses import fields, is_dataclass
from functools import cache
from itertools import pairwise
from pathlib import Path

import click
import pytest
from hypothesis import given
from hypothesis import strategies as st

import releaseguard_events
from releaseguard.cli.main import COMMANDS
from releaseguard.messages import phrasebook, spoken
from releaseguard.messages.markup import said
from releaseguard.messages.phrasebook import Phrase, Phrasebook, read
from releaseguard.messages.typed import typed
from releaseguard.verification import evidence
from releaseguard.verification.telling import summary

ROOT = Path(phrasebook.__file__).parents[1]
TURKISH = phrasebook.phrasebook("tr")


@pytest.mark.parametrize(
    ("english", "turkish"),
    [
        ("3 reads, 1 write", "3 okuma, 1 yazma"),
        (
            "all 40 checks passed; not configured: twilio.send",
            "40 kontrolün hepsi geçti; yapılandırılmamış: twilio.send",
        ),
        (
            "sendgrid.errors failed: roll back, or fix forward",
            "başarısız: sendgrid.errors: geri al ya da ileriye dönük düzelt",
        ),
        ("harm begins at 4.2%; therefore the release fails", "zarar %4,2 düzeyinden başlar; bu yüzden sürüm başarısız"),
        ("github:o/r is not there", "github:o/r orada yok"),
        (
            "225 of 369 calls failed since 06:43Z; usually 0.3%",
            "06:43Z anından beri 369 çağrıdan 225 tanesi hata verdi; olağan %0,3",
        ),
        ("2 of 3 calls failed", "3 çağrıdan 2 tanesi hata verdi"),
        (
            "needed odds of 100 to 1 against the usual over the checklist, reached 1,000,000.5",
            "kontrol listesinin tümünde olağana karşı gereken oran 100 : 1, ulaşılan 1.000.000,5",
        ),
        ("on port 8,787 of version 3.11", "on port 8,787 of version 3.11"),
        ("Leak reported: key in gist", "Sızıntı bildirildi: key in gist"),
        (
            "SENDGRID_API_KEY version 1 was exposed (no data)",
            "SENDGRID_API_KEY versiyon 1 yabancıların eline geçti (no data)",
        ),
        ("OPEN LEAK since 10:00Z: not found", "AÇIK SIZINTI, 10:00Z tarihinden beri: not found"),
        ("nobody wrote this sentence down", "nobody wrote this sentence down"),
    ],
)
def test_a_sentence_is_said_clause_by_clause_and_an_unknown_one_stays(english: str, turkish: str) -> None:
    assert TURKISH.say(english) == turkish


def test_columns_keep_their_place_where_they_can() -> None:
    before, after = "IN STEP       SENDGRID_API_KEY", TURKISH.lines("IN STEP       SENDGRID_API_KEY")
    assert after.index("SENDGRID") == before.index("SENDGRID")


def test_a_single_word_of_a_document_is_a_name_and_stays() -> None:
    document = {"verdict": "down", "reason": "no event in the log", "rows": [{"state": "silent"}], "n": 3}
    assert TURKISH.document(document) == {
        "verdict": "down", "reason": "log'da event yok", "rows": [{"state": "silent"}], "n": 3,
    }  # fmt: skip


def test_a_page_is_said_and_its_commands_and_markup_stay() -> None:
    spoken = '<p title="x">No events.</p><i aria-label="No events."></i>'
    page = f'<!DOCTYPE html><html lang="en">{spoken}<pre>No events.</pre><p>&lt;b&gt;</p></html>'
    told = page.replace('lang="en"', 'lang="tr"').replace(spoken, spoken.replace("No events.", "Event yok."))
    assert said(page, TURKISH) == told


@given(st.text(alphabet=st.characters(blacklist_categories=["Cs"]), max_size=80))
def test_any_text_keeps_what_is_no_phrase_and_every_line(text: str) -> None:
    told = Phrasebook("tr", {}, ()).lines(text)
    assert told.count("\n") == text.count("\n")
    assert re.findall(r"[A-Za-z0-9_]{4,}", told) == re.findall(r"[A-Za-z0-9_]{4,}", text)


def test_what_stands_in_a_place_is_neither_cut_nor_joined() -> None:
    phrase = Phrase("{name} is at {place}", "{place}: {name}")
    assert phrase.filled("KEY is at github:o/r") == {"name": "KEY", "place": "github:o/r"}
    assert phrase.filled("KEY is at github:o/r; and more") is None


@cache
def spoken_in_code() -> str:
    """Every text of the code, of the writer, and of the library that refuses a call; a gap where a value stands."""
    texts = [path.read_text(encoding="utf-8") for path in (ROOT / "report" / "templates").iterdir()]
    texts += [re.sub(r"\{\{.*?\}\}|\{%.*?%\}|<[^>]+>", "\n", text) for text in texts]
    packages = [ROOT, *(Path(module.__file__).parent for module in (click, releaseguard_events))]
    for path in [path for package in packages for path in package.rglob("*.py")]:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                texts += [node.value, re.sub(" {2,}", " ", node.value)]
            elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
                texts.append(node.target.id.replace("_", " "))
    return "\n".join(texts)


def test_no_phrase_is_kept_that_nobody_says() -> None:
    """A sentence that was reworded, or went, takes its translation along: half of its word pairs are in the code."""
    said_somewhere = set(pairs(spoken_in_code()))
    phrases = {english: pairs(english) for english, _ in read("tr")}
    assert not [text for text, of in phrases.items() if of and 2 * sum(pair in said_somewhere for pair in of) < len(of)]


def pairs(text: str) -> list[tuple[str, str]]:
    """Neighbouring words, within what stands between two places."""
    found = []
    for piece in re.split(r"\{\w+\}|\n", text):
        words = re.findall(r"[a-z']+", piece.lower())
        found += list(pairwise(words))
    return found


PLACE = re.compile(r"\{(\w+)\}")
COPIED = re.compile(
    r"`[^`]+`|--[a-z][a-z-]*|\[[a-z_.{}]+\]|\b[A-Z][A-Z0-9]*_[A-Z0-9_]*[A-Z0-9]\b|\$\{?\w+\}?|https?://[^\s,;)]*"
    rf"|\breleaseguard (?:{'|'.join(COMMANDS)})\b(?: --[a-z-]+)*"
)
"""What is typed as it stands: text in backticks, options, sections of the configuration, variables, addresses,
commands."""


def test_a_translation_has_the_places_of_its_sentence() -> None:
    wrong = [pair for pair in read("tr") if sorted(PLACE.findall(pair[0])) != sorted(PLACE.findall(pair[1]))]
    assert not wrong


def test_what_is_typed_and_every_number_is_the_same_in_a_translation() -> None:
    def facts(text: str) -> list[str]:
        bare = PLACE.sub("", text.replace("9 in 10", "onda dokuzu"))
        return sorted({fact.rstrip(".") for fact in COPIED.findall(text)} | set(re.findall(r"\d+", bare)))

    assert not [pair for pair in read("tr") if facts(pair[0]) != facts(pair[1])]


def test_no_sentence_has_two_translations_and_no_two_places_touch() -> None:
    english = [english for english, _ in read("tr")]
    assert len(english) == len(set(english))
    assert not [text for text in english if "}{" in text]


REASON = "key in gist; no data. 1 errors, not found | and: unknown"


@pytest.mark.parametrize(
    "said",
    [
        f"OPEN LEAK since 10:00Z: {typed(REASON)}",
        f"github:lovendo/app was left out ({typed(REASON)}): it still holds the old value, and breaks when that is "
        "revoked.",
        f"accepted by ada at 2026-11-24T10:15:00Z: {typed(REASON)}; it says fail: observed 1 failures",
        f"06:43  sendgrid  PROVEN  {typed(REASON)}  rot_1",
        f"next: releaseguard rotate sendgrid --leak --reason '{REASON}' --resume",
    ],
)
@pytest.mark.parametrize("tell", [TURKISH.lines, TURKISH.say, spoken.agreed])
def test_what_a_person_typed_is_said_as_it_was_typed(said: str, tell: Callable[[str], str]) -> None:
    assert REASON in tell(said)


def test_a_reason_that_a_table_cuts_or_a_line_breaks_is_not_said_either() -> None:
    assert TURKISH.lines("06:43  “key in gist…  unknown") == "06:43  “key in gist…  bilinmiyor"
    assert TURKISH.lines("next: “key in\ngist; unknown” unknown").endswith("“key in\ngist; unknown” unknown")


def test_the_heading_of_a_table_is_said_and_the_same_words_as_names_stay() -> None:
    heading = "verdict        after  deployed          environment  release"
    said_of_it = TURKISH.lines(heading)
    assert said_of_it.split() == ["karar", "süre", "yayın", "ortam", "sürüm"]
    assert [said_of_it.index(word) for word in said_of_it.split()[1:]] == [
        heading.index(word) for word in heading.split()[1:]
    ]
    assert TURKISH.lines("columns: environment, release, verdict").endswith("environment, release, verdict")


KINDS = [of for of in vars(evidence).values() if is_dataclass(of) and issubclass(of, evidence.Evidence)]
FIELDS = sorted({one.name.replace("_", " ") for of in [*KINDS, evidence.LogEvidence] for one in fields(of)})


@pytest.mark.parametrize("name", FIELDS)
def test_every_field_of_the_evidence_has_its_name_and_its_value_stays(name: str) -> None:
    for value in ("0.2843", '["2026-11-29T10:35:00.000000Z", "x"]', '{"events": 3, "errors": 0}'):
        told = TURKISH.say(f"{name}: {value}")
        assert told.endswith(f": {value}")
        assert not told.startswith(f"{name}:")


TO_DO = [
    text.value
    for function in ast.walk(ast.parse(inspect.getsource(summary)))
    if isinstance(function, ast.FunctionDef) and function.name in {"_to_do", "_after_a_failure", "_after_a_warning"}
    for text in ast.walk(function)
    if isinstance(text, ast.Constant) and isinstance(text.value, str) and text.value.strip(" ,")
]


@pytest.mark.parametrize("text", TO_DO)
def test_what_to_do_after_a_verdict_is_said_whole(text: str) -> None:
    told = TURKISH.say(text.strip(" ,"))
    assert not set(re.findall(r"[a-z]+", text)) & set(re.findall(r"[a-zçğıöşü]+", told))


@pytest.mark.parametrize(
    ("english", "turkish"),
    [
        ("no changes: sendgrid (A and B), paytr", "değişiklik yok: sendgrid (A ve B), paytr"),
        (
            "sendgrid: a drop by 50%: found 3 of 4, 9 in 10 within 5 min",
            "sendgrid: %50 düşüş: 4 denemeden 3 tanesi bulundu, onda dokuzu 5 dk içinde",
        ),
        ("3 releases (1 good, 2 bad)", "3 sürüm (1 iyi, 2 kötü)"),
        (
            "missing: github:o/r: 0 of 3 successes with the new version",
            "eksik: github:o/r: yeni versiyonla gereken 3 başarıdan 0 tanesi var",
        ),
        (
            "vercel:p: PATCH /v9/env answered 500 (4 times); whether it took effect is unknown",
            "vercel:p: PATCH /v9/env 500 yanıtını verdi (4 kez); etkili olup olmadığı bilinmiyor",
        ),
        (
            "Set the new value as the signing key of the webhooks in the dashboard's settings",
            "Set the new value as the signing key of the webhooks in the dashboard's settings",
        ),
        ("no destination of sendgrid is called idle", "sendgrid için idle adında bir hedef yok"),
    ],
)
def test_what_a_command_lists_is_said_in_the_order_of_its_language(english: str, turkish: str) -> None:
    assert TURKISH.say(english) == turkish


CONFIRM = "then confirm it: releaseguard rotate sendgrid --confirm-revoked"
BEFORE_REVOKING = [
    "Last seen with the old value: nightly, web (vercel:prj_1/production). Deploy or restart that first. Not seen with "
    "the new value yet: cron. See that it is there first. Wait until 17:31Z, an hour after the old value was used "
    f"last. Revoke the old value (version 1 of A and version 1 of B) at https://x.com/y, {CONFIRM}",
    "Grade B shows the new deployment, and not the value in it: see that it was not built with the variables of the "
    f"one before, as some redeployments are. Revoke version 1 of KEY at the provider, {CONFIRM}",
    "See whether somebody has to approve it: https://github.com/x/y/runs/1. Then: releaseguard rotate x --resume",
    "attacker uses the value that leaked, and no sources name it. If it is not yours, revoke that value at "
    "https://x.com/y now, then: releaseguard rotate x --confirm-revoked --despite-use. If it is yours, deploy or "
    "restart it, then look again: releaseguard rotate x --resume",
    "web gets 'not allowed' in 1 of 3 uses, no more than in the day before (12 of 47): that says nothing "
    "about the key.",
]


@pytest.mark.parametrize("text", BEFORE_REVOKING)
def test_what_to_know_before_revoking_is_turkish_throughout(text: str) -> None:
    assert not re.search(r"\b(the|that|then|and|is|of|see|it|to)\b", TURKISH.lines(text).casefold()), TURKISH.lines(
        text
    )


def test_what_a_card_says_in_both_languages_is_said_as_the_card_says_it() -> None:
    book = phrasebook.phrasebook.__wrapped__("tr")
    book.learn({"Make a key; keep the scopes. Then store it.": "Anahtar yap; yetkiler aynı. Sonra sakla."})
    said = book.say("Revoke it at the provider. Make a key; keep the scopes. Then store it. https://console.example")
    assert "Anahtar yap; yetkiler aynı. Sonra sakla. https://console.example" in said
