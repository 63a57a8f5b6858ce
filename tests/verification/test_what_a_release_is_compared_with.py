"""What a release is compared with: a ceiling where there is no history, an incident's own level, the old release."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from functools import cache
from typing import Any

import pytest

from bench.simulator import poisson
from releaseguard.model import Verdict
from releaseguard.stats.series import Cell, Ledger
from releaseguard.verification.explain.finding import explain
from releaseguard.verification.judge.replay import Replay
from releaseguard.verification.judge.verdicts import undecided_of, verdict_of
from releaseguard.verification.values import CheckVerdict, Deployment, Promise, Rule, overall_of

DEPLOYED = 29_000_040
WINDOW = 60
DAYS = 3
BEGIN, RECENT = -DAYS * 1440 - 300, -720
PROVIDERS, USUAL = ("mail", "sms", "pay"), 0.01
RATES = (3, 10, 60)
"""Events a minute of each provider."""
Rate = Callable[[str, int, str], float]
"""By provider, minute after the deployment and release: a share."""


def rules() -> list[Rule]:
    made = []
    for name in PROVIDERS:
        ok, error = frozenset({f"{name}_ok"}), frozenset({f"{name}_error"})
        made.append(Rule(id=f"{name}.errors", provider=name, kind="signal", success=ok, error=error))
        made.append(Rule(id=f"{name}.volume", provider=name, kind="volume", success=ok))
    return made


RULES = rules()


def whole(_provider: str, offset: int, release: str) -> float:
    """All traffic is the old release's before the deployment, and the new one's after it."""
    return float((release == "new") is (offset >= 0))


def canary(share: float) -> Rate:
    """The new release serves a part from the deployment on."""

    def served(_provider: str, offset: int, release: str) -> float:
        if offset < 0:
            return float(release == "old")
        return share if release == "new" else 1.0 - share

    return served


def cells(rate: float, failing: Rate, *, served: Rate = whole, seed: int = 1) -> Iterator[Cell]:
    """Rows of three providers over some days, of which a share fails beside the usual 1%."""
    rng = random.Random(seed)
    early = [(name, at, release) for name in PROVIDERS for at in range(BEGIN, RECENT) for release in ("old", "new")]
    if all(failing(*one) <= USUAL and served(*one) == whole(*one) for one in early):
        before, drawn = long_ago(rate, seed)
        yield from before
        rng.setstate(drawn)
    else:
        yield from simulated(rng, rate, failing, served, range(BEGIN, RECENT))
    yield from simulated(rng, rate, failing, served, range(RECENT, WINDOW))


@cache
def long_ago(rate: float, seed: int) -> tuple[Sequence[Cell], tuple[Any, ...]]:
    """The days that most tests have behind them, of usual traffic, and how far the seed's numbers are used up then."""
    rng = random.Random(seed)
    return list(simulated(rng, rate, lambda *_: USUAL, whole, range(BEGIN, RECENT))), rng.getstate()


def simulated(rng: random.Random, rate: float, failing: Rate, served: Rate, minutes: range) -> Iterator[Cell]:
    draw = rng.random
    for offset in minutes:
        for provider in PROVIDERS:
            for release in ("old", "new"):
                made = poisson(rng, rate * served(provider, offset, release))
                share = max(failing(provider, offset, release), USUAL)
                bad = sum([draw() < share for _ in range(made)]) if made else 0
                for ok, count in ((True, made - bad), (False, bad)):
                    if count:
                        event = f"{provider}_{'ok' if ok else 'error'}"
                        minute = DEPLOYED + offset
                        yield Cell(minute, minute, provider, event, ok, release, False, False, count, 0)


def judged(
    rows: Sequence[Cell] | Iterator[Cell],
    minutes: int = WINDOW,
    *,
    baseline: int = DAYS * 1440,
    rules: Sequence[Rule] = RULES,
    **told: Any,
) -> Replay:
    ledger = Ledger([one.reading for one in rules], [DEPLOYED], WINDOW)
    ledger.add(rows)
    at = datetime.fromtimestamp(DEPLOYED * 60, UTC)
    deployment = Deployment(release="new", environment="production", deployed_at=at, **told)
    promise = Promise(window_minutes=WINDOW, baseline_minutes=baseline)
    replay = Replay(ledger, rules, deployment, promise)
    replay.look(DEPLOYED + minutes)
    return replay


