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
from releaseguard_events.scrub.scrubber import Scrubber
from releaseguard_events.scrub.services import SERVICES
from tests.support import typescript

SAMPLES = Path(__file__).parents[1] / "writer" / "data" / "scrub.jsonl"
SCRIPT = Path(__file__).parent / "scripts" / "scrub.mjs"
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


@pytest.mark.parametrize("form", [form for _, form in SERVICES])
def test_a_form_of_a_services_key_that_python_knows_is_known(form: str) -> None:
    assert f"raw`{form}`" in SOURCE


def test_the_names_of_our_own_events_are_the_same() -> None:
    listed = re.search(r"const OUR_EVENTS = \S+ \S+ \S+ words\(([^)]*)\)", SOURCE)
    assert listed is not None
    assert frozenset(" ".join(re.findall(r'"([^"]*)"', listed[1])).split()) == OUR_EVENTS
