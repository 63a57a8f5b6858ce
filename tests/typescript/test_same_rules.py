"""The TypeScript writer keeps secrets and personal data out as the Python writer does: same samples, same marks."""

from __future__ import annotations

import json
import random
import re
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from releaseguard_events.ours import OUR_EVENTS
from releaseguard_events.scrub import keys
from releaseguard_events.scrub.scrubber import Scrubber
from releaseguard_events.scrub.services import SERVICES
from tests.support import typescript

SAMPLES = Path(__file__).parents[1] / "writer" / "data" / "scrub.jsonl"
SCRIPT = Path(__file__).parent / "scripts" / "scrub.mjs"
ALLOWED = Path(__file__).parent / "scripts" / "allowed.mjs"
SOURCE = (typescript.PACKAGE / "integration-log.ts").read_text(encoding="utf-8")


def samples() -> list[dict[str, Any]]:
    """The labelled set that the Python writer is held against; ``tests/writer/test_scrub_labels.py`` says whose."""
    return [json.loads(line) for line in SAMPLES.read_text(encoding="utf-8").splitlines()]


def scrubbed(built: typescript.Built, values: Iterable[Any]) -> list[Any]:
    """The values as the TypeScript writer leaves them."""
    given = built.folder / "values.jsonl"
    given.write_text("\n".join(json.dumps(value) for value in values), encoding="utf-8")
    said = typescript.execute("node", SCRIPT, built.file("node").as_uri(), str(given))
    return [json.loads(line) for line in said.splitlines()]


def scalars(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        for key, item in value.items():
            yield key
            yield from scalars(item)
    elif isinstance(value, list):
        for item in value:
            yield from scalars(item)
    else:
        yield value if isinstance(value, str) else json.dumps(value)


def test_recall_and_precision_on_the_labelled_samples(built: typescript.Built) -> None:
    chosen = samples()
    texts = ["\n".join(scalars(value)) for value in scrubbed(built, [sample["value"] for sample in chosen])]
    positives = sum(bool(sample["secret"]) for sample in chosen)
    hidden = sum(
        bool(sample["secret"]) and not any(secret in text for secret in sample["secret"])
        for sample, text in zip(chosen, texts, strict=True)
    )
    lost = sum(any(kept not in text for kept in sample["keep"]) for sample, text in zip(chosen, texts, strict=True))
    assert hidden / positives >= 0.98
    assert hidden / (hidden + lost) >= 0.98


def pieces(values: Sequence[Any]) -> list[str]:
    return [piece for value in values for text in scalars(value) for piece in re.split(r"(\W)", text) if piece]


def mixtures(number: int) -> Iterator[Any]:
    """Texts and details made of what the samples are made of: no rule was written with them in mind."""
    chance = random.Random(20261124)
    values = [sample["value"] for sample in samples()]
    parts, texts = pieces(values), [text for value in values for text in scalars(value)]
    for _ in range(number):
        yield "".join(chance.choices(parts, k=chance.randint(2, 14)))
        yield {chance.choice(texts)[:60]: chance.choice(texts), chance.choice(parts): chance.randint(0, 10**12)}


def test_both_writers_leave_the_same(built: typescript.Built) -> None:
    values = [sample["value"] for sample in samples()] + list(mixtures(1_500))
    python = Scrubber()
    for value, found in zip(values, scrubbed(built, values), strict=True):
        assert found == (python.text(value) if isinstance(value, str) else python.json(value)), value


def test_of_a_clients_log_nothing_leaks_and_what_it_sends_the_other_would_send_too(built: typescript.Built) -> None:
    """Whatever the app declares: here it is every key that there is."""
    labelled = samples()
    mixed = [value if isinstance(value, dict) else {"note": value} for value in mixtures(1_500)]
    details = [one["value"] if isinstance(one["value"], dict) else {"note": one["value"]} for one in labelled] + mixed
    texts = sorted({piece for detail in details for text in scalars(detail) for piece in (text, *text.split())})
    given = built.folder / "details.json"
    given.write_text(json.dumps([details, texts]), encoding="utf-8")
    said = typescript.execute("node", ALLOWED, built.file("node").as_uri(), str(given))
    sent, sent_texts, differ = json.loads(said)
    for sample, detail in zip(labelled, sent, strict=False):
        assert not any(secret in json.dumps(detail, ensure_ascii=False) for secret in sample["secret"]), sample
    assert differ == []
    assert min(sum(map(len, sent)), len(sent_texts)) > 100


def test_a_clients_log_takes_no_key_that_names_a_secret_or_a_person(built: typescript.Built) -> None:
    phrases = {" ".join(words) for words in keys._SUFFIXES} | keys._SECRET_WORDS | keys.PEOPLE | set(keys._SINGLE)
    phrases |= {f"{owner} {ending}" for ending, owners in keys._ENDINGS for owner in owners}
    named = sorted(phrase for phrase in phrases if keys.kind_of_key(phrase.replace(" ", "_")))
    forms = [(phrase.replace(" ", "_"), phrase.title().replace(" ", "")) for phrase in named]
    details = [{key: 7} for pair in forms for key in pair]
    harmless = [{key: 7} for key in ("template", "status_code", "errorCode", "zoom", "platform", "latency")]
    given = built.folder / "keys.json"
    given.write_text(json.dumps([details + harmless, []]), encoding="utf-8")
    sent = json.loads(typescript.execute("node", ALLOWED, built.file("node").as_uri(), str(given)))[0]
    assert [one for one, left in zip(details, sent, strict=False) if left != {"left_out": 1}] == []
    assert len(details) > 400
    assert sent[len(details) :] == harmless


@pytest.mark.parametrize("form", [form for _, form in SERVICES])
def test_a_form_of_a_services_key_that_python_knows_is_known(form: str) -> None:
    assert f"raw`{form}`" in SOURCE


def test_the_names_of_our_own_events_are_the_same() -> None:
    listed = re.search(r"const OUR_EVENTS = \S+ \S+ \S+ words\(([^)]*)\)", SOURCE)
    assert listed is not None
    assert frozenset(" ".join(re.findall(r'"([^"]*)"', listed[1])).split()) == OUR_EVENTS
