"""The stand-in app holds real keys, writes down what it saw, and can do everything wrong that real apps do."""

from __future__ import annotations

import base64
import json
import threading
from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Any

import httpx2
import pytest

from releaseguard.model import Event, Outcome, utc_now
from releaseguard.sandbox.providers import Trouble
from releaseguard.sandbox.world import World

Client = Callable[..., httpx2.Client]
SEND = "/functions/v1/sendgrid-email"


def sign_in(world: World, client: Client) -> httpx2.Client:
    app = client(world.app)
    app.headers["apikey"] = world.app.anon_key
    body = {"email": world.app.email, "password": world.app.password}
    session = app.post("/auth/v1/token", params={"grant_type": "password"}, json=body).json()
    app.headers["authorization"] = f"Bearer {session['access_token']}"
    return app


def claims(app: httpx2.Client) -> Any:
    payload = app.headers["authorization"].split(".")[1]
    return json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))


def newest(world: World) -> Event:
    return world.app.events[-1]


def test_sign_in_gives_a_token_that_says_synthetic(world: World, client: Client) -> None:
    assert claims(sign_in(world, client))["app_metadata"]["synthetic"] is True
    world.app.habits.marks_test_user = False
    assert "synthetic" not in claims(sign_in(world, client))["app_metadata"]


@pytest.mark.parametrize(
    ("query", "change", "headers", "status"),
    [
        ({"grant_type": "password"}, {"password": "wrong"}, {}, 400),
        ({"grant_type": "magic"}, {}, {}, 400),
        ({"grant_type": "password"}, {}, {"apikey": "wrong"}, 401),
    ],
)
def test_sign_in_is_refused(
    world: World, client: Client, query: dict[str, str], change: dict[str, str], headers: dict[str, str], status: int
) -> None:
    body = {"email": world.app.email, "password": world.app.password, **change}
    sent = {"apikey": world.app.anon_key, **headers}
    assert client(world.app).post("/auth/v1/token", params=query, json=body, headers=sent).status_code == status


@pytest.mark.parametrize("token", ["", "a.b.c"])
def test_a_function_needs_a_token_that_this_app_signed(world: World, client: Client, token: str) -> None:
    app = sign_in(world, client)
    forged = app.headers["authorization"][:-4] + "AAAA" if token else ""
    assert app.post(SEND, json={}, headers={"authorization": forged}).status_code == 401
    assert world.app.executed == []


@pytest.mark.parametrize(
    ("path", "event"),
    [
        ("/rest/v1/rpc/discover", "supabase_rpc_ok"),
        (SEND, "sendgrid_email_sent"),
        ("/functions/v1/twilio-sms", "twilio_sms_sent"),
        ("/functions/v1/paytr-withdraw", "paytr_withdraw_initiated"),
        ("/functions/v1/get-idenfy-token", "idenfy_token_issued"),
        ("/functions/v1/geocode", "mapbox_geocode_ok"),
    ],
)
def test_each_function_leaves_its_event(world: World, client: Client, path: str, event: str) -> None:
    app = sign_in(world, client)
    assert app.post(path, json={}, headers={"x-correlation-id": "c1"}).status_code == 200
    got = newest(world)
    assert (got.event, got.correlation_id, got.synthetic, got.release) == (event, "c1", True, world.release)


def test_an_idempotency_key_is_carried_out_once(world: World, client: Client) -> None:
    app = sign_in(world, client)
    answers = [app.post(SEND, json={}, headers={"idempotency-key": "k"}).json() for _ in range(3)]
    assert answers[0] == answers[1] == answers[2]
    assert world.app.executed == [("sendgrid-email", "k")]
    world.app.habits.executes_twice = True
    app.post(SEND, json={}, headers={"idempotency-key": "k"})
    assert len(world.app.executed) == 2


def test_a_withdrawal_stays_until_it_is_taken_back(world: World, client: Client) -> None:
    app, path = sign_in(world, client), "/functions/v1/paytr-withdraw"
    made = app.post(path, json={"amount": 1}).json()["withdrawal_id"]
    assert world.app.withdrawals == {made}
    assert app.request("DELETE", path, json={"withdrawal_id": made}).status_code == 200
    assert world.app.withdrawals == set()
    assert app.request("DELETE", path, json={"withdrawal_id": made}).status_code == 404


def test_a_revoked_key_is_refused_where_it_is_really_held(world: World, client: Client) -> None:
    world.revoke("SENDGRID_API_KEY", 1)
    assert sign_in(world, client).post(SEND, json={}).status_code == 502
    assert (newest(world).event, newest(world).error_code) == ("sendgrid_error", "401")


def rotated(world: World) -> None:
    """The new key is at every destination and the web has been deployed again."""
    version = world.new_key("SENDGRID_API_KEY")
    for uri in world.destinations["sendgrid"]:
        world.put_at(uri, "SENDGRID_API_KEY", world.infisical.value("SENDGRID_API_KEY"))
        world.put_at(uri, "SENDGRID_API_KEY_VERSION", str(version), plain=True)
    world.vercel.deploy(world.web, world.release)


