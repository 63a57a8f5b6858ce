"""Flows that ask for what the app does not have say nothing against a release, and no flow's POST is sent twice."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from msgspec import structs

from releaseguard.cards.spec import Card
from releaseguard.eventlog.interface import Query
from releaseguard.model import Verdict, utc_now
from releaseguard.sandbox.serving import faults
from releaseguard.verification.flows.runner import FlowRunner
from releaseguard.verification.flows.runs import Result
from releaseguard.verification.flows.stage import FlowStage
from releaseguard.verification.values import Deployment, Finding
from tests.support.flow_world import CARDS, RELEASE, Surroundings, honouring, surroundings

SENDGRID, TWILIO, SUPABASE = (CARDS.get(name) for name in ("sendgrid", "twilio", "supabase"))
EMAIL, DISCOVER = SENDGRID.flows[0], SUPABASE.flows[0]
SEND = next(check for check in SENDGRID.checks if check.id == "sendgrid.send")
MARK = datetime(2026, 11, 24, tzinfo=UTC)
ASKED = EMAIL.steps[0].path


@pytest.fixture
def around(tmp_path) -> Iterator[Surroundings]:
    with surroundings(tmp_path) as made:
        yield made


def look(around: Surroundings, card: Card = SENDGRID, at: datetime = MARK) -> Finding:
    """What ``verify`` says of the card's first flow."""
    deployment = Deployment(release=RELEASE, environment="production", deployed_at=at)
    check = next(check for check in card.checks if check.id == SEND.id)
    return FlowStage(around.flow_world())(card, check, deployment)


def answers(around: Surroundings, status: int, times: int = 99) -> None:
    around.app.fail_next("POST", "/sendgrid-email", faults.answer(status, {"message": "no"}), times=times)


def moved(card: Card, path: str) -> Card:
    """The card as a project overlays it."""
    flow = card.flows[0]
    step = structs.replace(flow.steps[0], path=path)
    return structs.replace(card, flows=[structs.replace(flow, steps=[step])])


def sent(around: Surroundings, path: str = ASKED) -> int:
    return around.paths().count(f"POST {path}")


@pytest.mark.parametrize("status", [404, 405, 400, 401, 410, 415, 422])
def test_a_request_that_the_app_does_not_have_is_undecided_and_said_once(around, status):
    answers(around, status)
    found = look(around)
    assert found.verdict is Verdict.INCONCLUSIVE
    assert f"POST {ASKED} answered {status}" in found.reason
    assert "[providers.sendgrid.flows.email] path" in found.reason
    assert found.evidence.results == {"not_this_app": 1}
    look(around)
    assert sent(around) == 1, "it is not asked for again in the same deployment"


@pytest.mark.parametrize("status", [404, 405, 400, 401])
def test_what_passed_on_an_earlier_release_and_is_gone_fails(around, status):
    FlowRunner(around.flow_world(), purpose="an earlier deployment", release=RELEASE).run(SENDGRID, EMAIL)
    answers(around, status)
    assert look(around).verdict is Verdict.FAIL


def test_what_passed_long_ago_is_remembered(around):
    FlowRunner(around.flow_world(), purpose="an earlier deployment", release=RELEASE).run(SENDGRID, EMAIL)
    answers(around, 404)
    later = replace(around.flow_world(), now=_in_a_month)
    run = FlowRunner(later, purpose="a later deployment", release=RELEASE).run(SENDGRID, EMAIL)
    assert run.result is Result.REFUSED


def _in_a_month() -> datetime:
    return utc_now() + timedelta(days=30)


@pytest.mark.parametrize("status", [500, 502, 403])
def test_other_refusals_speak_against_the_release(around, status):
    answers(around, status)
    assert look(around).verdict is Verdict.FAIL


def test_another_request_that_passed_says_nothing_of_this_one(around):
    FlowRunner(around.flow_world(), purpose="an earlier deployment", release=RELEASE).run(SENDGRID, EMAIL)
    elsewhere = moved(SENDGRID, "/functions/v1/sendgrid-email/nowhere")
    around.app.fail_next("POST", "/nowhere", faults.answer(404, {}), times=9)
    assert look(around, elsewhere).evidence.results == {"not_this_app": 1}


def test_a_path_that_was_corrected_is_tried_in_the_same_deployment(around):
    around.app.fail_next("POST", "/nowhere", faults.answer(404, {}), times=9)
    assert look(around, moved(SENDGRID, "/functions/v1/nowhere")).verdict is Verdict.INCONCLUSIVE
    assert look(around).verdict is Verdict.PASS


def test_an_app_that_logs_its_use_of_the_provider_has_the_request(around):
    around.app.fail_next("POST", "/sendgrid-email", faults.answer(400, {}, takes_effect=True), times=9)
    assert "not_this_app" not in look(around).evidence.results


@pytest.mark.parametrize(
    "fault",
    [
        faults.answer(503, {"message": "try again"}),
        faults.answer(429, {"message": "slow down"}, {"retry-after": "1"}),
        faults.reset(takes_effect=True),
    ],
    ids=["503", "429", "lost answer"],
)
def test_a_post_is_sent_once(around, fault):
    around.app.fail_next("POST", "/sendgrid-email", fault, times=1)
    FlowRunner(around.flow_world(), purpose="one", release=RELEASE).run(SENDGRID, EMAIL)
    assert sent(around) == 1


def test_a_post_is_repeated_where_the_card_says_that_the_app_honours_the_key(around):
    card = honouring(SENDGRID)
    around.app.fail_next("POST", "/sendgrid-email", faults.answer(503, {"message": "try again"}), times=1)
    run = FlowRunner(around.flow_world(), purpose="one", release=RELEASE).run(card, card.flows[0])
    assert (run.result, sent(around)) == (Result.ARRIVED, 2)


def test_a_run_that_was_killed_is_not_sent_again_unless_the_app_honours_the_key(around, monkeypatch):
    runner = FlowRunner(around.flow_world(), purpose="one", release=RELEASE)
    with monkeypatch.context() as patched:
        patched.setattr("releaseguard.verification.flows.runner.wait", _killed)
        with pytest.raises(KeyboardInterrupt):
            runner.run(SENDGRID, EMAIL)
    (run,) = runner.recover(SENDGRID, EMAIL)
    assert (run.result, sent(around)) == (Result.ABANDONED, 1)


def _killed(*_: object) -> None:
    raise KeyboardInterrupt


def test_an_answer_is_proof_enough_where_no_code_of_the_app_can_log(around):
    flow = structs.replace(DISCOVER, proof="answer")
    card = structs.replace(SUPABASE, flows=[flow])
    around.app.habits.loses_events = True
    run = FlowRunner(around.flow_world(), purpose="one", release=RELEASE).run(card, flow)
    assert run.result is Result.ANSWERED
    assert around.time.slept == []
    assert not list(around.log.select(Query(providers=["supabase"])))
