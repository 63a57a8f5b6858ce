"""Flows against the stand-in app: what each of its bad habits looks like, and what is left behind."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace

import msgspec
import pytest

from releaseguard.cards.spec import FlowSpec, StepSpec
from releaseguard.errors import AccessDenied, ConfigError, Refused
from releaseguard.eventlog.interface import Capabilities, Query
from releaseguard.model import OURSELVES, Event, new_id, utc_now
from releaseguard.sandbox.providers import Trouble
from releaseguard.sandbox.serving import faults
from releaseguard.verification.flows.execution import FlowExecution
from releaseguard.verification.flows.rows import EVENTS
from releaseguard.verification.flows.runs import Result
from tests.support.flow_world import CARDS, RELEASE, Surroundings, honouring, surroundings

FLOWS = [(card, flow) for card in CARDS for flow in card.flows]
SENDGRID, TWILIO, PAYTR = (CARDS.get(name) for name in ("sendgrid", "twilio", "paytr"))
EMAIL, SMS, WITHDRAW = SENDGRID.flows[0], TWILIO.flows[0], PAYTR.flows[0]
SIGN_IN = "POST /auth/v1/token"


@pytest.fixture
def around(tmp_path) -> Iterator[Surroundings]:
    with surroundings(tmp_path) as made:
        yield made


def ours(around: Surroundings) -> list[Event]:
    return list(around.log.select(Query(providers=(OURSELVES,), events=EVENTS)))


def someone_else_uses_the_app(around: Surroundings) -> None:
    row = Event(
        id=new_id(),
        occurred_at=utc_now(),
        provider="mapbox",
        event="mapbox_geocode_ok",
        outcome="success",
        environment="production",
        release=RELEASE,
    )
    around.log.append([row])


@pytest.mark.parametrize(("card", "flow"), FLOWS, ids=lambda one: one.id)
def test_a_shipped_flow_makes_its_event_on_the_new_release(around, card, flow):
    run = around.runner().run(card, flow)
    assert (run.result, run.cleaned, run.remarks) == (Result.ARRIVED, True, ())
    (event,) = around.log.select(Query(providers=(card.id,)))
    assert (event.event, event.release, event.synthetic) == (flow.event, RELEASE, True)
    assert event.correlation_id == run.run_id
    assert run.event_ids == (str(event.id),)
    assert around.app.withdrawals == set()


def test_every_request_carries_the_runs_correlation_id_and_a_key_of_its_own(around):
    run = around.runner().run(PAYTR, WITHDRAW)
    sent = [request for request in around.app.requests if "/functions/" in request.path]
    assert {request.headers["x-correlation-id"] for request in sent} == {run.run_id}
    keys = [request.headers["idempotency-key"] for request in sent]
    assert keys == [run.key.idempotency_key("withdraw"), run.key.idempotency_key("cancel")]


def test_an_account_that_is_no_test_users_is_refused_before_any_other_request(around):
    around.app.habits.marks_test_user = False
    with pytest.raises(Refused, match="not marked as a test user") as refusal:
        around.runner().run(SENDGRID, EMAIL)
    assert refusal.value.exit_code == 4
    assert around.paths() == [SIGN_IN]
    assert ours(around) == []


def test_a_wrong_password_says_which_secrets_to_check(around):
    assert around.session.account
    around.app.password = "changed"
    with pytest.raises(AccessDenied) as refusal:
        around.runner().run(SENDGRID, EMAIL)
    assert "SYNTHETIC_USER_PASSWORD" in (refusal.value.next_step or "")


def test_the_test_user_signs_in_once_and_again_when_the_token_ends(around):
    runner = around.runner()
    runner.run(SENDGRID, EMAIL)
    runner.run(SENDGRID, EMAIL)
    assert around.paths().count(SIGN_IN) == 1
    around.time.now += 3600
    runner.run(SENDGRID, EMAIL)
    assert around.paths().count(SIGN_IN) == 2


def test_an_event_from_the_old_release_is_told_apart(around):
    around.app.habits.frozen["sendgrid-email"] = replace(around.app.runtime("sendgrid-email"), release="old")
    run = around.runner().run(SENDGRID, EMAIL)
    assert run.result is Result.OLD_RELEASE
    assert "from release old, not from new-release" in run.reason


def test_an_event_without_a_release_proves_nothing(around):
    around.app.habits.frozen["sendgrid-email"] = replace(around.app.runtime("sendgrid-email"), release=None)
    assert around.runner().run(SENDGRID, EMAIL).result is Result.UNTAGGED


def test_a_provider_that_fails_is_seen_in_the_answer_and_in_the_log(around):
    around.world.providers.troubles["sendgrid"] = Trouble(1.0, "503")
    run = around.runner().run(SENDGRID, EMAIL)
    assert run.result is Result.ERROR
    assert "sendgrid_error (503) was logged" in run.reason
    assert run.steps[0].status == 502


def test_an_app_that_answers_well_and_logs_an_error_lied(around):
    around.world.providers.troubles["sendgrid"] = Trouble(1.0, "503")
    around.app.fail_next("POST", "/sendgrid-email", faults.answer(200, {"ok": True}, takes_effect=True))
    run = around.runner().run(SENDGRID, EMAIL)
    assert run.result is Result.LIED


def test_a_request_that_the_app_refuses_without_logging_is_a_failure(around):
    around.app.fail_next("POST", "/sendgrid-email", faults.answer(500, {"message": "boom"}))
    run = around.runner().run(SENDGRID, EMAIL)
    assert run.result is Result.REFUSED
    assert run.steps[0].status == 500


def test_an_app_that_sends_us_on_to_a_provider_has_failed_and_nobody_goes(around):
    elsewhere = faults.answer(302, {}, {"location": "http://api.sendgrid.com/v3/mail"})
    around.app.fail_next("POST", "/sendgrid-email", elsewhere)
    run = around.runner().run(SENDGRID, EMAIL)
    assert run.result is Result.REFUSED
    assert "SAFE MODE refuses" in run.steps[0].note
    assert "api.sendgrid.com" in run.steps[0].note


def test_a_lost_event_is_a_failure_while_others_arrive(around):
    around.app.habits.loses_events = True
    around.app.after.append(lambda _request, *_: someone_else_uses_the_app(around))
    run = around.runner().run(SENDGRID, EMAIL)
    assert run.result is Result.NOT_ARRIVED
    assert sum(around.time.slept) == pytest.approx(60)


def test_a_lost_event_says_nothing_while_the_log_is_silent(around):
    around.app.habits.loses_events = True
    assert around.runner().run(SENDGRID, EMAIL).result is Result.LOG_SILENT


def test_a_dropped_correlation_id_is_named(around):
    around.app.habits.drops_correlation_ids = True
    run = around.runner().run(SENDGRID, EMAIL)
    assert run.result is Result.UNMATCHED
    assert "x-correlation-id" in run.reason


@pytest.mark.parametrize(
    ("ids", "result"),
    [([None, None], Result.UNMATCHED), ([None, "r-1"], Result.NOT_ARRIVED), ([], Result.NOT_ARRIVED)],
)
def test_where_no_row_says_which_request_it_is_of_none_is_missed(around, ids, result):
    around.app.habits.loses_events = True
    around.app.after.append(lambda _request, *_: someone_else_uses_the_app(around))
    around.log.append([replace(mail(), correlation_id=one) for one in ids])
    run = around.runner().run(SENDGRID, EMAIL)
    assert run.result is result
    assert ("no row of SendGrid says its correlation_id" in run.reason) is (result is Result.UNMATCHED)


def mail() -> Event:
    return Event(
        id=new_id(),
        occurred_at=utc_now(),
        provider="sendgrid",
        event="sendgrid_email_sent",
        outcome="success",
        environment="production",
    )


def test_an_event_not_marked_as_synthetic_is_remarked(around):
    around.app.habits.marks_synthetic_events = False
    run = around.runner().run(SENDGRID, EMAIL)
    assert run.result is Result.ARRIVED
    assert "synthetic" in run.remarks[0]


def test_the_apps_own_limit_is_not_held_against_the_release(around):
    limit = faults.answer(429, {"message": "slow down"}, {"retry-after": "3600"})
    around.app.fail_next("POST", "/twilio-sms", limit)
    run = around.runner().run(TWILIO, SMS)
    assert run.result is Result.LIMITED
    assert not run.result.is_failure


def test_money_moves_only_where_the_configuration_says_the_path_is_a_test_path(around):
    with pytest.raises(Refused, match="moves money") as refusal:
        around.runner(test_paths=frozenset()).run(PAYTR, WITHDRAW)
    assert "[providers.paytr] test_path = true" in (refusal.value.next_step or "")
    assert around.paths() == []


def two_steps(**changes: object) -> FlowSpec:
    """A withdrawal, then a request that fails."""
    broken = StepSpec(name="receipt", path="/functions/v1/no-such-function", body={})
    return msgspec.structs.replace(WITHDRAW, steps=(*WITHDRAW.steps, broken), **changes)


def test_what_was_made_is_cleaned_up_after_a_failure(around):
    run = around.runner().run(PAYTR, two_steps())
    assert run.result is Result.REFUSED
    assert run.cleaned
    assert around.app.withdrawals == set()


def test_what_was_made_is_cleaned_up_after_an_interruption(around):
    def interrupt(seconds: float) -> None:
        raise KeyboardInterrupt

    around.app.habits.loses_events = True
    runner = around.runner()
    runner._context = replace(runner._context, sleep=interrupt)
    with pytest.raises(KeyboardInterrupt):
        runner.run(PAYTR, WITHDRAW)
    assert around.app.executed
    assert around.app.withdrawals == set()


def test_a_clean_up_that_fails_is_done_by_the_next_run(around):
    around.app.fail_next("DELETE", "/paytr-withdraw", faults.answer(405, {"message": "not now"}))
    run = around.runner().run(PAYTR, WITHDRAW)
    assert not run.cleaned
    assert around.app.withdrawals
    around.runner("deployment-2").recover(PAYTR, WITHDRAW)
    assert around.app.withdrawals == set()
    before = around.paths()
    around.runner("deployment-3").recover(PAYTR, WITHDRAW)
    assert around.paths() == before


def test_a_withdrawal_whose_answer_was_lost_is_found_by_its_key_and_taken_back(around):
    card = honouring(PAYTR)
    around.app.fail_next("POST", "/paytr-withdraw", faults.reset(takes_effect=True), times=5)
    run = around.runner().run(card, card.flows[0])
    assert not run.cleaned
    assert len(around.app.executed) == 1
    around.app.heal()
    around.runner("deployment-2").recover(card, card.flows[0])
    assert len(around.app.executed) == 1
    assert around.app.withdrawals == set()


def test_an_amount_above_the_cap_is_never_sent(around):
    answer = StepSpec(name="ask", path="/functions/v1/get-idenfy-token", extract={"sum": "id"})
    greedy = StepSpec(name="withdraw", path="/functions/v1/paytr-withdraw", body={"amount": "{sum}"})
    flow = msgspec.structs.replace(WITHDRAW, steps=(answer, greedy))
    around.app.fail_next("POST", "/get-idenfy-token", faults.answer(200, {"id": "5000"}))
    with pytest.raises(ConfigError, match="would ask for 5000, more than max_amount"):
        around.runner().run(PAYTR, flow)
    assert not [path for path in around.paths() if "paytr" in path]


@pytest.mark.parametrize(
    ("missing", "kind", "code"),
    [("synthetic", Refused, 4), ("correlation_id", ConfigError, 2), ("release", ConfigError, 2)],
)
def test_a_log_without_a_column_that_flows_need_stops_them_before_any_request(around, missing, kind, code):
    around.log.capabilities = Capabilities(around.log.capabilities.columns - {missing})
    with pytest.raises(kind, match=missing) as refusal:
        around.runner().run(SENDGRID, EMAIL)
    assert refusal.value.exit_code == code
    assert around.paths() == []


def test_steps_take_values_from_answers_and_leave_out_what_was_not_made(around):
    first = StepSpec(name="first", path="/functions/v1/sendgrid-email", extract={"ref": "id", "none": "a.b.0"})
    second = StepSpec(name="second", path="/functions/v1/twilio-sms", body={"of": "{ref}"}, when="ref")
    never = StepSpec(name="never", path="/functions/v1/twilio-sms", when="none")
    flow = msgspec.structs.replace(EMAIL, steps=(first, second, never))
    run = around.runner().run(SENDGRID, flow)
    assert [step.name for step in run.steps] == ["first", "second"]
    answer = json.loads(around.app.requests[-1].body)
    assert len(answer["of"]) == 16


def test_a_run_of_another_release_that_was_killed_is_tidied_up(around, monkeypatch):
    key = around.runner("deployment-1")._next_key(PAYTR, WITHDRAW)
    killed = KeyboardInterrupt()

    def die(*_: object) -> None:
        raise killed

    with monkeypatch.context() as patched:
        patched.setattr(FlowExecution, "clean_up", die)
        with pytest.raises(KeyboardInterrupt):
            around.runner("deployment-1").run(PAYTR, WITHDRAW)
    assert around.app.withdrawals
    (run,) = around.runner("deployment-2").recover(PAYTR, WITHDRAW)
    assert (run.key, run.result, run.cleaned) == (key, Result.ABANDONED, True)
    assert around.app.withdrawals == set()
    assert len(around.app.executed) == 1


def test_nothing_secret_or_personal_is_written_to_the_log(around):
    for card, flow in FLOWS:
        around.runner().run(card, flow)
    text = " ".join(f"{row.detail} {row.correlation_id} {row.source}" for row in ours(around))
    for secret in (around.app.email, around.app.password, around.app.anon_key):
        assert secret not in text


def test_our_own_rows_are_marked_synthetic_and_ours(around):
    around.runner().run(SENDGRID, EMAIL)
    rows = ours(around)
    assert [row.event for row in rows] == ["flow_started", "flow_finished"]
    assert all(row.synthetic and row.detail["provider"] == "sendgrid" for row in rows)
