"""The worked examples, the budget and the formulas of docs/verdicts*.md: every number is computed and must be there."""

from __future__ import annotations

import math
from pathlib import Path

import pytest

from releaseguard.stats.baseline import USUAL_SHARE_VARIANCE, ErrorBaseline
from releaseguard.stats.bounds import beta_cdf, clean_trials_needed, likelihood_ratio
from releaseguard.stats.evidence.control import Pair, TwoSamples, tolerated_difference
from releaseguard.stats.evidence.errors import ErrorProcess, against_ceiling, against_incident
from releaseguard.stats.evidence.laws import KnownShare
from releaseguard.stats.evidence.split import Split, expected_of, split_evidence
from releaseguard.stats.evidence.volumes import DROP, ONSET_EVERY, CountedVolume, Onsets, Others, volume_evidence
from releaseguard.stats.final_look import chance_of_errors, kept_for_the_end
from releaseguard.verification.judge.checklist import VOLUME_LAST_SAY, VOLUME_SAY
from releaseguard.verification.judge.pre_deployment import INCIDENT_VARIANCE
from releaseguard.verification.judge.traffic import SETTLED
from releaseguard.verification.judge.verdicts import LEAST_CONFIDENCE, PASS_PRIOR, PASS_RATIO
from releaseguard.verification.judge.weighing.errors import CONTROL_PART, error_tests
from releaseguard.verification.judge.weighing.others import WORSE
from releaseguard.verification.judge.weighing.shares import SPLIT_PART
from releaseguard.verification.values import MAX_ERROR_RATE

DOCS = Path(__file__).parents[2] / "docs"
TEXT = "".join((DOCS / page).read_text(encoding="utf-8") for page in ("verdicts.md", "verdicts-formulas.md"))


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
        volume = CountedVolume(
            seen=[0] * (minutes + 1),
            expected=[0.5 * m for m in running],
            variance=0.03,
            dispersion=1.0,
            others=Others([others_per_minute * m for m in running], [1.5 * m for m in running], 0.015),
        )
        return volume_evidence(volume, DROP, Onsets(range(0, minutes - SETTLED + 1, ONSET_EVERY), 12)).value

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


def test_fifth_example_a_provider_without_a_history() -> None:
    process = against_ceiling(MAX_ERROR_RATE, 60, needed=1778)
    process.look([])
    first, second, third = (process.look([(minute, 5, 5)]) for minute in (1, 2, 3))
    stands(f"one minute {first:.0f}", f"two {second:,.0f}", f"three {third:,.0f}", f"ceiling of {MAX_ERROR_RATE:.0%}")


def test_sixth_example_an_incident_and_more_than_that() -> None:
    level = KnownShare(0.12, 1 / (1 / 120 + INCIDENT_VARIANCE * 0.12 / 0.88))
    worse, alike = (against_incident(level, 60, needed=1778) for _ in range(2))
    worse.look([])
    alike.look([])
    values = [worse.look([(minute, 2, 2)]) for minute in range(1, 5)]
    calm = [alike.look([(minute, 2, int(minute % 4 == 0))]) for minute in range(1, 41)]
    stands(f"from {level.weight:.0f} events", f"is {values[1]:,.0f} after two", f"{values[3]:,.0f} after four")
    stands(f"it is {calm[-1]:.2f} after forty")


def test_seventh_example_a_canary_that_loses_its_own_mails() -> None:
    split = [Split(14, 120, 160, 400)]
    found = expected_of(split)
    stands(f"from {found.weight:.0f} events", f"evidence is {split_evidence(split, 12):,.0f}")
    stands(f"where {found.share * 120:.0f} were expected")


def test_eighth_example_old_and_new_in_the_same_minutes() -> None:
    usual = KnownShare(0.01, 500.0)
    worse, alike = (TwoSamples(usual, tolerated_difference(usual)) for _ in range(2))
    values = [worse.minute(Pair(6, 0, 4, 2)) for _ in range(6)]
    same = [alike.minute(Pair(6, 3, 4, 2)) for _ in range(6)]
    stands(f"evidence is {values[2]:.0f} after three", f"{values[5]:,.0f} after six", f"it is {same[5]:.2f}:")


VOLUME_SAYS = VOLUME_SAY, VOLUME_LAST_SAY


def test_the_budget_in_figures() -> None:
    much, none = (error_tests(base_of(events), 0.2, 60, expected=60, needed=800).parts for events in (100_000, 0))
    stands(
        f"{much[0]:.1%} where it has many", f"{much[1]:.1%} where there is much history", f"{none[1]:.0%} where there"
    )
    stands(f"| {CONTROL_PART:.0%}, kept also", f"against its share | {SPLIT_PART:.0%} |", f"{1 - SPLIT_PART:.0%} |")
    few, some, many = (kept_for_the_end(events) for events in (10, 60, 600))
    stands(f"in the window {1 - few:.1f}% are for what is seen on the way and {few:.1f}% for the last look")
    stands(f"with 60 it is {1 - some:.1f}% and {some:.1f}%, with 600 {1 - many:.1f}% and {many:.1f}%")
    says = [[next(say for below, say in table if events < below) for events in (2, 10, 60)] for table in VOLUME_SAYS]
    stands(f"has {says[0][2]:.0%} of what", f"{says[0][1]:.0%} on the way and {says[1][1]:.0%} at the last look")
    stands(f"may be chance, {says[1][0]:.0%}", f"a probability of at most {WORSE:.1%} were they alike")


def base_of(events: int) -> ErrorBaseline:
    return ErrorBaseline(events, events // 100, 0.01 if events else 0.5, 1000.0 if events else 1.0, 0)
