"""The one test at the end of the window: exact laws, its share of the promise, and what it finds."""

from __future__ import annotations

import math
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from releaseguard.model import Verdict
from releaseguard.stats.evidence.volumes import DROP, Others, VolumeChange, common_level, rise, tolerated_mean
from releaseguard.stats.final_look import (
    ErrorTest,
    chance_of_errors,
    chance_of_volume,
    last_look,
    lasting,
    shared_out,
)
from releaseguard.stats.series import Cell, Ledger
from releaseguard.verification.explain.finding import explain
from releaseguard.verification.judge.checklist import kept, weight
from releaseguard.verification.judge.replay import Replay
from releaseguard.verification.judge.state import ReleaseState
from releaseguard.verification.judge.verdicts import verdict_of
from releaseguard.verification.values import Deployment, Promise, Rule

DEPLOYED = 29_000_000
WINDOW = 60
OK, ERROR = frozenset({"mail_sent"}), frozenset({"mail_error"})
ERRORS = Rule(id="mail.errors", provider="mail", kind="signal", success=OK, error=ERROR, grace_minutes=1)
VOLUME = Rule(id="mail.volume", provider="mail", kind="volume", success=OK)
RULES = [ERRORS, VOLUME]
ALONE = Others([0.0] * 61, [0.0] * 61, 0.01)


# -- the laws ---------------------------------------------------------------------------------------------------


def polya(bad: int, total: int, share: float, weight: float) -> float:
    chance = float(math.comb(total, bad))
    for i in range(total):
        of, seen = (share * weight, i) if i < bad else ((1 - share) * weight, i - bad)
        chance *= (of + seen) / (weight + i)
    return chance


@pytest.mark.parametrize(
    ("events", "share", "weight"), [(1, 0.02, 30), (12, 0.01, 500), (60, 0.05, 2000), (60, 0.3, 8)]
)
def test_chance_of_errors_is_the_tail_of_the_beta_binomial_law(events: int, share: float, weight: float) -> None:
    for errors in range(math.floor(events * share) + 1, events + 1):
        exact = math.fsum(polya(k, events, share, weight) for k in range(errors, events + 1))
        assert chance_of_errors(errors, events, share, weight) == pytest.approx(exact, rel=1e-6)


def test_no_more_errors_than_usual_are_never_rare() -> None:
    assert chance_of_errors(0, 0, 0.02, 100) == chance_of_errors(0, 500, 0.02, 100) == 1.0
    assert chance_of_errors(10, 500, 0.02, 100) == 1.0


@given(
    events=st.integers(1, 200), share=st.floats(0.0005, 0.4), weight=st.floats(2, 1e5), allowed=st.floats(1e-6, 0.05)
)
def test_errors_are_called_too_rare_no_more_often_than_allowed(
    events: int, share: float, weight: float, allowed: float
) -> None:
    rejected = [k for k in range(events + 1) if chance_of_errors(k, events, share, weight) <= allowed]
    assert math.fsum(polya(k, events, share, weight) for k in rejected) <= allowed * (1 + 1e-6)


def negative_binomial(count: int, shape: float, rate: float, usual: float) -> float:
    return math.exp(
        math.lgamma(shape + count)
        - math.lgamma(shape)
        - math.lgamma(count + 1)
        + shape * math.log(rate / (rate + usual))
        + count * math.log(usual / (rate + usual))
    )


@pytest.mark.parametrize("change", [DROP, rise(3.0)])
@pytest.mark.parametrize("count", [0, 3, 10, 25])
def test_chance_of_a_volume_is_the_tail_of_the_negative_binomial_law(change: VolumeChange, count: int) -> None:
    level = common_level(0.05, ALONE, 0)
    rate = level.shape / tolerated_mean(level, change)
    found = chance_of_volume([count], [10.0], change=change, variance=0.05, dispersion=1.0, others=ALONE)
    below = range(count + 1) if change is DROP else range(count)
    tail = math.fsum(negative_binomial(k, level.shape, rate, 10.0) for k in below)
    assert found == pytest.approx(tail if change is DROP else 1.0 - tail, rel=1e-6)


def test_where_the_others_fell_too_a_drop_is_not_rare() -> None:
    away = Others([0.5 * m for m in range(61)], [2.0 * m for m in range(61)], 0.01)
    usual = Others([2.0 * m for m in range(61)], [2.0 * m for m in range(61)], 0.01)
    asked = {"change": DROP, "variance": 0.02, "dispersion": 1.0}
    alone = chance_of_volume([15], [60.0], others=usual, **asked)  # type: ignore[arg-type]
    together = chance_of_volume([15], [60.0], others=away, **asked)  # type: ignore[arg-type]
    assert alone < 1e-6
    assert together > 0.1


@pytest.mark.parametrize(
    ("minutes", "errors"), [([], 0), ([0, 0, 7], 1), ([50, 50], 2), ([1, 1, 1, 1], 4), ([9, 3, 2, 2, 0], 6)]
)
def test_the_two_worst_minutes_count_for_one_error_each(minutes: list[int], errors: int) -> None:
    assert lasting(minutes) == errors


def test_where_few_events_come_two_errors_of_a_minute_count() -> None:
    assert lasting([2, 0, 1], most=2) == 3
    assert lasting([7, 0, 1], most=2) == 3


TESTS = st.builds(
    ErrorTest,
    events=st.integers(0, 300),
    share=st.floats(0.001, 0.2),
    weight=st.floats(50, 5000),
    allowed=st.sampled_from([0.0004, 0.001, 0.003]),
)


