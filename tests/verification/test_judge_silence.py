"""Silences told apart, incidents that are not this release's, and the log judged before what it says."""

from __future__ import annotations

import random
from collections.abc import Sequence
from datetime import UTC, datetime

import pytest

from releaseguard.model import Verdict
from releaseguard.stats.completeness import dead_minutes, lags_of
from releaseguard.stats.series import Cell, Ledger
from releaseguard.stats.silence import Quiet, SilenceCause, silence_cause
from releaseguard.verification.evidence import OtherReleases
from releaseguard.verification.explain.finding import explain, explain_log
from releaseguard.verification.judge.log import complete_until, silence_of
from releaseguard.verification.judge.replay import Replay
from releaseguard.verification.judge.verdicts import verdict_of
from releaseguard.verification.values import CheckVerdict, Deployment, Promise, Rule, overall_of

DEPLOYED = 29_000_000
WINDOW = 30
PROVIDERS = ("mail", "sms", "pay")
DAYS = 3


def rule(provider: str, kind: str) -> Rule:
    ok, error = frozenset({f"{provider}_ok"}), frozenset({f"{provider}_error"})
    if kind == "signal":
        return Rule(id=f"{provider}.errors", provider=provider, kind="signal", success=ok, error=error)
    return Rule(id=f"{provider}.volume", provider=provider, kind="volume", success=ok)


RULES = [rule(name, kind) for name in PROVIDERS for kind in ("signal", "volume")]


def cell(
    provider: str, offset: int, total: int, *, ok: bool = True, release: str | None = "new", late: int = 0
) -> Cell:
    minute = DEPLOYED + offset
    event = f"{provider}_{'ok' if ok else 'error'}"
    return Cell(minute, minute + late, provider, event, ok, release, False, False, total, 0)


def past(providers: Sequence[str] = PROVIDERS, until: int = 0) -> list[Cell]:
    """Three days of ten events a minute each, one in two hundred an error."""
    cells = []
    for offset in range(-DAYS * 1440 - 400, until):
        for provider in providers:
            cells.append(cell(provider, offset, 10, release="old"))
            if offset % 20 == 0:
                cells.append(cell(provider, offset, 1, ok=False, release="old"))
    return cells


def usual(provider: str, start: int = 0, end: int = WINDOW, release: str | None = "new") -> list[Cell]:
    return [cell(provider, offset, 10, release=release) for offset in range(start, end)]


def judged(cells: Sequence[Cell], minutes: int = WINDOW) -> Replay:
    ledger = Ledger([r.reading for r in RULES], [DEPLOYED], WINDOW)
    ledger.add(cells)
    at = datetime.fromtimestamp(DEPLOYED * 60, UTC)
    deployment = Deployment(release="new", environment="production", deployed_at=at)
    replay = Replay(ledger, RULES, deployment, Promise(window_minutes=WINDOW, baseline_minutes=DAYS * 1440))
    replay.look(DEPLOYED + minutes)
    return replay


def of(replay: Replay, name: str) -> Verdict:
    return verdict_of(replay.state, next(r for r in RULES if r.id == name))


# -- the four silences, end to end ----------------------------------------------------------------------------


def test_a_provider_that_stops_while_the_others_go_on_is_broken() -> None:
    replay = judged([*past(), *usual("sms"), *usual("pay")])
    assert of(replay, "mail.volume") is Verdict.FAIL
    assert silence_of(replay.state, rule("mail", "volume")) is SilenceCause.PROVIDER
    assert silence_of(replay.state, rule("sms", "volume")) is None
    assert of(replay, "sms.volume") is Verdict.PASS


def test_nothing_of_anyone_is_the_logs_silence_and_fails_nobody() -> None:
    replay = judged([*past(), *usual("mail", 0, 12), *usual("sms", 0, 12), *usual("pay", 0, 12)])
    assert replay.current().verdict is Verdict.INCONCLUSIVE
    assert not replay.state.failed
    assert {silence_of(replay.state, r) for r in RULES} == {SilenceCause.LOG}
    assert explain_log(replay.state).silence_cause == "log"


def test_the_log_is_complete_up_to_its_newest_row_where_it_fell_silent() -> None:
    def at(replay: Replay) -> float:
        return complete_until(replay.state).timestamp() / 60 - DEPLOYED

    everyone = [*usual("mail"), *usual("sms"), *usual("pay")]
    assert at(judged([*past(), *everyone])) == WINDOW
    assert at(judged([*past(), *usual("mail", 0, 12), *usual("sms", 0, 12), *usual("pay", 0, 12)])) == 12