def said(replay: Replay, name: str) -> tuple[Verdict, str]:
    rule = next(one for one in RULES if one.id == name)
    return verdict_of(replay.state, rule), explain(replay.state, rule).reason


def only(provider: str, since: int, until: int, share: float, releases: str = "old new") -> Rate:
    """The provider's calls fail with this share in these minutes."""

    def failing(name: str, offset: int, release: str) -> float:
        return share if name == provider and since <= offset < until and release in releases.split() else 0.0

    return failing


def first_used(rows: Iterator[Cell]) -> Iterator[Cell]:
    """The mails are used by the new release and by none before it."""
    return (row for row in rows if row.provider != "mail" or row.release == "new")


@pytest.mark.parametrize("rate", RATES)
def test_a_provider_without_a_history_fails_above_its_ceiling(rate: int) -> None:
    verdict, reason = said(judged(first_used(cells(rate, only("mail", 0, WINDOW, 1.0)))), "mail.errors")
    assert verdict is Verdict.FAIL
    assert "ceiling of 20%" in reason


@pytest.mark.parametrize("rate", RATES)
def test_a_provider_without_a_history_of_which_every_call_is_well_does_not_fail(rate: int) -> None:
    replay = judged(first_used(cells(rate, only("mail", 0, 0, 0.0))))
    assert not replay.state.failed
    assert "first used by this release" in said(replay, "mail.errors")[1]
    assert "0.0 were expected" not in said(replay, "mail.volume")[1]


def test_more_than_the_ceiling_is_not_gone_on_with_where_it_may_be_chance() -> None:
    """No blocking check is only warned about above its ceiling."""
    rows = [*first_used(cells(1, only("mail", 0, 0, 0.0)))]
    few = [row for row in rows if row.provider != "mail"]
    mails = [row for row in rows if row.provider == "mail"][:14]
    bad = [row._replace(event="mail_error", ok=False) if at % 3 == 0 else row for at, row in enumerate(mails)]
    replay = judged([*few, *bad])
    (rule,) = [one for one in RULES if one.id == "mail.errors"]
    assert said(replay, "mail.errors")[0] is Verdict.INCONCLUSIVE
    assert "its ceiling of 20% is exceeded, but not by enough to be sure" in said(replay, "mail.errors")[1]
    assert rule.undecided == "warn"
    assert undecided_of(replay.state, rule) == "block"


def regular(rate: float, served: Rate) -> Iterator[Cell]:
    """Rows of three providers at even distances, so many a minute, none of them an error: no chance decides."""
    for provider in PROVIDERS:
        for release in ("old", "new"):
            held = 0.5
            for offset in range(BEGIN, WINDOW):
                held += rate * served(provider, offset, release)
                if held >= 1.0:
                    at = DEPLOYED + offset
                    yield Cell(at, at, provider, f"{provider}_ok", True, release, False, False, int(held), 0)
                    held -= int(held)


@pytest.mark.parametrize(("lost", "stopped"), [(0.0, False), (0.3, False), (0.6, True), (0.85, True), (1.0, True)])
def test_a_canary_that_makes_less_than_half_of_its_part_is_not_gone_on_with(lost: float, stopped: bool) -> None:
    """Of few events the loss of most is not sure enough to fail, and no quiet either."""

    def served(provider: str, offset: int, release: str) -> float:
        is_lost = provider == "mail" and release == "new" and offset >= 0
        return canary(0.35)(provider, offset, release) * (1.0 - lost if is_lost else 1.0)

    replay = judged(regular(0.7, served))
    (rule,) = [one for one in RULES if one.id == "mail.volume"]
    is_stopped = rule.id in replay.state.failed or undecided_of(replay.state, rule) == "block"
    assert is_stopped is stopped


