"""What is undecided while more fails, or less comes, than may: nothing goes on then, whatever the card says."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from releaseguard.model import Event, Verdict
from releaseguard.stats.cusum import RecoveryCusum
from releaseguard.stats.evidence.errors import against_incident
from releaseguard.stats.evidence.laws import KnownShare
from releaseguard.stats.evidence.split import Expected
from releaseguard.verification.judge.verdicts import falls_short, outgrows, undecided_of
from releaseguard.verification.judge.weighing.trouble import Doubt, PriorTrouble
from releaseguard.verification.values import Rule
from tests.support.verifying import NOON, judge, mark, row, steady, stored

ERRORS = Rule(id="mail.errors", provider="mail", kind="signal", success=frozenset({"ok"}), error=frozenset({"bad"}))
VOLUME = Rule(id="mail.volume", provider="mail", kind="volume", success=frozenset({"ok"}), max_drop=0.5)


def _incident(bad: int, events: int, *, level: float = 0.31, value: float = 5.0) -> bool:
    """An incident from before at this level, under which so many of the release's events fail, all in other minutes."""
    minutes = {minute: (1, int(minute < bad)) for minute in range(events)}
    trouble = SimpleNamespace(
        process=SimpleNamespace(value=value), counted=(events, bad), level=KnownShare(level, 20.0), minutes=minutes
    )
    state: Any = SimpleNamespace(known=SimpleNamespace(errors={ERRORS.id: SimpleNamespace(share=0.03)}))
    return outgrows(state, SimpleNamespace(trouble=trouble, rule=ERRORS))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("bad", "more", "blocks"),
    [
        (42, {}, True),
        (18, {}, False),
        (42, {"value": 0.9}, False),
        (4, {"level": 0.05}, False),
        (8, {"level": 0.05}, True),
    ],
    ids=["twice its level", "its level", "what does not lean towards harm", "less than the card's", "more than both"],
)
def test_an_incident_is_outgrown_by_more_than_its_level_and_the_cards(
    bad: int, more: dict[str, float], blocks: bool
) -> None:
    assert _incident(bad, 64, **more) is blocks


def _rolled_back(outcomes: str) -> str:
    """A roll-back amid an incident of 60%: an event a minute, of which ``x`` failed."""
    level = KnownShare(0.6, 50.0)
    trouble = PriorTrouble(
        level=level,
        process=against_incident(level, 60, needed=1000.0),
        recovery=RecoveryCusum(0.02, 0.6),
        after=cast("Doubt", None),
    )
    trouble.look([(minute, 1, int(one == "x")) for minute, one in enumerate(outcomes)])
    held = SimpleNamespace(trouble=trouble, rule=ERRORS, at_times={})
    state: Any = SimpleNamespace(
        errors={ERRORS.id: held},
        rolls_back=True,
        harmed={},
        known=SimpleNamespace(errors={ERRORS.id: SimpleNamespace(share=0.02, events=500)}, traffic={}),
    )
    return undecided_of(state, ERRORS)


@pytest.mark.parametrize(
    ("outcomes", "says"),
    [("xx.x.xxx.." * 4, "block"), ("xx.x.xxx...." * 3, "block"), ("x" + "." * 20, "warn"), ("." * 12, "warn")],
    ids=["it goes on", "and had a lucky run", "it ended", "it ended at once"],
)
def test_a_roll_back_goes_on_only_where_the_trouble_has_likely_ended(outcomes: str, says: str) -> None:
    assert _rolled_back(outcomes) == says


def _canary(own: float, every: float, *, expected: float = 58.0, leans: float = 2.4) -> bool:
    """A canary of 44% made so many of the events of which so many were expected of everybody."""
    split = Expected(own, every, 0.44, 35.0)
    volume = SimpleNamespace(value=0.7, split=split, split_value=leans, judged=round(every), expected=expected)
    state: Any = SimpleNamespace(
        volumes={VOLUME.id: volume},
        known=SimpleNamespace(volumes={VOLUME.id: SimpleNamespace(dispersion=1.0)}),
        renamed=lambda _rule: Counter[str](),
        strayed=SimpleNamespace(providers={}),
        traffic=SimpleNamespace(share=lambda _start, _end: 0.44),
        elapsed=60,
        rows_per_action=lambda _rule: None,
    )
    return falls_short(state, VOLUME)


@pytest.mark.parametrize(
    ("own", "every", "leans", "blocks"),
    [(6, 27, 2.4, True), (6, 27, 0.9, False), (14, 27, 2.4, False), (2, 20, 2.4, True)],
    ids=["a quarter of its part", "not leaning", "more than half of it", "next to nothing"],
)
def test_a_canary_falls_short_of_its_part_of_what_was_to_come(
    own: float, every: float, leans: float, blocks: bool
) -> None:
    assert _canary(own, every, leans=leans) is blocks


@pytest.mark.parametrize(
    ("before", "verdict"), [(-9, Verdict.INCONCLUSIVE), (-200, Verdict.WARN)], ids=["in its window", "long before"]
)
def test_trouble_of_the_release_whose_window_this_one_ended_blocks_while_it_goes_on(
    before: float, verdict: Verdict, tmp_path: Path
) -> None:
    """It is a hotfix that does not help, or the same harm once more. Of an incident beside it nobody is held up."""
    usual = [*steady(every=0.5), *steady(("openai_completion_ok",), provider="openai", every=0.5, until=-8)]
    failing = [row(n / 2, "openai_error", provider="openai", ok=False, error_code="500") for n in range(-16, 60)]
    tagged = [replace(one, release="bad") if before <= _minute(one) < 0 else one for one in [*usual, *failing]]
    judged = judge(stored(tmp_path / "log.db", [*tagged, mark(-4000, "r0"), mark(before, "bad"), mark()]))
    assert judged.verdict is verdict, judged.findings


@pytest.mark.parametrize(
    ("before", "verdict"), [(-25, Verdict.INCONCLUSIVE), (-200, Verdict.WARN)], ids=["in its window", "long before"]
)
def test_a_silence_under_the_release_whose_window_this_one_ended_blocks_while_it_goes_on(
    before: float, verdict: Verdict, tmp_path: Path
) -> None:
    usual = [*steady(every=0.5), *steady(("openai_completion_ok",), provider="openai", every=0.5)]
    some = [one for n, one in enumerate(usual) if one.provider != "openai" or _minute(one) < -20 or n % 30 == 0]
    tagged = [replace(one, release="bad") if before <= _minute(one) < 0 else one for one in some]
    judged = judge(stored(tmp_path / "log.db", [*tagged, mark(-4000, "r0"), mark(before, "bad"), mark()]))
    assert judged.verdict is verdict, judged.findings


def _minute(one: Event) -> float:
    return (one.occurred_at - NOON) / timedelta(minutes=1)
