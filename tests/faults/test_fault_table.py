"""Fault x call: how a rotation ends, and how many requests reached the service."""

from __future__ import annotations

import itertools
import re
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass

import pytest

from releaseguard.errors import ExitCode
from releaseguard.rotation.values import RotateAction
from releaseguard.sandbox.serving import faults
from releaseguard.sandbox.serving.faults import InjectedFault


@dataclass(frozen=True)
class Call:
    """One kind of request. ``prepared`` brings the world into the state in which it is made."""

    service: str
    method: str
    path: str
    prepared: str = ""

    def count(self, stage) -> int:
        requests = getattr(stage.world, self.service).requests
        return sum(sent.method == self.method and bool(re.search(self.path, sent.path)) for sent in requests)


CALLS = {
    "Infisical read": Call("infisical", "GET", "/secrets/"),
    "GitHub public key": Call("github", "GET", "/actions/secrets/public-key$"),
    "GitHub PUT secret": Call("github", "PUT", "/actions/secrets/"),
    "GitHub PATCH variable": Call("github", "PATCH", "/actions/variables/"),
    "GitHub POST variable": Call("github", "POST", "/actions/variables$", "no variable"),
    "Vercel list": Call("vercel", "GET", "/env$"),
    "Vercel PATCH": Call("vercel", "PATCH", "/env/"),
    "Vercel POST env": Call("vercel", "POST", "/env$", "no record"),
    "Vercel POST deployment": Call("vercel", "POST", "/v13/deployments$"),
    "Vercel GET deployment": Call("vercel", "GET", "/v13/deployments/"),
    "Supabase GET": Call("supabase", "GET", "/secrets$"),
    "Supabase POST": Call("supabase", "POST", "/secrets$"),
}
USUAL = {
    "Infisical read": 3,  # the newest, the one before, and after the proof whether there is a newer one
    "GitHub public key": 1,
    "GitHub PUT secret": 1,
    "GitHub PATCH variable": 1,
    "GitHub POST variable": 1,
    "Vercel list": 3,
    "Vercel PATCH": 2,
    "Vercel POST env": 2,
    "Vercel POST deployment": 1,
    "Vercel GET deployment": 4,
    "Supabase GET": 4,
    "Supabase POST": 1,
}
"""How often each is sent where nothing fails: a key and its companion at a repository, at Vercel, at Supabase;
those that an app reads from are looked at once more before anything is proven."""

NEVER_BLINDLY = {"GitHub POST variable", "Vercel POST env", "Vercel POST deployment"}
"""A second one would make a second variable, record or deployment."""


def limited(service: str) -> InjectedFault:
    if service == "vercel":
        return faults.vercel_limit(1, time.time() + 1)
    return faults.infisical_limit(1) if service == "infisical" else faults.answer(429, {}, {"retry-after": "1"})


ONCE: dict[str, Callable[[str], InjectedFault]] = {
    "429": limited,
    "403 secondary": lambda _: faults.github_secondary_limit(1),
    "403 primary": lambda _: faults.github_primary_limit(int(time.time()) + 1),
    "500": lambda _: faults.answer(500, {"message": "oops"}),
    "503": lambda _: faults.answer(503, b"<html>unavailable</html>"),
    "reset": lambda _: faults.reset(),
    "half answer": lambda _: faults.half_answer(),
    "silence": lambda _: faults.silence(),
}
LIMITS = {"429", "403 secondary", "403 primary"}
ARRIVED = {"half answer"}
"""Only the answer is lost: the request took effect."""
WITHOUT_BODY = {"GitHub PUT secret", "GitHub PATCH variable"}
"""Answered 204: half of nothing is the whole answer."""


def prepare(stage, call: Call) -> None:
    world = stage.world
    if call.prepared == "no variable":
        del world.github.place("lovendo/app").variables["SENDGRID_API_KEY_VERSION"]
    if call.prepared == "no record":
        records = world.web.variables
        for key in [key for key, record in records.items() if record.key.startswith("SENDGRID")]:
            del records[key]


@pytest.mark.parametrize("name", CALLS)
def test_without_a_fault_the_numbers_are(stage, name):
    call = CALLS[name]
    prepare(stage, call)
    with stage.world.traffic(0.05):
        assert stage.rotate().state == "PROVEN"
    assert call.count(stage) == USUAL[name]
    puts = Counter(sent.path for sent in stage.world.github.requests if sent.method == "PUT")
    keys = Counter(sent.path for sent in stage.world.github.requests if sent.path.endswith("public-key"))
    assert len(puts) == len(keys) == 2
    assert {*puts.values(), *keys.values()} == {1}, "a key once for each place, a PUT once for each secret"


TOLD_APART = {"Infisical read", "GitHub PUT secret", "Vercel PATCH", "Supabase POST"} | NEVER_BLINDLY
"""A request of each service that may be repeated, and all that may not."""
ALIKE = pytest.mark.full("the same fault at another request of the same service that may be repeated")
ONE_FAULT = [
    pytest.param(fault, name, marks=() if name in TOLD_APART else ALIKE)
    for fault, name in itertools.product(ONCE, CALLS)
]


