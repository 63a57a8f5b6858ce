"""How good the rules are, on samples that were labelled independently of them."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from releaseguard_events.plain import plain
from releaseguard_events.scrub.scrubber import Scrubber, kinds_in

SAMPLES = Path(__file__).parent / "data" / "scrub.jsonl"
"""454 samples, collected and labelled without knowledge of the rules and frozen before these were written: one JSON
object a line, with what must not survive (``secret``) and what must (``keep``). Every key, number and name in it is
made up. A sample counts once, however many pieces of it survive."""
SHA256 = "ada9e6c6c4eea9aa7d7239b405a55c553af03bbd17cde3618c9559698500e571"

SCRUBBER = Scrubber()


@dataclass(frozen=True)
class Score:
    """Of samples with something to hide: how many hide it. Of all that were changed or should have been: how many lost
    nothing that must stay."""

    recall: float
    precision: float
    negatives: float


def samples() -> list[dict[str, Any]]:
    return [json.loads(line) for line in SAMPLES.read_text(encoding="utf-8").splitlines()]


def scrubbed(sample: dict[str, Any]) -> str:
    if sample["form"] == "text":
        return SCRUBBER.text(sample["value"])
    return "\n".join(scalars(SCRUBBER.json(plain(sample["value"]))))


def scalars(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        for key, item in value.items():
            yield key
            yield from scalars(item)
    elif isinstance(value, list):
        for item in value:
            yield from scalars(item)
    else:
        yield str(value)


def score(chosen: list[dict[str, Any]]) -> Score:
    leaked = [sample for sample in chosen if any(secret in scrubbed(sample) for secret in sample["secret"])]
    lost = [sample for sample in chosen if any(kept not in scrubbed(sample) for kept in sample["keep"])]
    positives = [sample for sample in chosen if sample["secret"]]
    negatives = len(chosen) - len(positives)
    hidden = len(positives) - len(leaked)
    spoiled = sum(not sample["secret"] for sample in lost)
    return Score(hidden / len(positives), hidden / (hidden + len(lost)), 1 - spoiled / negatives)


def is_held_out(sample: dict[str, Any]) -> bool:
    """Half of the samples, by a hash of their ids, was not looked at while the rules were written."""
    return hashlib.sha256(sample["id"].encode()).digest()[0] % 2 == 1


def test_the_samples_are_the_frozen_ones() -> None:
    assert hashlib.sha256(SAMPLES.read_bytes()).hexdigest() == SHA256


def test_recall_and_precision_on_all_samples() -> None:
    found = score(samples())
    assert found.recall >= 0.97
    assert found.precision >= 0.98
    assert found.negatives >= 0.98


def test_recall_and_precision_on_the_half_that_nobody_looked_at() -> None:
    found = score([sample for sample in samples() if is_held_out(sample)])
    assert found.recall >= 0.95
    assert found.precision >= 0.97


def test_the_privacy_check_finds_what_the_scrubber_masks_and_nothing_in_what_it_left() -> None:
    for sample in samples():
        before = plain(sample["value"])
        after = SCRUBBER.json(before)
        assert bool(kinds_in(before)) == (before != after), sample["id"]
        assert not kinds_in(after), sample["id"]
