"""The three worked examples of docs/verdicts.md: every number in them is computed here and must stand there."""

from __future__ import annotations

import math
from pathlib import Path

import pytest

from releaseguard.verification.baseline import USUAL_SHARE_VARIANCE, ErrorBaseline
from releaseguard.verification.bounds import beta_cdf, clean_trials_needed, likelihood_ratio
from releaseguard.verification.evidence import DROP, ErrorProcess, Others, volume_evidence
from releaseguard.verification.judge import LEAST_CONFIDENCE, ONSET_EVERY, PASS_PRIOR, PASS_RATIO, SETTLED

TEXT = (Path(__file__).parents[2] / "docs" / "verdicts.md").read_text(encoding="utf-8")


def stands(*words: str) -> None:
    for word in words:
        assert word in TEXT, word


def test_first_example_errors_that_fail_a_release() -> None:
    share = 80 / 10_000
    weight = 1 / (1 / 10_000 + USUAL_SHARE_VARIANCE * share / (1 - share))
    usual = ErrorBaseline(10_000, 80, share, weight, 0)
    process = ErrorProcess(share, weight, 60, expected=600, needed=800)
    values = [process.look([])]
    values.extend(process.look([(minute, 10, 4)]) for minute in (1, 2, 3))
    of_eight = [value / 8 for value in values]
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

    broken, idle = evidence(24, 1.5), evidence(24, 0.0)
    stands(f"{math.exp(-12):.6f}", f"{broken:,.0f}", f"{broken / 4:,.0f}", f"{idle:.1f}")
    assert broken / 4 >= 100 > idle / 4
    assert evidence(12, 1.5) / 4 < 100


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