def actions(start: int, end: int, release: str = "new") -> list[Cell]:
    """One in five minutes at random, each of which writes four rows of every provider."""
    rng = random.Random(7)
    minutes = [offset for offset in range(-DAYS * 1440 - 400, WINDOW) if rng.random() < 0.2]
    return [cell(name, offset, 4, release=release) for name in PROVIDERS for offset in minutes if start <= offset < end]


@pytest.mark.parametrize(("quiet", "is_down"), [(8, False), (12, False), (29, True)])
def test_between_two_actions_that_write_many_rows_each_the_log_is_not_down(quiet: int, is_down: bool) -> None:
    last = [cell(name, WINDOW - quiet - 1, 4) for name in PROVIDERS]
    replay = judged([*actions(-DAYS * 1440 - 400, 0, "old"), *actions(0, WINDOW - quiet - 1), *last])
    assert replay.state.traffic.log.down is is_down
    assert (silence_of(replay.state, rule("mail", "volume")) is SilenceCause.LOG) is is_down


@pytest.mark.parametrize("minutes", [WINDOW, WINDOW + 15, WINDOW + 300])
def test_a_log_that_falls_silent_after_the_window_takes_no_verdict_back(minutes: int) -> None:
    replay = judged([*past(), *usual("mail"), *usual("sms"), *usual("pay")], minutes)
    assert replay.current().verdict is Verdict.PASS


def test_a_log_that_was_down_for_a_while_fails_nobody_afterwards() -> None:
    cells = [*past()]
    for provider in PROVIDERS:
        cells += [*usual(provider, 0, 8), *usual(provider, 22, WINDOW)]
    assert not judged(cells).state.failed


def test_everyone_falling_together_is_idle_and_fails_nobody() -> None:
    cells = past()
    cells += [cell("sms", offset, 1) for offset in range(0, WINDOW, 9)]
    cells += [cell("pay", offset, 1) for offset in range(4, WINDOW, 9)]
    replay = judged(cells)
    assert not replay.state.failed
    assert silence_of(replay.state, rule("mail", "volume")) is SilenceCause.IDLE


def test_events_of_other_releases_only_say_that_the_release_is_not_live() -> None:
    cells = past()
    for provider in PROVIDERS:
        cells += usual(provider, release="old")
    replay = judged(cells)
    assert {silence_of(replay.state, r) for r in RULES} == {SilenceCause.RELEASE_NOT_LIVE}
    assert replay.current().verdict is Verdict.INCONCLUSIVE


def test_a_release_whose_events_lost_their_tag_is_not_called_absent() -> None:
    cells = past()
    for provider in PROVIDERS:
        cells += [*usual(provider, release=None), cell(provider, 3, 1, release="old")]
    replay = judged(cells)
    assert {silence_of(replay.state, r) for r in RULES} == {None}
    assert explain_log(replay.state).other_releases == 3
    assert replay.current().verdict is Verdict.INCONCLUSIVE
    assert all("carry no release" in explain(replay.state, r).reason for r in RULES)


@pytest.mark.parametrize(
    ("quiet", "cause"),
    [
        ({"tagged": 9, "fresh": 9}, None),
        ({"expected": 40.0, "log_down": True}, SilenceCause.LOG),
        ({"expected": 40.0, "all_old": 7, "all_fresh": 0, "all_tagged": 0}, SilenceCause.RELEASE_NOT_LIVE),
        ({"expected": 40.0, "all_old": 70, "all_tagged": 0}, SilenceCause.RELEASE_NOT_LIVE),
        ({"expected": 2.0, "fresh": 12, "all_old": 7, "all_tagged": 0}, None),
        ({"expected": 1.0, "old": 30, "all_old": 30}, SilenceCause.RELEASE_NOT_LIVE),
        ({"expected": 40.0, "old": 30, "all_old": 30}, SilenceCause.RELEASE_NOT_LIVE),
        ({"expected": 40.0, "old": 8, "all_old": 24}, SilenceCause.PROVIDER),
        ({"expected": 6.0, "fresh": 1, "all_old": 50}, None),
        ({"expected": 40.0}, SilenceCause.PROVIDER),
        ({"expected": 40.0, "others_seen": 1}, SilenceCause.IDLE),
        ({"expected": 2.0}, SilenceCause.IDLE),
        ({"expected": 40.0, "others_seen": 0, "others_expected": 0.0}, SilenceCause.PROVIDER),
    ],
)
def test_causes_of_silence(quiet: dict[str, float], cause: SilenceCause | None) -> None:
    surroundings = {
        "expected": 0.0,
        "log_down": False,
        "fresh": 0,
        "tagged": 0,
        "old": 0,
        "all_fresh": 50,
        "all_tagged": 50,
        "all_old": 0,
        "others_seen": 100,
        "others_expected": 100.0,
    }
    assert silence_cause(Quiet(**{**surroundings, **quiet})) is cause  # type: ignore[arg-type]


