"""Every fault of a service against every kind of call: the outcome, the requests it took, the time it waited."""

from __future__ import annotations

import concurrent.futures
import select
import socket
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from datetime import timedelta
from email.utils import format_datetime
from typing import Any

import httpcore2
import pytest

from releaseguard.clocks import Clocks
from releaseguard.errors import (
    AccessDenied,
    LeaseHeld,
    NotFound,
    RateLimited,
    ReleaseguardError,
    SafeModeRefusal,
    ServiceError,
    Unreachable,
    UsageError,
)
from releaseguard.http import Authorization, Limits, Reply, ServiceClient, TimeLimits, quoted
from releaseguard.http.transport import _this_thread
from releaseguard.safemode import build_policy, guarding
from releaseguard.settings import NetworkSection, seconds
from tests.http.conftest import DRIP, HALF, HANG_UP, RESET, SILENCE, START, Answer, FakeClock, Service

Connect = Callable[..., ServiceClient]

EPOCH = START.timestamp()
SECONDARY = b'{"message": "You have exceeded a secondary rate limit. Please wait."}'
VERCEL_LIMIT = b'{"error": {"code": "rate_limited", "message": "slow", "limit": {"remaining": 0, "reset": %d}}}'


def outcome(client: ServiceClient, method: str) -> int | type[ReleaseguardError]:
    try:
        return client.request(method, "/thing", json=None if method == "GET" else {"a": 1}).status
    except ReleaseguardError as error:
        return type(error)


REPEATABLE_FAULTS = [
    # fault, answers of that kind in a row, outcome, requests
    (Answer(500), 1, 200, 2),
    (Answer(502), 3, 200, 4),
    (Answer(503), 9, Unreachable, 4),
    (RESET, 1, 200, 2),
    (RESET, 9, Unreachable, 4),
    (HALF, 1, 200, 2),
    (HALF, 9, Unreachable, 4),
    (SILENCE, 1, 200, 2),
    (SILENCE, 9, Unreachable, 2),
    (DRIP, 9, Unreachable, 2),
]


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE"])
@pytest.mark.parametrize(("fault", "times", "expected", "requests"), REPEATABLE_FAULTS)
def test_faults_of_a_repeatable_call(
    connect: Connect, service: Service, method: str, fault: Answer | str, times: int, expected: object, requests: int
) -> None:
    service.script = [fault] * times
    client = connect(times=TimeLimits(request=0.2 if fault in (SILENCE, DRIP) else 5.0))
    assert outcome(client, method) == expected
    assert len(service.arrived) == requests


@pytest.mark.parametrize("method", ["POST", "PATCH"])
@pytest.mark.parametrize(
    ("fault", "expected"),
    [
        (Answer(500), ServiceError),
        (Answer(503, {"retry-after": "1"}), ServiceError),
        (RESET, Unreachable),
        (HALF, Unreachable),
        (SILENCE, Unreachable),
        (DRIP, Unreachable),
    ],
)
def test_a_call_that_must_not_arrive_twice_is_sent_once_and_its_effect_is_called_unknown(
    connect: Connect, service: Service, method: str, fault: Answer | str, expected: type[ServiceError]
) -> None:
    service.script = [fault]
    client = connect(times=TimeLimits(request=0.2 if fault in (SILENCE, DRIP) else 5.0))
    with pytest.raises(expected, match="effect is unknown") as caught:
        client.request(method, "/thing", json={"a": 1})
    assert type(caught.value) is expected
    assert len(service.arrived) == 1


@pytest.mark.parametrize("step", [Answer(500), Answer(429, {"retry-after": "1"}), RESET, HALF, SILENCE])
def test_every_try_of_a_write_that_may_have_arrived_is_told(
    connect: Connect, service: Service, step: Answer | str
) -> None:
    service.script = [step]
    told: list[str] = []
    client = connect(times=TimeLimits(request=0.2 if step == SILENCE else 5.0))
    client.request("PUT", "/thing", json={}, on_write=lambda: told.append("w"))
    client.request("GET", "/thing", on_write=lambda: told.append("a read is no write"))
    assert told == ["w", "w"]


