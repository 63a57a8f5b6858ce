"""Trouble from before a release excuses its own level, in proportion to how likely there was any, and no more."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from releaseguard.model import Outcome, Verdict
from releaseguard.stats.baseline import ErrorBaseline
from releaseguard.stats.episodes import Minute, recurring
from releaseguard.stats.evidence.errors import against_trouble
from releaseguard.stats.evidence.laws import KnownShare
from releaseguard.verification.backtesting.replays import BacktestRequest, backtest_of
from releaseguard.verification.explain.finding import explain
from releaseguard.verification.judge.verdicts import undecided_of, verdict_of
from releaseguard.verification.judge.weighing.trouble import Doubt, likely
from releaseguard.verification.values import Promise
from tests.support.verifying import NOON, SHIPPED, mark, row, steady, stored
from tests.verification.test_what_a_release_is_compared_with import (
    RULES,
    WINDOW,
    Rate,
    cells,
    judged,
    only,
    said,
    whole,
)

Failing = Callable[[str, int, str], float]


def mails(before: float, after: float, since: int = -60) -> Rate:
    """Of the usual mails only a part comes since an hour before the release, and another part since it."""

    def served(provider: str, offset: int, release: str) -> float:
        part = after if offset >= 0 else before if offset >= since else 1.0
        return whole(provider, offset, release) * (part if provider == "mail" else 1.0)

    return served


def nothing(_provider: str, _offset: int, _release: str) -> float:
    return 0.0


@pytest.mark.parametrize("rate", [1, 5, 10])
@pytest.mark.parametrize(("after", "fails"), [(0.0, True), (0.1, True), (0.5, False), (1.0, False)])
def test_a_volume_that_had_halved_before_excuses_a_half_and_no_more(rate: int, after: float, fails: bool) -> None:
    failed = judged(cells(rate, nothing, served=mails(0.5, after))).state.failed
    assert ("mail.volume" in failed) is fails
    assert fails or not failed


@pytest.mark.parametrize("after", [0.0, 0.3, 1.0])
def test_a_silence_from_before_excuses_all_of_it(after: float) -> None:
    assert not judged(cells(10, nothing, served=mails(0.0, after))).state.failed


@pytest.mark.parametrize("since", [-200, -60, -15])
@pytest.mark.parametrize(("after", "fails"), [(6.0, False), (4.0, False), (40.0, True)])
def test_a_rise_from_before_excuses_its_own_level_and_no_more(since: int, after: float, fails: bool) -> None:
    limited = [replace(one, max_rise=3.0) if one.kind == "volume" else one for one in RULES]
    replay = judged(cells(1, nothing, served=mails(6.0, after, since)), rules=limited)
    assert ("mail.volume" in replay.state.failed) is fails
    assert fails or not replay.state.failed
    assert (since, after) != (-15, 6.0) or "had risen to 6.3 times" in explain(replay.state, limited[1]).reason


def test_a_rise_from_before_that_is_gone_with_the_release_is_nothing_to_go_on_with() -> None:
    limited = [replace(one, max_rise=3.0) if one.kind == "volume" else one for one in RULES]
    for before, passes in ((1.0, True), (6.0, False)):
        replay = judged(cells(10, nothing, served=mails(before, 1.0)), rules=limited)
        assert (verdict_of(replay.state, limited[1]) is Verdict.PASS) is passes
        assert (undecided_of(replay.state, limited[1]) == "block") is not passes


def comes_and_goes(seed: int, level: float) -> Failing:
    """Stretches of 8 to 20 minutes with trouble and without, from three hours before; the mark lies in a quiet one."""
    rng, spans, end = random.Random(seed), [], 0
    while end < 400:
        begins = end + rng.randint(8, 20)
        end = begins + rng.randint(8, 20)
        spans.append((begins, end))
    last = max(number for number, (begins, _) in enumerate(spans) if begins < 200)
    mark_at = (spans[last][1] + spans[last + 1][0]) // 2

    def failing(provider: str, offset: int, _release: str) -> float:
        inside = any(begins <= offset + mark_at < ends for begins, ends in spans)
        return level if provider == "mail" and inside else 0.0

    return failing


@pytest.mark.parametrize("rate", [1, 5, 10])
@pytest.mark.parametrize(("seed", "level"), [(1, 0.3), (2, 0.8), (3, 0.8)])
def test_trouble_that_comes_and_goes_and_is_quiet_at_the_mark_is_nobodys(rate: int, seed: int, level: float) -> None:
    assert not judged(cells(rate, comes_and_goes(seed, level), seed=seed)).state.failed


def test_trouble_that_comes_and_goes_excuses_no_more_than_its_level() -> None:
    before = comes_and_goes(1, 0.2)

    def failing(provider: str, offset: int, release: str) -> float:
        return 1.0 if provider == "mail" and offset >= 2 else before(provider, offset, release)

    assert said(judged(cells(5, failing)), "mail.errors")[0] is Verdict.FAIL


USUAL = ErrorBaseline(events=10_000, errors=100, share=0.01, weight=2000.0, hours_cut=0)


def minutes(*spans: tuple[int, int]) -> list[Minute]:
    """Ten events a minute from -240 on; all fail in these stretches."""
    return [Minute(at, 10, 10 if any(a <= at < b for a, b in spans) else 0) for at in range(-240, 0)]


@pytest.mark.parametrize(
    ("spans", "again"),
    [
        ((), False),
        (((-60, -40),), False),
        (((-60, 0),), False),
        (((-120, -100), (-60, -40)), True),
        (((-120, -100), (-60, 0)), True),
        (((-220, -210), (-200, -190)), False),
        (((-220, -210), (-130, -120)), True),
    ],
)
def test_what_came_twice_may_come_again_until_it_was_quiet_for_twice_its_longest_pause(
    spans: tuple[tuple[int, int], ...], again: bool
) -> None:
    found = recurring(minutes(*spans), USUAL, 0, 300.0)
    assert (found is not None) is again
    assert found is None or found.errors == found.events == sum(10 * (b - a) for a, b in spans)


@pytest.mark.parametrize(("onset", "most"), [(20.0, 0.001), (1_000.0, 0.03), (30_000.0, 0.5)])
def test_what_chance_brings_now_and_then_excuses_hardly_anything(onset: float, most: float) -> None:
    level = KnownShare(0.06, 20.0)
    doubt = Doubt(
        level, against_trouble(level, KnownShare(0.01, 1e3), WINDOW, expected=60, needed=1e6), likely(onset, many=True)
    )
    assert likely(onset, many=True) <= most < likely(5 * onset + 40, many=False)
    assert doubt.of_both(1e12) >= 1.0 / most
    assert doubt.of_both(0.5) <= 0.5


@pytest.mark.parametrize(("level", "began"), [(0.18, -1), (0.05, -2)])
def test_a_minute_with_errors_among_many_events_excuses_no_release(level: float, began: int) -> None:
    """Two minutes with a few errors fit any level, so that they would excuse whatever comes."""

    def failing(provider: str, offset: int, _release: str) -> float:
        if provider != "mail":
            return 0.0
        return level if offset >= 0 else 0.1 if offset >= began else 0.0

    replays = [judged(cells(10, failing, seed=seed)) for seed in range(6)]
    doubted = [one for one in replays if 3.0 <= one.state.known.trouble["mail.errors"] < 300.0]
    assert doubted
    assert all(said(one, "mail.errors")[0] is Verdict.FAIL for one in doubted)


def test_an_incident_that_ended_before_the_mark_is_no_evidence_against_a_well_release() -> None:
    """Good rows are unlike an incident's: that they are speaks for the release."""

    def failing(provider: str, offset: int, _release: str) -> float:
        return 0.8 if provider == "mail" and -70 <= offset < -15 else 0.0

    for rate in (1, 5, 10):
        replay = judged(cells(rate, failing))
        assert replay.state.errors["mail.errors"].value <= 2.0
        assert not replay.state.failed