@pytest.mark.parametrize(("fault", "name"), ONE_FAULT)
def test_one_fault(stage, fault, name):
    call = CALLS[name]
    service = getattr(stage.world, call.service)
    prepare(stage, call)
    if fault == "silence":
        stage.give_up_sooner()
    service.fail_next(call.method, call.path, ONCE[fault](call.service))
    if fault == "half answer" and name in WITHOUT_BODY:
        fault = "none"
    goes_on = name not in NEVER_BLINDLY or fault in LIMITS | ARRIVED
    repeated = fault != "none" and not (name in NEVER_BLINDLY and fault in ARRIVED)
    with stage.world.traffic(0.05):
        ended = stage.rotate()
        count = call.count(stage)
        if not goes_on:
            reached = "PUSHED" if name == "Vercel POST deployment" else "STAGED"
            assert (ended.code, ended.state) == (ExitCode.SERVICE, reached), ended.shown
            assert count == USUAL[name] - (name == "Vercel POST env"), "the companion waits for its secret"
            ended = stage.rotate(RotateAction.RESUME)
    assert (ended.code, ended.state) == (ExitCode.OK, "PROVEN"), ended.shown
    if goes_on:
        assert count == USUAL[name] + repeated
    stage.assert_right()
    if fault == "403 primary":
        assert_waited_for_the_reset(stage, service)
    stage.assert_nothing_shown()


def assert_waited_for_the_reset(stage, service) -> None:
    offset = stage.waits.wall() - stage.waits.elapsed()
    [refused] = [
        sent
        for sent in service.requests
        if sent.answer and "x-ratelimit-reset" in sent.answer.headers and sent.answer.status == 403
    ]
    until = int(refused.answer.headers["x-ratelimit-reset"])
    later = [sent.at + offset for sent in service.requests if sent.at > refused.ended]
    assert later
    assert min(later) >= until - 0.05, "sent before x-ratelimit-reset"


@pytest.mark.parametrize("name", sorted(NEVER_BLINDLY))
@pytest.mark.parametrize(
    "fault", [faults.reset(takes_effect=True), faults.answer(500, {}, takes_effect=True)], ids=["reset", "500"]
)
def test_what_arrived_although_its_answer_was_lost_is_found_and_not_sent_again(stage, fault, name):
    call = CALLS[name]
    prepare(stage, call)
    getattr(stage.world, call.service).fail_next(call.method, call.path, fault)
    with stage.world.traffic(0.05):
        ended = stage.rotate()
    assert (ended.code, ended.state) == (ExitCode.OK, "PROVEN"), ended.shown
    assert call.count(stage) == USUAL[name]
    stage.assert_right()


FOR_GOOD: dict[str, tuple[Callable[[], InjectedFault], int]] = {
    "500": (lambda: faults.answer(500, {"message": "oops"}), 4),
    "reset": (faults.reset, 4),
    "half answer": (faults.half_answer, 4),
    "silence": (faults.silence, 2),
    "429 for a minute": (lambda: faults.answer(429, {}, {"retry-after": "60"}), 1),
    "403 secondary for a minute": (lambda: faults.github_secondary_limit(60), 1),
    "403 primary for an hour": (lambda: faults.github_primary_limit(time.time() + 3600), 1),
}
"""The fault, and how often a request is tried that may be repeated."""


STAYING = [
    (fault, name)
    for fault in FOR_GOOD
    for name in ("Infisical read", "GitHub PUT secret", "Vercel GET deployment", "Supabase POST")
    if (fault, name) != ("half answer", "GitHub PUT secret")  # 204: it has no half
]


@pytest.mark.parametrize(("fault", "name"), STAYING)
def test_a_fault_that_stays(stage, fault, name):
    call, (make, tries) = CALLS[name], FOR_GOOD[fault]
    service = getattr(stage.world, call.service)
    if fault == "silence":
        stage.give_up_sooner()
    service.fail_next(call.method, call.path, make(), times=99)
    ended = stage.rotate()
    assert ended.code is ExitCode.SERVICE
    assert call.count(stage) == tries
    assert ended.state == {"Infisical read": None, "Vercel GET deployment": "PUSHED"}.get(name, "STAGED")
    assert service.violations == []
    stage.assert_nothing_shown()


@pytest.mark.parametrize("fault", ["500", "silence"])
@pytest.mark.parametrize("name", ["GitHub PUT secret", "Supabase POST"])
def test_once_the_service_is_back_the_rotation_is_finished_by_resume(stage, fault, name):
    call = CALLS[name]
    service = getattr(stage.world, call.service)
    if fault == "silence":
        stage.give_up_sooner()
    service.fail_next(call.method, call.path, FOR_GOOD[fault][0](), times=99)
    with stage.world.traffic(0.05):
        assert stage.rotate().code is ExitCode.SERVICE
        service.heal()
        written = call.count(stage)
        ended = stage.rotate(RotateAction.RESUME)
    assert (ended.code, ended.state) == (ExitCode.OK, "PROVEN"), ended.shown
    assert call.count(stage) == written + 1
    stage.assert_right()