def test_a_write_that_found_nobody_is_not_told(connect: Connect, service: Service) -> None:
    told: list[str] = []
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port = listener.getsockname()[1]
    client = connect(base_url=f"http://127.0.0.1:{port}")
    with pytest.raises(Unreachable):
        client.request("PUT", "/thing", json={}, on_write=lambda: told.append("w"))
    assert told == []


def test_a_post_that_is_said_to_be_repeatable_is_repeated(connect: Connect, service: Service) -> None:
    service.script = [RESET, Answer(502)]
    assert connect().request("POST", "/thing", json=[], repeatable=True).status == 200
    assert len(service.arrived) == 3


LIMITS = [
    # answer, seconds that it asks for
    (Answer(429, {"retry-after": "7"}), 7),
    (Answer(429, {"retry-after": "0"}), 0),
    (Answer(429, {"retry-after": format_datetime(START + timedelta(seconds=40))}), 40),
    (Answer(429, {"retry-after": "Tue, 24 Nov 2026 09:00:00 GMT"}), 0),
    (Answer(429, {"x-ratelimit-remaining": "0", "x-ratelimit-reset": str(int(EPOCH) + 33)}), 33),
    (Answer(429, {"x-ratelimit-reset": "12"}), 12),
    (Answer(429, {}, VERCEL_LIMIT % (EPOCH + 21)), 21),
    (Answer(429, {}, VERCEL_LIMIT % ((EPOCH + 22) * 1000)), 22),
    (Answer(429), 60),
    (Answer(429, {"retry-after": "soon"}), 60),
    (Answer(403, {"retry-after": "5"}), 5),
    (Answer(403, {"x-ratelimit-remaining": "0", "x-ratelimit-reset": str(int(EPOCH) + 9)}), 9),
    (Answer(403, {}, SECONDARY), 60),
    (Answer(403, {"x-ratelimit-remaining": "4999", "x-ratelimit-reset": str(int(EPOCH) + 9)}, SECONDARY), 60),
]


@pytest.mark.parametrize("method", ["GET", "PUT", "POST"])
@pytest.mark.parametrize(("limit", "seconds"), LIMITS)
def test_a_limit_is_obeyed_to_the_second_and_the_call_sent_again(
    connect: Connect, service: Service, clock: FakeClock, method: str, limit: Answer, seconds: int
) -> None:
    service.script = [limit]
    assert outcome(connect(), method) == 200
    first, second = service.arrived
    assert second.at - first.at == pytest.approx(seconds, abs=1e-6)


def test_an_unstated_limit_doubles(connect: Connect, service: Service) -> None:
    service.script = [Answer(403, {}, SECONDARY)] * 2
    assert outcome(connect(times=TimeLimits(repeats=seconds(NetworkSection().patience))), "PUT") == 200
    assert [arrived.at for arrived in service.arrived] == pytest.approx([0, 60, 180])


def test_a_limit_longer_than_the_patience_is_said_and_nothing_is_sent_while_it_runs(
    connect: Connect, service: Service, clock: FakeClock
) -> None:
    service.script = [Answer(429, {"retry-after": "600"})]
    client = connect()
    with pytest.raises(RateLimited, match="next 600 s"):
        client.request("PUT", "/thing", json={})
    with pytest.raises(RateLimited, match="600 s"):
        client.request("GET", "/other")
    clock.sleep(599)
    assert outcome(client, "POST") == 200
    assert [arrived.at for arrived in service.arrived] == pytest.approx([0, 600])


def test_a_service_that_always_says_later_is_given_up(connect: Connect, service: Service) -> None:
    service.script = [Answer(429, {"retry-after": "0"})] * 50
    assert outcome(connect(), "GET") is RateLimited
    assert len(service.arrived) == 10


def test_retry_after_of_an_overloaded_service_holds_for_all_calls(connect: Connect, service: Service) -> None:
    service.script = [Answer(503, {"retry-after": "30"})]
    assert outcome(connect(), "GET") == 200
    assert [arrived.at for arrived in service.arrived] == pytest.approx([0, 30])