@pytest.mark.parametrize("rate", [1, 10])
def test_an_incident_that_was_long_over_excuses_no_release_that_fails_as_it_did(rate: int) -> None:
    def failing(provider: str, offset: int, _release: str) -> float:
        outage = 0.9 if -60 <= offset < -25 else 0.0
        return (0.5 if offset >= 5 else outage) if provider == "mail" else 0.0

    replay = judged(cells(rate, failing))
    assert said(replay, "mail.errors")[0] is Verdict.FAIL


def test_an_incident_that_was_over_shortly_before_and_may_be_back_fails_nobody_and_lets_nobody_through() -> None:
    def failing(provider: str, offset: int, _release: str) -> float:
        outage = 0.9 if -50 <= offset < -12 else 0.0
        return (0.5 if offset >= 5 else outage) if provider == "mail" else 0.0

    state = judged(cells(1, failing)).state
    assert state.known.trouble["mail.errors"] < 20.0
    assert state.known.errors_before["mail.errors"].ended is not None
    assert not state.failed
    assert undecided_of(state, state.errors["mail.errors"].rule) == "block"


def test_the_incident_that_goes_on_is_excused_at_its_own_level_and_not_at_that_of_a_milder_one_before() -> None:
    def failing(provider: str, offset: int, _release: str) -> float:
        mild, now = -150 <= offset < -100, offset >= -20
        return (0.25 if mild else 1.0 if now else 0.0) if provider == "mail" else 0.0

    replay = judged(cells(1, failing, seed=2))
    assert replay.state.known.errors_before["mail.errors"].calm > 5
    assert not replay.state.failed