def test_phones_that_still_run_the_old_release_do_not_hide_a_provider_the_new_one_broke() -> None:
    cells = [*past(), *usual("sms"), *usual("pay")]
    cells += [cell("mail", offset, 1, release="old") for offset in range(0, WINDOW, 4)]
    assert silence_of(judged(cells).state, rule("mail", "volume")) is SilenceCause.PROVIDER


# -- not this release ------------------------------------------------------------------------------------------


def test_errors_that_began_before_the_deployment_do_not_fail_it() -> None:
    cells = [*past(["sms", "pay"]), *past(["mail"], until=-40), *usual("sms"), *usual("pay")]
    cells += [cell("mail", offset, 8, ok=False, release="old") for offset in range(-40, 0)]
    cells += [cell("mail", offset, 8, ok=False) for offset in range(WINDOW)]
    replay = judged(cells)
    assert of(replay, "mail.errors") is Verdict.INCONCLUSIVE
    finding = explain(replay.state, rule("mail", "signal"))
    assert finding.evidence.began_before_deployment is True
    assert "before the deployment" in finding.reason
    graced = 8 * (WINDOW - rule("mail", "signal").grace_minutes)
    assert (finding.evidence.events, finding.evidence.errors) == (graced, graced)
    assert f"observed {graced} errors of {graced} events" in finding.reason


def test_a_few_chance_errors_right_before_a_busy_deployment_do_not_excuse_it() -> None:
    before = [cell("mail", -offset, 1, ok=False, release="old") for offset in (1, 2)]
    failing = [cell("mail", offset, 5, ok=ok) for offset in range(WINDOW) for ok in (True, False)]
    replay = judged([*past(), *before, *failing, *usual("sms"), *usual("pay")])
    assert 20 < replay.state.known.trouble["mail.errors"] < 300
    assert of(replay, "mail.errors") is Verdict.FAIL


def test_errors_that_began_with_the_deployment_do() -> None:
    cells = [*past(), *usual("sms"), *usual("pay"), *usual("mail")]
    cells += [cell("mail", offset, 8, ok=False) for offset in range(WINDOW)]
    assert of(judged(cells), "mail.errors") is Verdict.FAIL


def test_an_incident_that_ended_before_the_deployment_is_forgotten() -> None:
    cells = [*past(), *usual("sms"), *usual("pay"), *usual("mail")]
    cells += [cell("mail", offset, 8, ok=False, release="old") for offset in range(-70, -15)]
    replay = judged(cells)
    assert of(replay, "mail.errors") is Verdict.PASS
    assert replay.state.known.errors["mail.errors"].share < 0.01


def test_a_silence_that_began_before_the_deployment_does_not_fail_it() -> None:
    cells = [*past(["sms", "pay"]), *past(["mail"], until=-50), *usual("sms"), *usual("pay")]
    replay = judged(cells)
    assert of(replay, "mail.volume") is Verdict.INCONCLUSIVE
    assert explain(replay.state, rule("mail", "volume")).evidence.began_before_deployment is True


def test_errors_of_the_old_release_still_running_are_not_held_against_the_new_one() -> None:
    cells = [*past(), *usual("sms"), *usual("pay"), *usual("mail")]
    cells += [cell("mail", offset, 8, ok=False, release="old") for offset in range(WINDOW)]
    replay = judged(cells)
    assert of(replay, "mail.errors") is Verdict.WARN
    assert explain(replay.state, rule("mail", "signal")).evidence.other_releases == OtherReleases(240, 240)