@pytest.mark.parametrize(("behind", "stops"), [(5, False), (15, False), (5, True), (0, True)])
def test_a_log_that_learns_of_rows_is_not_down_whatever_their_clock_says(behind: int, stops: bool) -> None:
    """A new machine's clock lags: its newest rows say that they are minutes old, and come all the same."""

    def moved(row: Cell) -> Cell:
        return row._replace(occurred=row.occurred - behind) if row.release == "new" else row

    rows = (moved(row) for row in cells(3, only("mail", 0, 0, 0.0)))
    replay = judged(row for row in rows if not stops or row.recorded < DEPLOYED + 30)
    assert replay.state.traffic.log.down is stops
    assert "nothing from any provider" in said(replay, "mail.errors")[1] if stops else not replay.state.failed


@pytest.mark.parametrize("rate", RATES)
def test_an_incident_excuses_its_own_level_and_no_more(rate: int) -> None:
    def failing(provider: str, offset: int, _release: str) -> float:
        return 0.0 if provider != "mail" or offset < -60 else 0.12 if offset < 0 else 1.0

    verdict, reason = said(judged(cells(rate, failing)), "mail.errors")
    assert verdict is Verdict.FAIL, reason


@pytest.mark.parametrize("rate", RATES)
@pytest.mark.parametrize("share", [0.12, 0.6, 1.0])
def test_an_incident_that_goes_on_at_its_level_fails_nobody(rate: int, share: float) -> None:
    replay = judged(cells(rate, only("mail", -60, WINDOW, share)))
    assert not replay.state.failed
    assert said(replay, "mail.errors")[0] is Verdict.INCONCLUSIVE


@pytest.mark.parametrize("rate", RATES)
@pytest.mark.parametrize(("share", "since"), [(0.05, -110), (0.06, -60), (0.08, -35)])
def test_a_slow_incident_that_goes_on_fails_nobody(rate: int, share: float, since: int) -> None:
    """A few errors in a hundred more: as much as a release is failed for, and it was so before."""
    replay = judged(cells(rate, only("mail", since, WINDOW, share)))
    assert not replay.state.failed
    assert said(replay, "mail.errors")[0] is Verdict.INCONCLUSIVE


@pytest.mark.parametrize("rate", [1, *RATES])
@pytest.mark.parametrize(("before", "after"), [(0.06, 0.5), (0.12, 0.5), (0.3, 0.9)])
def test_a_release_that_makes_an_incident_worse_fails(rate: int, before: float, after: float) -> None:
    def failing(provider: str, offset: int, _release: str) -> float:
        return 0.0 if provider != "mail" or offset < -60 else before if offset < 0 else after

    assert said(judged(cells(rate, failing)), "mail.errors")[0] is Verdict.FAIL


@pytest.mark.parametrize("rate", RATES)
def test_a_roll_back_that_worked_has_recovered(rate: int) -> None:
    """The failing release is the old one here, and the one that is judged takes its place."""
    rows = list(cells(rate, only("mail", -30, 0, 0.9)))
    early, late = (said(judged(rows, minutes), "mail.errors") for minutes in (4, WINDOW))
    assert "recovered, too early to pass" in early[1] or early[0] is Verdict.PASS
    assert late[0] is Verdict.PASS, late[1]
    assert "goes on" not in early[1] + late[1]


@pytest.mark.parametrize("rate", RATES)
def test_old_and_new_that_worsen_alike_warn_with_both_explanations(rate: int) -> None:
    replay = judged(cells(rate, only("mail", 5, WINDOW, 0.6), served=canary(0.4)))
    verdict, reason = said(replay, "mail.errors")
    assert verdict is Verdict.WARN, reason
    assert "provider" in reason
    assert "migration" in reason


@pytest.mark.parametrize("rate", RATES)
def test_a_canary_that_is_worse_than_the_old_release_fails_though_that_worsened_too(rate: int) -> None:
    def failing(provider: str, offset: int, release: str) -> float:
        return 0.0 if provider != "mail" or offset < 0 else 0.9 if release == "new" else 0.15

    assert said(judged(cells(rate, failing, served=canary(0.4))), "mail.errors")[0] is Verdict.FAIL


