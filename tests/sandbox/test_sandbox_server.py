"""What every stand-in has in common: faults on demand, the journal, hooks."""

from __future__ import annotations

import threading
from collections.abc import Callable

import httpx2
import pytest

from releaseguard.sandbox.serving import faults
from releaseguard.sandbox.serving.exchange import Drop, Recorded
from releaseguard.sandbox.serving.faults import InjectedFault
from releaseguard.sandbox.supabase import SupabaseStandIn
from releaseguard.sandbox.world import World

Client = Callable[..., httpx2.Client]


def write(world: World, client: Client, **options: object) -> httpx2.Response:
    body = [{"name": "NEW", "value": "v"}]
    home = f"/v1/projects/{world.edge.ref}/secrets"
    return client(world.supabase, world.supabase.token).post(home, json=body, **options)


def written(world: World) -> bool:
    return "NEW" in world.supabase.environment(world.edge.ref)


@pytest.mark.parametrize(
    ("fault", "error", "effect"),
    [
        (faults.reset(), httpx2.ReadError, False),
        (faults.reset(takes_effect=True), httpx2.ReadError, True),
        (faults.half_answer(), httpx2.RemoteProtocolError, True),
        (faults.half_answer(takes_effect=False), httpx2.RemoteProtocolError, False),
    ],
)
def test_a_broken_connection_says_nothing_about_the_effect(
    world: World, client: Client, fault: InjectedFault, error: type[Exception], effect: bool
) -> None:
    world.supabase.fail_next("POST", "/secrets", fault)
    with pytest.raises(error):
        write(world, client)
    assert written(world) is effect


@pytest.mark.parametrize("effect", [False, True])
def test_silence_outlasts_the_clients_patience(world: World, client: Client, effect: bool) -> None:
    world.supabase.fail_next("POST", "/secrets", faults.silence(takes_effect=effect))
    with pytest.raises(httpx2.ReadTimeout):
        write(world, client, timeout=0.1)
    assert written(world) is effect


def test_silence_ends_when_it_is_released(world: World, client: Client) -> None:
    ended: list[Exception] = []

    def patient() -> None:
        try:
            write(world, client, timeout=60)
        except httpx2.RemoteProtocolError as error:
            ended.append(error)

    world.supabase.fail_next("POST", "/secrets", faults.silence())
    thread = threading.Thread(target=patient)
    thread.start()
    while thread.is_alive():
        world.supabase.release()
        thread.join(0.01)
    assert len(ended) == 1


def test_a_fault_is_over_after_its_times(world: World, client: Client) -> None:
    world.supabase.fail_next("POST", "/secrets", faults.answer(503, b"upstream"), times=2)
    assert [write(world, client).status_code for _ in range(3)] == [503, 503, 201]


def test_a_fault_meets_only_its_method_and_path(world: World, client: Client) -> None:
    world.supabase.fail_next("GET", "/secrets", faults.answer(500))
    world.supabase.fail_next("POST", "/functions", faults.answer(500))
    assert write(world, client).status_code == 201


def test_healing_forgets_what_was_planned(world: World, client: Client) -> None:
    world.supabase.fail_next("*", ".", faults.reset(), times=9)
    world.heal()
    assert write(world, client).status_code == 201


def test_a_request_sent_while_retry_after_runs_is_a_violation(world: World, client: Client) -> None:
    world.supabase.fail_next("POST", "/secrets", faults.answer(429, {}, {"retry-after": "60"}))
    assert write(world, client).status_code == 429
    assert world.supabase.violations == []
    write(world, client)
    assert [record.method for record in world.supabase.violations] == ["POST"]


def test_hooks_see_each_request_before_and_after_its_effect(world: World, client: Client) -> None:
    seen: list[tuple[str, bool]] = []
    world.supabase.before.append(lambda _record: seen.append(("before", written(world))))
    world.supabase.after.append(lambda _record: seen.append(("after", written(world))))
    write(world, client)
    assert seen == [("before", False), ("after", True)]


@pytest.mark.parametrize(("moment", "effect"), [("before", False), ("after", True)])
def test_a_hook_can_drop_the_connection(world: World, client: Client, moment: str, effect: bool) -> None:
    def drop(_record: Recorded) -> None:
        raise Drop

    getattr(world.supabase, moment).append(drop)
    with pytest.raises(httpx2.RemoteProtocolError):
        write(world, client)
    assert written(world) is effect
    assert world.supabase.requests[-1].status is None


def test_the_journal_knows_order_status_and_answer(world: World, client: Client) -> None:
    write(world, client)
    client(world.supabase, world.supabase.token).get("/nowhere")
    first, second = world.supabase.requests
    assert (first.number, first.method, first.status, first.writes) == (1, "POST", 201, True)
    assert (second.number, second.path, second.status, second.writes) == (2, "/nowhere", 404, False)
    assert first.at <= second.at


def test_requests_at_once_are_counted(world: World, client: Client) -> None:
    both = threading.Barrier(2, timeout=10)
    world.supabase.before.append(lambda _record: both.wait() and None)
    threads = [threading.Thread(target=write, args=(world, client)) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert world.supabase.most_at_once == 2


def test_a_stopped_stand_in_refuses_and_comes_back_at_the_same_address(client: Client) -> None:
    stand_in = SupabaseStandIn().start()
    address = stand_in.url
    stand_in.stop()
    with pytest.raises(httpx2.ConnectError):
        client(stand_in, stand_in.token).get("/v1/projects")
    with stand_in.start():
        assert stand_in.url == address
        assert client(stand_in, stand_in.token).get("/v1/projects").json() == []


def test_stopping_ends_silences_and_idle_connections(client: Client) -> None:
    with SupabaseStandIn() as stand_in:
        kept_alive = client(stand_in, stand_in.token)
        kept_alive.get("/v1/projects")
        stand_in.fail_next("GET", ".", faults.silence())
        with pytest.raises(httpx2.ReadTimeout):
            client(stand_in, stand_in.token).get("/v1/projects", timeout=0.1)


def test_a_mistake_of_the_stand_in_is_kept_and_answered(world: World, client: Client) -> None:
    def trip(_record: Recorded) -> None:
        raise RuntimeError("a mistake")

    world.supabase.before.append(trip)
    assert write(world, client).status_code == 500
    assert [str(mistake) for mistake in world.crashes] == ["a mistake"]
    world.supabase.crashes.clear()