@pytest.mark.parametrize(
    ("answer", "expected", "words"),
    [
        (Answer(401), AccessDenied, "RELEASEGUARD_GITHUB_TOKEN"),
        (Answer(403, {"x-accepted-github-permissions": "secrets=write"}), AccessDenied, "secrets=write"),
        (Answer(403, {"x-ratelimit-remaining": "58"}), AccessDenied, "RELEASEGUARD_GITHUB_TOKEN"),
        (Answer(404), NotFound, "may see it"),
        (Answer(409), ServiceError, "API and that the names"),
        (Answer(422), ServiceError, "API and that the names"),
        (Answer(301, {"location": "http://127.0.0.1:1/stolen"}), ServiceError, "Redirects are not followed"),
        (Answer(307, {"location": "http://127.0.0.1:1/stolen"}), ServiceError, "Redirects are not followed"),
    ],
)
def test_a_refusal_is_not_repeated_and_says_whose_turn_it_is(
    connect: Connect, service: Service, answer: Answer, expected: type[ServiceError], words: str
) -> None:
    service.script = [answer] * 3
    with pytest.raises(ServiceError) as caught:
        connect().request("GET", "/repos/o/r", params={"page": 2})
    error = caught.value
    assert type(error) is expected
    assert error.status == answer.status
    assert words in (error.next_step or "")
    assert str(error).startswith(f"{service.url[7:]}: GET /repos/o/r answered {answer.status}")
    assert len(service.arrived) == 1