@given(st.lists(TESTS, max_size=5))
def test_what_whole_numbers_leave_unused_is_given_away_and_no_more(tests: list[ErrorTest]) -> None:
    """Whatever arrived, all tests together reject with at most what they are allowed, and none is left with less."""
    allowed = shared_out(tests)
    assert all(now >= test.allowed for now, test in zip(allowed, tests, strict=True))
    used = 0.0
    for now, test in zip(allowed, tests, strict=True):
        rejected = [chance for k in range(test.events + 1) if (chance := test.chance(k)) <= now]
        used += max(rejected, default=0.0)
    assert used <= sum(test.allowed for test in tests) * (1 + 1e-9)


def test_a_check_takes_what_another_cannot_use() -> None:
    """Four errors of 50 are too rare by themselves only where the other check, of two events, needs nothing."""
    busy, quiet = ErrorTest(50, 0.009, 2000.0, 0.001), ErrorTest(2, 0.04, 2000.0, 0.001)
    assert busy.allowed < busy.chance(4) <= 0.002
    assert shared_out([busy]) == [busy.allowed]
    assert shared_out([busy, quiet])[0] >= busy.chance(4)


@pytest.mark.parametrize(("window", "minute"), [(1, 0), (10, 9), (30, 29), (60, 59), (1440, 1416)])
def test_the_last_look_comes_before_the_window_ends(window: int, minute: int) -> None:
    assert last_look(window) == minute


# -- what it finds ----------------------------------------------------------------------------------------------


def cell(offset: int, ok: bool = True, *, release: str = "new", total: int = 1) -> Cell:
    at = DEPLOYED + offset
    return Cell(at, at, "mail", "mail_sent" if ok else "mail_error", ok, release, False, False, total, 0)


def history() -> list[Cell]:
    """A week of one event a minute, one in a hundred an error."""
    return [cell(m, m % 100 != 0, release="old") for m in range(-7 * 1440, 0)]


def slow_harm() -> list[Cell]:
    """Every thirteenth event fails: seven points above the usual, and never two in a row."""
    return [cell(m, m % 13 != 5) for m in range(WINDOW)]


def replay(
    cells: list[Cell], *, minutes: int = WINDOW, followed: int | None = None, rules: list[Rule] = RULES
) -> ReleaseState:
    ledger = Ledger([r.reading for r in rules], [DEPLOYED], WINDOW)
    ledger.add([*history(), *cells])
    at, then = (datetime.fromtimestamp((DEPLOYED + m) * 60, UTC) for m in (0, followed or 0))
    deployment = Deployment(
        release="new", environment="production", deployed_at=at, followed_at=then if followed else None
    )
    found = Replay(ledger, rules, deployment, Promise(window_minutes=WINDOW))
    found.look(DEPLOYED + minutes)
    return found.state


def test_a_slow_steady_rise_fails_at_the_last_look_and_not_before() -> None:
    before, after = replay(slow_harm(), minutes=58), replay(slow_harm())
    assert verdict_of(before, ERRORS) is Verdict.INCONCLUSIVE
    assert verdict_of(after, ERRORS) is Verdict.FAIL
    assert after.failed == {"mail.errors": DEPLOYED + 59}
    assert after.evidence < after.threshold <= after.peak


def test_the_failure_says_how_rare_that_is_and_how_rare_it_had_to_be() -> None:
    found = explain(replay(slow_harm()), ERRORS)
    said = found.evidence.last_look
    assert said.at.startswith("2025-")
    assert 0 < said.probability <= said.needed < 0.01
    assert "at the window's last look" in found.reason
    assert f"needed at most {said.needed:.2%}" in found.reason
    assert explain(replay(slow_harm(), minutes=58), ERRORS).evidence.last_look is None


def test_a_window_that_a_following_deployment_ended_has_no_last_look() -> None:
    """A roll-back answers to what was seen: a test at a time that depends on the rows keeps no promise."""
    found = replay(slow_harm(), followed=50)
    assert found.final_looks == {}
    assert found.failed == {}


def test_rows_recorded_after_the_last_look_change_nothing_about_it() -> None:
    late = [cell(m, False)._replace(recorded=DEPLOYED + 70) for m in range(2, 50, 2)]
    calm = [cell(m) for m in range(WINDOW)]
    assert replay([*calm, *late], minutes=100).final_looks["mail.errors"].chance == 1.0


def test_a_lost_half_of_the_volume_fails_at_the_last_look_at_the_latest() -> None:
    found = replay([cell(m) for m in range(0, WINDOW, 4)])
    assert "mail.volume" in found.failed
    assert found.final_looks["mail.volume"].fails


def test_a_burst_of_two_minutes_is_nothing_at_the_last_look_either() -> None:
    calm = [cell(m, total=50) for m in range(WINDOW) if m not in {20, 21}]
    burst = [cell(m, False, total=50) for m in (20, 21)]
    found = replay([*calm, *burst])
    assert "mail.errors" not in found.failed
    assert found.final_looks["mail.errors"].chance > 0.01


def test_what_is_kept_for_the_end_and_what_is_not_add_up_to_the_promise() -> None:
    for cells in (slow_harm(), []):
        found = replay(cells)
        at_the_end = sum(look.allowed for look in found.final_looks.values())
        whole = sum(weight(found, rule) for rule in RULES)
        spent = sum(weight(found, rule) * (1 - kept(found, rule)) for rule in RULES) / whole / found.threshold
        assert at_the_end + spent == pytest.approx(0.01)
        assert at_the_end > 0


def test_a_check_that_may_only_warn_takes_nothing_from_those_that_block() -> None:
    warning = replace(ERRORS, id="mail.warning", blocking=False)
    alone, beside = replay(slow_harm()), replay(slow_harm(), rules=[*RULES, warning])
    assert beside.final_looks["mail.errors"] == alone.final_looks["mail.errors"]
    assert verdict_of(beside, warning) is Verdict.WARN