def test_an_incident_that_comes_back_after_a_calm_by_chance_is_nobodys() -> None:
    """At one event a minute twelve good ones in a row may end an incident that goes on."""

    def failing(provider: str, offset: int, _release: str) -> float:
        return 0.8 if provider == "mail" and offset >= -8 and not 10 <= offset < 24 else 0.0

    replay = judged(cells(1, failing, seed=4))
    assert replay.state.errors["mail.errors"].prior.over
    assert not replay.state.failed


def test_a_release_that_fails_otherwise_than_an_incident_which_is_over_fails() -> None:
    def failing(provider: str, offset: int, _release: str) -> float:
        return (0.1 if -30 <= offset < 0 else 0.9 if offset >= 30 else 0.0) if provider == "mail" else 0.0

    replay = judged(cells(10, failing))
    assert replay.state.errors["mail.errors"].prior.over
    assert said(replay, "mail.errors")[0] is Verdict.FAIL


def test_a_silence_that_is_likely_before_is_one_though_the_hour_before_it_was_busy() -> None:
    """Rows of the stretch before keep a drop from being seen, and are no reason to call its level the usual."""

    def served(provider: str, offset: int, release: str) -> float:
        part = 0.0 if offset >= -30 else 2.0 if offset >= -60 else 1.0
        return whole(provider, offset, release) * (part if provider == "mail" else 1.0)

    replay = judged(cells(0.15, nothing, served=served, seed=3))
    assert 30.0 <= replay.state.known.trouble["mail.volume"] < 300.0
    assert replay.state.known.volume_levels["mail.volume"] < 0.1
    assert not replay.state.failed


def test_a_silence_right_before_is_one_whatever_came_earlier_in_the_hour() -> None:
    """The stretch that speaks most for a drop may begin before the silence: what came then is not a level of it."""

    def served(provider: str, offset: int, release: str) -> float:
        part = 0.0 if offset >= -16 else 1.0
        return whole(provider, offset, release) * (part if provider == "mail" else 1.0)

    assert not judged(cells(10, nothing, served=served)).state.failed