# -- the log itself --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("every", "passes"), [(20, False), (2, True)])
def test_a_volume_of_which_little_was_expected_does_not_pass(every: int, passes: bool) -> None:
    thin = [cell("mail", offset, 1, release="old") for offset in range(-DAYS * 1440 - 400, 0, every)]
    thin += [cell("mail", offset, 1) for offset in range(0, WINDOW, max(every // 2, 1))]
    others = [name for name in PROVIDERS if name != "mail"]
    replay = judged([*past(others), *thin, *usual("sms"), *usual("pay")])
    assert (of(replay, "mail.volume") is Verdict.PASS) is passes


def test_rows_that_come_late_are_no_silence() -> None:
    """One provider's rows arrive five minutes late, before and after: its newest minutes are not judged yet."""
    cells = [*past(["sms", "pay"]), *usual("sms"), *usual("pay")]
    cells += [row._replace(recorded=row.occurred + 5) for row in [*past(["mail"]), *usual("mail")]]
    for minutes in range(1, WINDOW + 1):
        assert not judged(cells, minutes).state.failed


def test_a_writer_whose_clock_lags_still_counts_for_the_new_release() -> None:
    cells = [*past(), *usual("sms"), *usual("pay")]
    cells += [row._replace(occurred=row.occurred - 4) for row in usual("mail")]
    assert judged(cells).state.errors["mail.errors"].events > 200


def test_lag_is_the_time_within_which_nearly_all_rows_are_there() -> None:
    rows = [cell("mail", offset, 1, late=3 if offset % 10 == 0 else 0) for offset in range(100)]
    lags = lags_of(rows)
    assert lags.of("mail").complete == 3
    assert lags.of("mail").share(0) == pytest.approx(0.9)
    assert lags.of("mail").share(7) == 1.0


def test_a_minute_counts_when_most_rows_are_there_if_only_stragglers_are_late() -> None:
    rows = [cell("mail", offset, 1, late=30 if offset % 10 == 0 else 0) for offset in range(100)]
    assert lags_of(rows).of("mail").counts == 0


def test_a_minute_counts_only_when_complete_if_rows_come_in_batches() -> None:
    rows = [cell("mail", offset, 1, late=9 - offset % 10) for offset in range(100)]
    assert lags_of(rows).of("mail").counts == 9


def test_a_provider_with_few_rows_is_as_late_as_everybody() -> None:
    rows = [cell("mail", offset, 1, late=2) for offset in range(100)] + [cell("sms", 0, 3)]
    assert lags_of(rows).of("sms").complete == 2


def test_late_stragglers_do_not_hold_up_a_silence() -> None:
    """One row in ten comes half an hour late: what has not come since the deployment is missed well before that."""
    rows = [*past(), *usual("sms"), *usual("pay")]
    late = [row._replace(recorded=row.recorded + 29) if row.occurred % 10 == 0 else row for row in rows]
    assert of(judged(late, minutes=8), "mail.volume") is Verdict.FAIL


@pytest.mark.parametrize(
    ("totals", "dead"),
    [
        ([3, 0, 0, 0, 0, 0, 3], [False, False, True, True, True, False, False]),
        ([3, 0, 3, 0, 3, 0, 3], [False] * 7),
        ([0, 0, 0, 0, 0, 0, 0], [True] * 7),
        ([3, 0, 0, 0, 0, 0, 0], [False, False, True, True, True, True, True]),
    ],
)
def test_minutes_in_which_nobody_wrote_prove_nothing(totals: list[int], dead: list[bool]) -> None:
    assert dead_minutes(totals, [3.0] * 7) == dead


def test_a_quiet_stretch_in_which_little_was_expected_is_no_gap() -> None:
    assert dead_minutes([1, 0, 0, 0, 0, 0, 1], [0.1] * 7) == [False] * 7


# -- the checklist ----------------------------------------------------------------------------------------------

P, W, F, I = Verdict.PASS, Verdict.WARN, Verdict.FAIL, Verdict.INCONCLUSIVE  # noqa: E741


@pytest.mark.parametrize(
    ("verdicts", "said"),
    [
        ([(P, True, "block"), (P, False, "warn")], P),
        ([(P, True, "block"), (I, True, "block")], I),
        ([(P, True, "block"), (I, True, "warn")], W),
        ([(F, True, "block"), (I, True, "block")], F),
        ([(P, True, "block"), (W, False, "warn")], W),
        ([(I, True, "warn"), (I, True, "warn")], I),
        ([], I),
    ],
)
def test_the_verdict_of_the_checklist(verdicts: list[tuple[Verdict, bool, str]], said: Verdict) -> None:
    assert overall_of([CheckVerdict(*one) for one in verdicts]) is said
