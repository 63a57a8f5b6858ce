"""The verdict over runs: how many it takes, what a PASS excludes, and the promised rate of false alarms."""

from __future__ import annotations

import base64
import itertools
from dataclasses import replace

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from releaseguard.errors import AccessDenied
from releaseguard.model import Verdict, utc_now
from releaseguard.sandbox.providers import Trouble
from releaseguard.sandbox.serving import faults
from releaseguard.verification.evidence import as_json
from releaseguard.verification.flows.runs import FlowRun, Result, RunKey
from releaseguard.verification.flows.session import claims_of
from releaseguard.verification.flows.stage import FlowStage
from releaseguard.verification.flows.templates import extracted, filled
from releaseguard.verification.flows.verdict import THRESHOLD, TOLERATED, decide, e_value, verdict_of
from releaseguard.verification.values import Deployment
from tests.support.flow_world import CARDS, RELEASE, Surroundings, surroundings

SENDGRID, PAYTR = CARDS.get("sendgrid"), CARDS.get("paytr")
EMAIL, WITHDRAW = SENDGRID.flows[0], PAYTR.flows[0]
SEND, TAKE_OUT = CARDS.check("sendgrid.send")[1], CARDS.check("paytr.withdraw")[1]
DEPLOYMENT = Deployment(release=RELEASE, environment="production", deployed_at=utc_now())
GOOD, BAD, SILENT = Result.ARRIVED, Result.ERROR, Result.LOG_SILENT


def runs(*results: Result) -> list[FlowRun]:
    return [
        FlowRun(
            key=RunKey(environment="production", purpose="p", provider="sendgrid", flow="email", number=number),
            release=RELEASE,
            result=result,
            reason=f"it {result}",
            finished_at=utc_now(),
        )
        for number, result in enumerate(results, 1)
    ]


@pytest.mark.parametrize(
    ("results", "verdict", "another"),
    [
        ([], Verdict.INCONCLUSIVE, True),
        ([GOOD] * 9, Verdict.INCONCLUSIVE, True),
        ([GOOD] * 10, Verdict.PASS, False),
        ([BAD] * 2, Verdict.INCONCLUSIVE, True),
        ([BAD] * 3, Verdict.FAIL, False),
        ([Result.NOT_ARRIVED, Result.LIED, Result.REFUSED], Verdict.FAIL, False),
        ([GOOD, BAD, *[GOOD] * 8], Verdict.INCONCLUSIVE, False),
        ([SILENT] * 19, Verdict.INCONCLUSIVE, True),
        ([SILENT] * 20, Verdict.INCONCLUSIVE, False),
        ([SILENT, *[GOOD] * 10], Verdict.PASS, False),
    ],
)
def test_the_verdict_over_runs(results, verdict, another):
    decision = decide(EMAIL, runs(*results))
    assert (decision.verdict, decision.another) == (verdict, another)


@given(st.lists(st.sampled_from([result for result in Result if result is not GOOD and not result.is_failure])))
def test_runs_that_decide_nothing_never_pass_or_fail(results):
    assert decide(EMAIL, runs(*results)).verdict is Verdict.INCONCLUSIVE


def test_a_flow_that_fails_as_often_as_is_tolerated_is_called_bad_within_the_promise():
    alarm = 0.0
    for outcome in itertools.product((False, True), repeat=EMAIL.max_runs):
        chance, bad, good = 1.0, 0, 0
        crossed = False
        for failed in outcome:
            bad, good = bad + failed, good + (not failed)
            chance *= TOLERATED if failed else 1 - TOLERATED
            crossed = crossed or e_value(good, bad) >= THRESHOLD
        alarm += chance if crossed else 0.0
    assert 0 < alarm <= 1 / THRESHOLD


def test_a_pass_says_which_share_of_failures_it_excludes():
    finding = verdict_of("sendgrid", SEND, EMAIL, runs(*[GOOD] * 10))
    assert finding.verdict is Verdict.PASS
    assert finding.evidence.excluded_share == pytest.approx(0.2589, abs=1e-4)
    assert "26%" in finding.reason


@pytest.mark.parametrize(
    ("result", "cause"), [(Result.OLD_RELEASE, "release_not_live"), (Result.LOG_SILENT, "log"), (GOOD, None)]
)
def test_a_silence_is_told_apart(result, cause):
    assert as_json(verdict_of("sendgrid", SEND, EMAIL, runs(result)).evidence).get("silence_cause") == cause


@given(st.text())
def test_claims_of_whatever_text_are_a_mapping(text):
    assert claims_of(text) == {}
    assert isinstance(claims_of(f"a.{text}.b"), dict)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("{n}", 5),
        ("x-{n}", "x-5"),
        ({"a": ["{n}", {"b": "{s}"}]}, {"a": [5, {"b": "t"}]}),
        (True, True),
        ("{ n }", "{ n }"),
    ],
)
def test_placeholders_are_filled(value, expected):
    assert filled(value, {"n": 5, "s": "t"}) == expected