def test_an_allowed_status_is_an_answer(connect: Connect, service: Service) -> None:
    service.script = [Answer(404), Answer(500)]
    client = connect()
    assert client.request("GET", "/a", allow=(404,)).status == 404
    assert client.request("GET", "/a", allow={500}).status == 500


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_refused_connection_is_tried_three_times_whatever_the_method(
    connect: Connect, clock: FakeClock, method: str
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as unused:
        port = unused.getsockname()[1]
    waits: list[float] = []
    client = connect(
        base_url=f"http://127.0.0.1:{port}",
        clocks=Clocks(clock, lambda s: (waits.append(s), clock.sleep(s)), clock.wall),
    )
    with pytest.raises(Unreachable, match=r"could not be connected to \(3 times\)$"):
        client.request(method, "/thing")
    assert len(waits) == 2
    assert sum(waits) < 3


def test_the_guard_is_asked_before_every_request_and_can_stop_a_repeat(connect: Connect, service: Service) -> None:
    asked: list[int] = []

    def guard() -> None:
        asked.append(len(service.arrived))
        if len(asked) == 5:
            raise LeaseHeld("taken over")

    service.script = [Answer(502)] * 5
    with pytest.raises(LeaseHeld):
        connect(guard=guard).request("GET", "/thing")
    assert asked == [0, 0, 1, 1, 2], "as it is admitted, and at the last moment"
    assert len(service.arrived) == 2


def test_a_limit_that_arrives_while_the_guard_is_asked_still_stops_the_request(
    connect: Connect, service: Service, clock: FakeClock
) -> None:
    def guard() -> None:
        if clock() == 0:
            client._pacer.close_for(25)

    client = connect(guard=guard)
    assert outcome(client, "GET") == 200
    assert [arrived.at for arrived in service.arrived] == pytest.approx([25])


def test_what_is_sent(connect: Connect, service: Service) -> None:
    client = connect(authorization=Authorization(lambda: {"Authorization": "Bearer plain"}))
    client.request(
        "POST", "/a/b", params={"yes": True, "n": 3, "none": None, "q": "ä&"}, json={"k": ("v",)}, headers={"X-Y": "z"}
    )
    (arrived,) = service.arrived
    assert arrived.path == "/a/b?yes=true&n=3&q=%C3%A4%26"
    assert arrived.body == b'{"k":["v"]}'
    assert arrived.headers["authorization"] == "Bearer plain"
    assert arrived.headers["x-y"] == "z"
    assert arrived.headers["user-agent"].startswith("releaseguard/")
    assert arrived.headers["content-type"] == "application/json"


def test_a_request_that_the_system_does_not_take_at_once_arrives_whole(connect: Connect, service: Service) -> None:
    large = "x" * 16_000_000  # no socket's buffer holds as much
    assert connect().request("PUT", "/thing", json={"a": large}).status == 200
    assert [len(arrived.body) for arrived in service.arrived] == [len(large) + len('{"a":""}')]


def test_the_environment_adds_neither_proxy_nor_credentials(
    connect: Connect, service: Service, monkeypatch: pytest.MonkeyPatch, tmp_path: object
) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    netrc = f"{tmp_path}/netrc"
    with open(netrc, "w", encoding="utf-8") as file:  # noqa: PTH123
        file.write("machine 127.0.0.1 login somebody password somewhere\n")
    monkeypatch.setenv("NETRC", netrc)
    assert outcome(connect(), "GET") == 200
    assert "authorization" not in service.arrived[0].headers


def test_an_address_that_no_request_can_carry_is_a_mistake_of_use(connect: Connect, service: Service) -> None:
    with pytest.raises(UsageError, match="too long"):
        connect().request("GET", "/thing", params={"a": "x" * 70_000})
    assert not service.arrived


def test_a_dead_proxy_is_named_and_not_the_service_behind_it(connect: Connect) -> None:
    client = connect(base_url="https://api.github.com", proxy="http://0177.0.0.1:1")
    with pytest.raises(Unreachable) as refused:
        client.request("GET", "/thing")
    assert refused.value.next_step == (
        "Check that the proxy, 127.0.0.1:1, runs and lets api.github.com through, then run the command again."
    )


@pytest.mark.parametrize("path", ["thing", "/a?b=c", "/a#b", "/a b", "/a\r\nx: y", "/a\\b", ""])
def test_a_path_that_is_more_than_a_path_is_not_accepted(connect: Connect, service: Service, path: str) -> None:
    with pytest.raises(ValueError, match="path"):
        connect().request("GET", path)
    assert not service.arrived


@pytest.mark.parametrize(
    ("name", "segment"), [("a/b", "a%2Fb"), ("..", "%2E%2E"), ("a b?", "a%20b%3F"), ("A.b-c_1", "A.b-c_1")]
)
def test_a_name_stays_one_part_of_the_path(connect: Connect, service: Service, name: str, segment: str) -> None:
    assert quoted(name) == segment
    connect().request("GET", f"/x/{quoted(name)}/y")
    assert service.arrived[0].path == f"/x/{segment}/y"


@pytest.mark.parametrize(
    "host", ["0177.0.0.1", "127.1", "0x7f000001", "LOCALHOST.", "127%2e0.0.1", "[::ffff:127.0.0.1]"]
)
def test_a_host_is_connected_to_in_the_spelling_that_was_checked(connect: Connect, service: Service, host: str) -> None:
    port = service.url.rpartition(":")[2]
    assert outcome(connect(base_url=f"http://{host}:{port}/"), "GET") == 200
    (arrived,) = service.arrived
    assert arrived.headers["host"] in {f"127.0.0.1:{port}", f"localhost:{port}"}


@pytest.mark.parametrize(
    "url",
    ["http://example.com", "ftp://example.com", "example.com", "https://user@example.com", "https://a\\b", ""],
)
def test_an_address_that_is_not_plain_https_is_refused_before_anything_is_sent(url: str) -> None:
    with pytest.raises(SafeModeRefusal):
        ServiceClient(service="github", base_url=url)


def test_a_policy_that_comes_into_force_later_stops_a_client_that_is_connected(
    connect: Connect, service: Service
) -> None:
    """No look-up and no connection is made any more for a hook to see: the client itself has to ask."""
    client = connect()
    allowing, refusing = build_policy({"[app] url": service.url}, {}), build_policy({}, {})
    assert outcome(client, "GET") == 200
    for _ in range(2):
        with guarding(allowing):
            assert outcome(client, "GET") == 200
        with guarding(refusing):
            assert [outcome(client, "GET"), outcome(client, "GET")] == [SafeModeRefusal] * 2
    assert len(service.arrived) == 3


def test_an_answer_that_is_not_json_names_host_and_path_and_shows_nothing_of_it(
    connect: Connect, service: Service
) -> None:
    service.script = [Answer(200, {}, b"<html>hunter2hunter2"), Answer(200, {}, b'{"a": [1]}')]
    reply = connect().request("GET", "/page")
    with pytest.raises(ServiceError, match=r"127\.0\.0\.1:\d+/page: the answer \(200\) is not JSON") as caught:
        reply.json()
    assert caught.value.__context__ is None
    assert "hunter2" not in repr(reply)
    assert connect().request("GET", "/page").json() == {"a": [1]}


def test_side_by_side_keeps_order_and_makes_failures_values(connect: Connect, service: Service) -> None:
    client = connect(limits=Limits(concurrency=3))

    def read(number: int) -> Callable[[], str]:
        return lambda: client.request("GET", f"/{number}", params={"n": number}).where.rpartition("/")[2]

    def missing() -> str:
        raise NotFound("not there")

    results = client.run_side_by_side([read(0), missing, read(2), read(3), read(4), read(5)])
    assert results[:1] + results[2:] == ["0", "2", "3", "4", "5"]
    assert isinstance(results[1], NotFound)


def test_calls_that_start_calls_do_not_wait_for_each_others_threads(connect: Connect) -> None:
    client = connect(limits=Limits(concurrency=2))

    def tree(depth: int) -> int:
        if depth == 0:
            return client.request("GET", "/leaf").status // 200
        return sum(client.run_side_by_side([lambda: tree(depth - 1)] * 3))  # type: ignore[arg-type]

    assert client.run_side_by_side([lambda: tree(2)] * 4) == [9] * 4


def test_calls_side_by_side_find_the_threads_of_those_before(connect: Connect) -> None:
    client = connect(limits=Limits(concurrency=3))
    together = threading.Barrier(3)

    def who() -> int:
        together.wait(timeout=10)
        return threading.get_ident()

    first = client.run_side_by_side([who] * 3)
    assert set(client.run_side_by_side([who] * 3)) == set(first)
    client.close()
    assert len(client.run_side_by_side([who] * 3)) == 3


@pytest.mark.parametrize("main", [True, False])
def test_the_caller_runs_the_first_call_unless_ctrl_c_could_break_it_off(connect: Connect, main: bool) -> None:
    client = connect()
    ran: list[object] = []

    def run() -> None:
        ran.extend([*client.run_side_by_side([threading.get_ident]), threading.get_ident()])

    caller = threading.Thread(target=run)
    (run if main else caller.start)()
    if not main:
        caller.join()
    assert (ran[0] == ran[1]) is not main


def test_after_ctrl_c_what_is_in_flight_is_waited_for(connect: Connect, monkeypatch: pytest.MonkeyPatch) -> None:
    client = connect(limits=Limits(concurrency=2))
    begun, over = threading.Event(), threading.Event()
    ended: list[bool] = []
    wait = concurrent.futures.wait

    def in_flight() -> None:
        begun.set()
        over.wait(timeout=10)
        ended.append(True)

    def ctrl_c(_: object) -> None:
        assert begun.wait(timeout=10)
        raise KeyboardInterrupt

    def waiting(futures: Sequence[Future[object]]) -> object:
        over.set()
        return wait(futures)

    monkeypatch.setattr(Future, "result", ctrl_c)
    monkeypatch.setattr(concurrent.futures, "wait", waiting)
    with pytest.raises(KeyboardInterrupt):
        client.run_side_by_side([in_flight] * 20)
    assert 1 <= len(ended) <= 2
    client.close()
    assert 1 <= len(ended) <= 2, "nothing was begun afterwards"


def test_no_more_requests_at_once_than_the_service_allows(connect: Connect, service: Service) -> None:
    """The guard runs inside the place that a request holds, so it sees how many there are."""
    inside, most, lock = 0, 0, threading.Lock()
    client = connect(limits=Limits(concurrency=2))
    original = client._send

    def counting(*args: object) -> Reply:
        nonlocal inside, most
        with lock:
            inside += 1
            most = max(most, inside)
        try:
            return original(*args)  # type: ignore[arg-type, return-value]
        finally:
            with lock:
                inside -= 1

    client._send = counting  # type: ignore[method-assign, assignment]
    threads = [threading.Thread(target=client.request, args=("GET", "/x")) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(service.arrived) == 8
    assert most <= 2


def test_after_an_interrupt_nothing_new_is_started(connect: Connect, service: Service) -> None:
    client = connect(limits=Limits(concurrency=1))

    def interrupted() -> int:
        raise KeyboardInterrupt

    def later() -> int:
        return client.request("GET", "/never").status

    with pytest.raises(KeyboardInterrupt):
        client.run_side_by_side([interrupted, *[later] * 50])
    assert len(service.arrived) < 50
    assert outcome(client, "GET") == 200


def test_an_interrupt_ends_a_wait_for_a_limit(connect: Connect, service: Service, clock: FakeClock) -> None:
    service.script = [Answer(429, {"retry-after": "80"})]
    client = connect(clocks=Clocks(clock, lambda seconds: (clock.sleep(seconds), client._stopped.set()), clock.wall))
    with pytest.raises(KeyboardInterrupt):
        client.request("GET", "/thing")
    assert clock() <= 1
    assert len(service.arrived) == 1


@pytest.fixture
def dialled(monkeypatch: pytest.MonkeyPatch) -> list[socket.socket]:
    """The connections that were opened, in their order."""
    opened: list[socket.socket] = []
    dial = socket.create_connection

    def dialling(*args: Any, **options: Any) -> socket.socket:
        opened.append(dial(*args, **options))
        return opened[-1]

    monkeypatch.setattr(socket, "create_connection", dialling)
    return opened


def test_requests_one_after_the_other_share_a_connection(connect: Connect, dialled: list[socket.socket]) -> None:
    client = connect()
    assert [outcome(client, method) for method in ("GET", "PUT", "GET")] == [200] * 3
    assert len(dialled) == 1


def test_a_connection_that_the_service_has_ended_is_not_used_again(
    connect: Connect, service: Service, dialled: list[socket.socket]
) -> None:
    """A POST on it would be called uncertain, though nobody was there to take it."""
    service.script = [HANG_UP]
    client = connect()
    assert outcome(client, "GET") == 200
    assert select.select(dialled, [], [], 10)[0] == dialled, "the service has ended it"
    assert outcome(client, "POST") == 200
    assert len(dialled) == 2
    assert dialled[0].fileno() == -1, "given back to the system"


def test_a_closed_client_opens_again(connect: Connect) -> None:
    client = connect()
    assert outcome(client, "GET") == 200
    client.close()
    assert outcome(client, "GET") == 200


def test_a_lease_that_ends_while_the_connection_is_made_stops_the_request(
    connect: Connect, service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    lost: list[bool] = []
    look_up = socket.getaddrinfo

    def losing(*args: object, **options: object) -> object:
        lost.append(True)
        return look_up(*args, **options)  # type: ignore[call-overload]

    def guard() -> None:
        if lost:
            raise LeaseHeld("another run holds the lease")

    monkeypatch.setattr(socket, "getaddrinfo", losing)
    with pytest.raises(LeaseHeld):
        connect(guard=guard).request("PUT", "/thing", json={"a": 1})
    assert service.arrived == []


def test_of_many_threads_only_one_is_between_its_guard_and_the_network(
    connect: Connect, service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What a stopped process still sends when it wakes up: each thread there would send one request."""
    inside, most = [0], [0]
    send = httpcore2._backends.sync.SyncStream.write

    def guard() -> None:
        if _this_thread.guard is not None:
            inside[0] += 1
            most[0] = max(most[0], inside[0])

    def sent(*args: object, **options: object) -> None:
        send(*args, **options)  # type: ignore[arg-type]
        inside[0] -= 1

    monkeypatch.setattr(httpcore2._backends.sync.SyncStream, "write", sent)
    client = connect(guard=guard, limits=Limits(concurrency=8))
    client.run_side_by_side([lambda: client.request("PUT", "/thing", json={"a": 1})] * 40)
    assert len(service.arrived) == 40
    assert (inside, most) == ([0], [1])