@pytest.mark.parametrize("rate", RATES)
def test_harm_to_the_old_release_alone_warns(rate: int) -> None:
    replay = judged(cells(rate, only("mail", 0, WINDOW, 0.38, "old"), served=canary(0.3)))
    verdict, reason = said(replay, "mail.errors")
    assert verdict is Verdict.WARN, reason
    assert "old release" in reason
    assert "migration" in reason


def test_a_warning_about_others_is_no_pass_of_the_checklist() -> None:
    replay = judged(cells(10, only("mail", 0, WINDOW, 0.38, "old"), served=canary(0.3)))
    assert overall_of([CheckVerdict(said(replay, one.id)[0], True, "warn") for one in RULES]) is Verdict.WARN


def lost(share: float, part: float) -> Rate:
    """The new release loses a part of its own mails."""

    def served(provider: str, offset: int, release: str) -> float:
        made = canary(share)(provider, offset, release)
        return made * (1.0 - part) if provider == "mail" and release == "new" else made

    return served


@pytest.mark.parametrize("rate", RATES)
@pytest.mark.parametrize("part", [0.8, 1.0])
def test_the_volume_of_a_canary_is_judged_by_its_share_of_the_traffic(rate: int, part: float) -> None:
    verdict, reason = said(judged(cells(rate, only("mail", 0, 0, 0.0), served=lost(0.4, part))), "mail.volume")
    assert verdict is Verdict.FAIL, reason
    assert "of the traffic in the same minutes" in reason or rate < 10


@pytest.mark.parametrize("rate", RATES)
@pytest.mark.parametrize("share", [0.1, 0.4, 0.8])
def test_a_canary_that_makes_its_share_fails_nothing(rate: int, share: float) -> None:
    replay = judged(cells(rate, only("mail", 0, 0, 0.0), served=canary(share)))
    assert not replay.state.failed
    assert not replay.state.alike
    assert not replay.state.harmed


@pytest.mark.parametrize("rate", RATES)
def test_a_provider_that_falls_silent_for_old_and_new_alike_warns(rate: int) -> None:
    def served(provider: str, offset: int, release: str) -> float:
        return 0.0 if provider == "mail" and offset >= 5 else canary(0.4)(provider, offset, release)

    verdict, reason = said(judged(cells(rate, only("mail", 0, 0, 0.0), served=served)), "mail.volume")
    assert verdict is Verdict.WARN, reason
    assert "either the provider is in trouble" in reason


def times(factor: float, since: int, until: int) -> Rate:
    """The mails have another volume for some minutes."""

    def served(provider: str, offset: int, release: str) -> float:
        return whole(provider, offset, release) * (factor if provider == "mail" and since <= offset < until else 1.0)

    return served


@pytest.mark.parametrize("rate", RATES)
def test_a_campaign_that_ends_after_the_mark_is_no_loss(rate: int) -> None:
    replay = judged(cells(rate, only("mail", 0, 0, 0.0), served=times(4.0, -200, 4)))
    assert not replay.state.failed


@pytest.mark.parametrize("rate", RATES)
def test_a_loss_on_an_ordinary_day_fails_still(rate: int) -> None:
    served = times(0.1, 0, WINDOW)
    assert said(judged(cells(rate, only("mail", 0, 0, 0.0), served=served)), "mail.volume")[0] is Verdict.FAIL


@pytest.mark.parametrize(("says", "verdict"), [(True, Verdict.WARN), (False, Verdict.FAIL)])
def test_a_provider_that_was_removed_on_purpose_is_said_to_be_that(says: bool, verdict: Verdict) -> None:
    rows = cells(10, only("mail", 0, 0, 0.0), served=times(0.0, 0, WINDOW))
    found, reason = said(judged(rows, removes=frozenset({"mail"} if says else ())), "mail.volume")
    assert found is verdict
    assert ("removed on purpose" in reason) is says


@pytest.mark.parametrize(("factor", "fails"), [(None, True), (0.3, False)])
def test_traffic_that_was_said_to_be_expected_is_no_change(factor: float | None, fails: bool) -> None:
    rows = cells(20, only("mail", 0, 0, 0.0), served=times(0.3, 0, WINDOW))
    assert bool(judged(rows, expect_traffic=factor).state.failed) is fails
