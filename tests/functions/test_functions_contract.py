"""What every implementation of the functions room keeps; each is one line in ``KINDS``."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta

import pytest

from releaseguard.errors import AccessDenied, NotFound, ServiceError
from releaseguard.functions.interface import FunctionLogs
from releaseguard.model import utc_now
from releaseguard.sandbox.serving import faults
from releaseguard.sandbox.supabase import SupabaseStandIn
from releaseguard.services.supabase.functions import SupabaseFunctionLogs
from tests.support import contracts
from tests.support.adapters import Connections

NOW = utc_now()
HOUR = timedelta(hours=1)


@dataclass
class Side:
    """One implementation, and what is behind it."""

    logs: FunctionLogs
    called: Callable[..., None]
    wrote: Callable[..., None]
    stand_in: SupabaseStandIn
    reopen: Callable[..., FunctionLogs]


@contextmanager
def supabase() -> Iterator[Side]:
    with SupabaseStandIn() as stand_in:
        connections = Connections()
        ref = stand_in.add_project("app", ("mail", "sms")).ref

        def reopen(ref: str = ref, token: str = stand_in.token) -> FunctionLogs:
            return SupabaseFunctionLogs(connections(stand_in, token), ref)

        yield Side(
            reopen(),
            lambda name, status, ago=0: stand_in.called(ref, name, status, NOW - timedelta(minutes=ago)),
            lambda name, text, kind="error", ago=0: stand_in.wrote(ref, name, text, kind, NOW - timedelta(minutes=ago)),
            stand_in,
            reopen,
        )
        connections.close()
        assert stand_in.crashes == []
        if contracts.available():
            contracts.check("supabase", stand_in.requests)


KINDS = {"supabase": supabase}


@pytest.fixture(params=sorted(KINDS))
def side(request):
    with KINDS[request.param]() as opened:
        yield opened


def named(side: Side, name: str):
    return next(one for one in side.logs.functions() if one.name == name)


def test_functions_are_listed_with_their_state(side):
    found = {one.name: one for one in side.logs.functions()}
    assert set(found) == {"mail", "sms"}
    assert found["mail"].active
    assert found["mail"].version == 1
    assert abs(found["mail"].changed_at - utc_now()) < timedelta(minutes=5)


def test_calls_are_counted_by_function_time_and_status(side):
    for status in (200, 200, 404, 500, 500, 503):
        side.called("mail", status, ago=5)
    side.called("mail", 500, ago=90)
    side.called("sms", 500, ago=5)
    calls = side.logs.calls(named(side, "mail"), NOW - HOUR, NOW)
    assert (calls.total, calls.failed) == (6, 3)
    assert calls.statuses == {404: 1, 500: 2, 503: 1}


def test_a_function_that_nobody_called_has_no_calls_and_no_statistics(side):
    assert side.logs.calls(named(side, "mail"), NOW - HOUR, NOW).total == 0
    assert side.logs.statistics(named(side, "mail")) is None


def test_statistics_are_of_one_function(side):
    for status in (200, 500):
        side.called("mail", status, ago=1)
    side.called("sms", 200, ago=1)
    found = side.logs.statistics(named(side, "mail"))
    assert (found.total, found.failed) == (2, 1)


def test_the_newest_errors_and_warnings_come_oldest_first(side):
    for minute in range(6, 0, -1):
        side.wrote("mail", f"line {minute}", ago=minute)
    side.wrote("mail", "careful", "warning", ago=0.5)
    side.wrote("mail", "all is well", "info", ago=0.5)
    side.wrote("sms", "somebody else's", ago=0.5)
    lines = side.logs.troubles(named(side, "mail"), NOW - HOUR, NOW, 3)
    assert [line.text for line in lines] == ["line 2", "line 1", "careful"]
    assert lines[-1].level == "warning"
    assert [line.at for line in lines] == sorted(line.at for line in lines)


def test_a_long_time_is_cut_to_what_may_be_asked(side):
    side.called("mail", 500, ago=10)
    assert side.logs.calls(named(side, "mail"), NOW - timedelta(days=3), NOW).failed == 1


def test_a_project_that_is_not_there_and_a_token_that_is_refused(side):
    with pytest.raises(NotFound):
        side.reopen("z" * 20).functions()
    with pytest.raises(AccessDenied):
        side.reopen(token="sbp_wrong").functions()


def test_an_answer_that_holds_an_error_is_no_empty_log(side):
    function = named(side, "mail")
    side.stand_in.fail_next("GET", "logs.all", faults.answer(200, {"error": "quota exceeded"}))
    with pytest.raises(ServiceError, match="about its logs"):
        side.logs.calls(function, NOW - HOUR, NOW)


def test_what_a_function_wrote_is_in_no_representation(side):
    side.wrote("mail", "user jane@example.com", ago=1)
    assert "jane" not in repr(side.logs.troubles(named(side, "mail"), NOW - HOUR, NOW, 5))


def test_an_answer_that_is_no_list_does_not_say_that_there_are_no_functions(side):
    side.stand_in.fail_next("GET", "/functions", faults.answer(200, {}))
    with pytest.raises(ServiceError, match="not a list"):
        side.logs.functions()


def test_the_platforms_own_logs_are_read_each_for_itself(side):
    (ref,) = side.stand_in.projects
    at = NOW - timedelta(minutes=5)
    side.stand_in.platform_failed(ref, "postgres_logs", "permission denied for table moments", at=at)
    side.stand_in.platform_failed(ref, "postgres_logs", "too old", at=NOW - 3 * HOUR)
    found = {one.name: [line.text for line in one.newest] for one in side.logs.platform(NOW - HOUR, NOW, 5)}
    assert found == {"API": [], "database": ["permission denied for table moments"], "auth": [], "storage": []}
    assert ref in (side.logs.platform_page() or "")


def test_a_log_of_the_platform_that_cannot_be_asked_is_no_clean_one(side):
    side.stand_in.fail_next("GET", "logs.all", faults.answer(200, {"error": "quota exceeded"}))
    with pytest.raises(ServiceError, match="about its logs"):
        side.logs.platform(NOW - HOUR, NOW, 5)