def test_two_errors_right_before_a_quiet_providers_release_do_not_excuse_every_third_call() -> None:
    def failing(provider: str, offset: int, _release: str) -> float:
        if provider != "mail":
            return 0.0
        return 1.0 if offset in {-9, -4} else 0.35 if offset >= 0 else 0.0

    replay = judged(cells(1, failing, seed=5))
    assert 3.0 <= replay.state.known.trouble["mail.errors"] < 20.0
    assert said(replay, "mail.errors")[0] is Verdict.FAIL


def test_slow_trouble_that_hardly_showed_before_is_not_charged() -> None:
    def failing(provider: str, offset: int, _release: str) -> float:
        return 0.134 if provider == "mail" and offset >= -20 else 0.0

    replay = judged(cells(1, failing, seed=143))
    assert 3.0 <= replay.state.known.trouble["mail.errors"] < 20.0
    assert not replay.state.failed


def three_providers() -> list[Any]:
    names = {"sendgrid": "sendgrid_email_sent", "twilio": "twilio_sms_sent", "mapbox": "mapbox_geocode_ok"}
    return [one for name, event in names.items() for one in steady([event], provider=name, every=0.5)]


@pytest.mark.parametrize("behind", [timedelta(hours=5), timedelta(days=20_000)], ids=str)
def test_a_replay_counts_rows_of_a_clock_that_is_behind_when_the_log_learned_of_them(tmp_path, behind) -> None:  # type: ignore[no-untyped-def]
    rows = []
    for one in three_providers():
        fails = one.provider == "sendgrid" and one.occurred_at >= NOON
        at = (one.occurred_at - NOON) / timedelta(minutes=1)
        more: dict[str, Any] = {"provider": one.provider, "release": one.release, "recorded_at": one.recorded_at}
        if one.release == "r1":
            more["occurred_at"] = one.occurred_at - behind
        event = "sendgrid_error" if fails else one.event
        rows.append(row(at, event, **more, outcome=Outcome.ERROR if fails else Outcome.SUCCESS))
    log = stored(tmp_path / "log.db", [*rows, mark()])
    promise = Promise(window_minutes=30, baseline_minutes=3 * 1440)
    request = BacktestRequest(environment=None, promise=promise, every=timedelta(minutes=1), outcomes={})
    (replayed,) = backtest_of(log, SHIPPED, request).replayed
    assert replayed.verdict is Verdict.FAIL


@pytest.mark.parametrize(
    ("heals", "ends", "verdict"),
    [
        (False, WINDOW, Verdict.WARN),
        (True, WINDOW, Verdict.INCONCLUSIVE),
        (True, 0, Verdict.PASS),
    ],
)
def test_going_back_without_an_end_of_the_trouble_is_nothing_to_go_on_with(heals, ends, verdict) -> None:  # type: ignore[no-untyped-def]
    replay = judged(cells(10, only("mail", -40, ends, 0.98)), rolls_back=heals)
    assert not replay.state.failed
    assert replay.current().verdict is verdict


@pytest.mark.parametrize(
    ("seed", "before", "after", "began"),
    [(1, 0.5, 0.7, "errors began before"), (8, 0.15, 0.3, "errors may have begun before")],
    ids=["surely", "perhaps"],
)
def test_what_trouble_from_before_does_not_excuse_is_not_said_to_be_excused(
    seed: int, before: float, after: float, began: str
) -> None:
    def failing(provider: str, offset: int, _release: str) -> float:
        return (before if offset < 0 else after) if provider == "mail" and offset >= -12 else 0.0

    verdict, reason = said(judged(cells(1, failing, seed=seed)), "mail.errors")
    assert verdict is Verdict.INCONCLUSIVE
    assert began in reason
    assert "excused up to it and no more" in reason
    assert "not held against this release" not in reason