def seen(world: World, processes: Sequence[str] = ("web", "sendgrid-email")) -> dict[str, Event]:
    """The newest SendGrid event of each process after a user has passed by."""
    world.app.events.clear()
    world.app.visit(processes)
    return {str(event.source): event for event in world.app.events if event.provider == "sendgrid"}


def test_processes_say_the_version_they_really_hold(world: World) -> None:
    assert {event.detail["secret_version"] for event in seen(world).values()} == {"1"}
    rotated(world)
    assert {event.detail["secret_version"] for event in seen(world).values()} == {"2"}
    world.revoke("SENDGRID_API_KEY", 1)
    assert {event.outcome for event in seen(world).values()} == {Outcome.SUCCESS}


@pytest.mark.parametrize("kept", ["web", "sendgrid-email"])
def test_one_process_can_keep_the_old_key(world: World, kept: str) -> None:
    world.app.keep_keys(kept)
    rotated(world)
    world.revoke("SENDGRID_API_KEY", 1)
    outcomes = {source: event.outcome for source, event in seen(world).items()}
    assert outcomes.pop(kept) is Outcome.ERROR
    assert set(outcomes.values()) == {Outcome.SUCCESS}


def test_a_frozen_process_runs_on_with_the_old_deployment(world: World) -> None:
    before = seen(world)["web"]
    world.app.freeze("web")
    rotated(world)
    world.deploy("new release")
    after = seen(world)
    assert (after["web"].release, after["web"].detail) == (before.release, before.detail)
    assert after["sendgrid-email"].release == "new release"


def test_events_of_the_web_carry_the_deployment_and_a_redeploy_keeps_the_release(world: World) -> None:
    before = seen(world)["web"]
    rotated(world)
    after = seen(world)["web"]
    assert after.release == before.release
    assert after.detail["deployment_id"] != before.detail["deployment_id"]
    world.app.habits.release_per_deployment = True
    assert seen(world)["web"].release != before.release


@pytest.mark.parametrize(
    ("habit", "told"),
    [
        ("labels_version", lambda event: "secret_version" in event.detail),
        ("labels_deployment", lambda event: "deployment_id" in event.detail),
    ],
)
def test_labels_can_be_missing(world: World, habit: str, told: Callable[[Event], bool]) -> None:
    assert told(seen(world)["web"])
    setattr(world.app.habits, habit, False)
    assert not told(seen(world)["web"])


def test_a_liar_writes_refusals_down_as_successes(world: World) -> None:
    world.revoke("SENDGRID_API_KEY", 1)
    world.app.habits.lies = True
    assert {event.outcome for event in seen(world).values()} == {Outcome.SUCCESS}


def test_correlation_ids_synthetic_marks_and_whole_events_can_be_lost(world: World, client: Client) -> None:
    app, habits = sign_in(world, client), world.app.habits
    habits.drops_correlation_ids, habits.marks_synthetic_events = True, False
    app.post(SEND, json={}, headers={"x-correlation-id": "c"})
    assert (newest(world).correlation_id, newest(world).synthetic) == (None, False)
    habits.loses_events = True
    world.app.events.clear()
    app.post(SEND, json={})
    assert list(world.app.events) == []


def test_the_clock_can_be_skewed(world: World) -> None:
    world.app.habits.clock_skew = timedelta(hours=-2)
    assert utc_now() - seen(world)["web"].occurred_at > timedelta(hours=1)


def test_a_provider_in_trouble_fails_its_share(world: World) -> None:
    world.providers.troubles["sendgrid"] = Trouble(1.0, "503")
    assert {event.error_code for event in seen(world).values()} == {"503"}


def test_events_go_to_the_log_that_is_given(world: World) -> None:
    logged: list[Event] = []
    world.app.log = logged.extend
    world.app.visit()
    assert logged == list(world.app.events)
    assert {event.source for event in logged} == {"web", "sendgrid-email"}


def test_traffic_uses_every_process_until_it_is_stopped(world: World) -> None:
    enough = threading.Event()
    world.app.log = lambda _events: enough.set() if len(world.app.events) >= 6 else None
    with world.traffic(0.001):
        assert enough.wait(30)
    assert {"web", "sendgrid-email"} == {event.source for event in world.app.events}


def test_a_log_that_breaks_stops_the_traffic_and_is_told(world: World) -> None:
    tried = threading.Event()

    def broken(_events: Sequence[Event]) -> None:
        tried.set()
        raise OSError("the log is gone")

    world.app.log = broken
    with world.traffic(0.001):
        assert tried.wait(30)
    assert [str(mistake) for mistake in world.crashes] == ["the log is gone"]
    world.app.crashes.clear()