def test_what_an_answer_does_not_hold_is_not_extracted():
    step = msgspec.structs.replace(
        EMAIL.steps[0], extract={"a": "x.0.id", "b": "x.9.id", "c": "x.id", "d": "empty", "e": "x"}
    )
    assert extracted(step, {"x": [{"id": 7}], "empty": ""}) == {"a": 7}
    assert extracted(step, None) == {}


@pytest.fixture
def around(tmp_path):
    with surroundings(tmp_path) as made:
        yield made


def look(around: Surroundings, card=SENDGRID, check=SEND):
    return FlowStage(around.flow_world())(card, check, DEPLOYMENT)


def test_a_good_release_passes_with_the_cards_budget_and_a_second_look_costs_nothing(around):
    assert look(around).verdict is Verdict.PASS
    sent = len(around.app.requests)
    assert len(around.app.executed) == EMAIL.max_runs
    assert look(around).verdict is Verdict.PASS
    assert len(around.app.requests) == sent


def test_a_broken_flow_fails_after_three_runs(around):
    around.world.providers.troubles["sendgrid"] = Trouble(1.0)
    finding = look(around)
    assert (finding.verdict, finding.evidence.failed) == (Verdict.FAIL, 3)
    assert len(around.app.executed) == 3


def test_a_run_that_decides_nothing_is_not_repeated_at_once(around):
    around.app.habits.loses_events = True
    assert look(around).verdict is Verdict.INCONCLUSIVE
    assert len(around.app.executed) == 1
    around.app.habits.loses_events = False
    assert look(around).verdict is Verdict.PASS


def test_money_moves_as_often_as_its_card_allows(around):
    assert look(around, PAYTR, TAKE_OUT).verdict is Verdict.PASS
    assert len(around.app.executed) == WITHDRAW.max_runs == 3
    assert around.app.withdrawals == set()


def test_the_same_release_deployed_again_is_tried_again(around):
    look(around)
    later = Deployment(release=RELEASE, environment="production", deployed_at=utc_now())
    FlowStage(around.flow_world())(SENDGRID, SEND, later)
    assert len(around.app.executed) == 2 * EMAIL.max_runs


def test_what_an_earlier_release_left_behind_is_cleaned_up_first(around):
    around.app.fail_next("DELETE", "/paytr-withdraw", faults.answer(405, {"message": "not now"}), times=3)
    finding = look(around, PAYTR, TAKE_OUT)
    assert finding.evidence.left_behind == len(around.app.withdrawals) == 3
    later = Deployment(release="next", environment="production", deployed_at=utc_now())
    FlowStage(around.flow_world())(PAYTR, TAKE_OUT, later)
    assert around.app.withdrawals == set()


def test_what_was_cleaned_up_later_is_no_longer_said_to_be_left_behind(around):
    around.app.fail_next("DELETE", "/paytr-withdraw", faults.answer(405, {"message": "not now"}), times=3)
    look(around, PAYTR, TAKE_OUT)
    finding = look(around, PAYTR, TAKE_OUT)
    assert around.app.withdrawals == set()
    assert (finding.evidence.left_behind, finding.evidence.remarks) == (0, [])


def test_a_payment_whose_answer_names_nothing_to_take_back_is_said_to_be_left_behind(around):
    around.app.fail_next("POST", "/paytr-withdraw", faults.answer(200, {"ok": True}), times=9)
    finding = look(around, PAYTR, TAKE_OUT)
    assert finding.evidence.left_behind == 1
    assert "what there is to take back" in finding.evidence.remarks[0]
    again = FlowStage(around.flow_world())
    again._rest(PAYTR, WITHDRAW)
    again(PAYTR, TAKE_OUT, DEPLOYMENT)
    assert around.paths().count("POST /functions/v1/paytr-withdraw") == 1  # the same answer would come again


def test_a_watch_does_not_spend_its_runs_while_the_old_release_still_answers(around):
    around.app.habits.frozen["sendgrid-email"] = replace(around.app.runtime("sendgrid-email"), release="old")
    stage = FlowStage(around.flow_world())
    for _ in range(30):
        assert stage(SENDGRID, SEND, DEPLOYMENT).evidence.silence_cause == "release_not_live"
        around.time.now += 10
    del around.app.habits.frozen["sendgrid-email"]
    around.time.now += 300
    assert stage(SENDGRID, SEND, DEPLOYMENT).verdict is Verdict.PASS


def test_a_watch_does_not_lock_the_test_user_out(around):
    assert around.session.account
    around.app.password = "changed"
    stage = FlowStage(around.flow_world())
    for _ in range(12):
        with pytest.raises(AccessDenied):
            stage(SENDGRID, SEND, DEPLOYMENT)
        around.time.now += 10
    assert around.paths().count("POST /auth/v1/token") == 1


def test_claims_nested_without_end_are_none():
    nested = base64.urlsafe_b64encode(b"[" * 100_000).decode()
    assert claims_of(f"a.{nested}.b") == {}
