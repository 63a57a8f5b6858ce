"""The worked examples of docs/verdicts.md: every number in them is computed here and must stand there."""

from __future__ import annotations

import math
from pathlib import Path

import pytest

from releaseguard.stats.baseline import USUAL_SHARE_VARIANCE, ErrorBaseline
from releaseguard.stats.bounds import beta_cdf, clean_trials_needed, likelihood_ratio
from releaseguard.stats.evidence.errors import ErrorProcess
from releaseguard.stats.evidence.volumes import DROP, ONSET_EVERY, Others, volume_evidence
from releaseguard.stats.final_look import chance_of_errors, kept_for_the_end
from releaseguard.verification.judge.traffic import SETTLED
from releaseguard.verification.judge.verdicts import LEAST_CONFIDENCE, PASS_PRIOR, PASS_RATIO

TEXT = (Path(__file__).parents[2] / "docs" / "verdicts.md").read_text(encoding="utf-8")


def stands(*words: str) -> None:
    for word in words:
        assert word in TEXT, word


def test_first_example_errors_that_fail_a_release() -> None:
    share = 80 / 10_000
    weight = 1 / (1 / 10_000 + USUAL_SHARE_VARIANCE * share / (1 - share))
    usual = ErrorBaseline(10_000, 80, share, weight, 0)
    now = 1.0 - kept_for_the_end(600)
    process = ErrorProcess(share, weight, 60, expected=600, needed=800 / now)
    values = [process.look([])]
    values.extend(process.look([(minute, 10, 4)]) for minute in (1, 2, 3))
    of_eight = [now * value / 8 for value in values]
    stands(f"reach {800 / now:.0f} for")
    stands(f"{weight:,.0f} events", f"{usual.bound:.2%}", *(f"{value:,.0f}" for value in values[1:]))
    stands(*(f"{value:,.1f}" for value in of_eight[1:]))
    assert of_eight[2] < 100 <= of_eight[3]


def test_second_example_a_silence() -> None:
    def evidence(minutes: int, others_per_minute: float) -> float:
        running = range(minutes + 1)
        return volume_evidence(
            [0] * (minutes + 1),
            [0.5 * m for m in running],
            change=DROP,
            variance=0.03,
            dispersion=1.0,
            others=Others([others_per_minute * m for m in running], [1.5 * m for m in running], 0.015),
            onsets=range(0, minutes - SETTLED + 1, ONSET_EVERY),
            slots=12,
        ).value

    part = (1.0 - kept_for_the_end(0.5 * 60)) / 4
    broken, idle = evidence(24, 1.5), evidence(24, 0.0)
    stands(f"{math.exp(-12):.6f}", f"{broken:,.0f}", f"{part * broken:,.0f}", f"{idle:.1f}")
    assert part * broken >= 100 > part * idle
    assert part * evidence(12, 1.5) < 100


@pytest.mark.parametrize(("events", "errors", "passes"), [(40, 0, True), (60, 1, True), (60, 3, False)])
def test_third_example_a_pass(events: int, errors: int, passes: bool) -> None:
    share, limit = 0.01, 0.06
    prior = min(PASS_PRIOR, events)
    sure = beta_cdf(limit, errors + prior * share, events - errors + prior * (1 - share))
    likelier = math.exp(likelihood_ratio(errors, events, share, limit))
    stands(f"{errors} of {events}", f"{sure:.1%}", f"| {likelier:.1f} |")
    assert (sure >= 0.95 and likelier <= PASS_RATIO) is passes


def test_third_example_how_much_is_needed() -> None:
    stands(f"{clean_trials_needed(0.06, LEAST_CONFIDENCE)} events", f"{clean_trials_needed(0.05, 0.95)} clean")
    ten = 1 - 0.05 ** (1 / 10)
    stands(f"{ten:.0%}")


def test_fourth_example_a_harm_too_slow_for_any_minute() -> None:
    allowed = 0.01 * kept_for_the_end(60) / 8
    chances = {errors: chance_of_errors(errors, 58, 0.01, 1000.0) for errors in (3, 4, 5)}
    stands(f"{allowed:.4%}", *(f"{errors} of 58 | {chance:.3%}" for errors, chance in chances.items()))
    assert chances[5] <= allowed < chances[4]
    process = ErrorProcess(0.01, 1000.0, 60, expected=60, needed=800 / (1 - kept_for_the_end(60)))
    slow = [process.look([(minute, 1, minute % 12 == 5)]) for minute in range(1, 59)]
    stands(f"is {slow[-1]:,.0f} then")
    assert max(slow) < 1600
