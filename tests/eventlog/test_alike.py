"""Rows that are alike may come as one: no row is lost by it, none is counted twice, and none that may be private is put
together with another that says something else."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import UUID

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from releaseguard.eventlog.interface import EventLog, Query, RowQuestion
from releaseguard.model import Event
from releaseguard_events.scrub.scrubber import kinds_by_key
from tests.eventlog.test_roll_ups import NOON, uses
from tests.support.extent import examples

details = st.sampled_from(
    [
        {},
        {"secret_version": "7"},
        {"secret_version": "7", "template": "otp"},
        {"moment_id": "3f2504e0-4f89-11d3-9a0c-0305e82c3301"},
        {"deployment_id": "dpl_1"},
        {"deployment_id": "dpl_2", "duration_ms": 3012},
        {"deployment_id": True},
        {"deployment_id": "true"},
        {"note": "somebody"},
        {"to": "ada@example.com"},
        {"error": "5321234567"},
        {"template": "kart ٤١١١ ١١١١ ١١١١ ١١١١"},
        {"of": {"to": ["ada@example.com"]}},
    ]
)
rows = st.builds(
    lambda event, detail, release: replace(event, detail=detail, release=release),
    uses,
    details,
    st.sampled_from([None, "r1", "R1", "unknown"]),
)
MOMENTS = [NOON + timedelta(seconds=70), NOON + timedelta(seconds=120)]
QUERY = Query(environment="production", since=NOON, until=NOON + timedelta(seconds=200), traffic=True)


def told(log: EventLog, query: Query) -> list[tuple[Event, int]]:
    answers = log.answers([RowQuestion(query=replace(query, limit=1)), RowQuestion(query=query, alike=MOMENTS)])
    return [(one.row, one.many) for one in answers if one.question == 1 and isinstance(one.row, Event)]


def said(numbered: Iterable[tuple[Event, int]]) -> Counter[Any]:
    """What whoever reads rows that are alike looks at, with how many rows say it."""
    found: Counter[Any] = Counter()
    for row, many in numbered:
        periods = sum(row.occurred_at >= moment for moment in MOMENTS)
        named = row.provider, row.event, row.outcome, row.release, row.source, row.synthetic
        deployment = row.detail.get("deployment_id")
        private = tuple(sorted(kinds_by_key(row.detail).items()))
        found[*named, periods, type(deployment), deployment, private] += many
    return found


@settings(max_examples=examples(60), deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(rows, max_size=10, unique_by=lambda event: event.id))
def test_rows_that_come_as_one_say_what_they_say_one_by_one(store: Any, written: list[Event]) -> None:
    log = store.kept()
    log.append(written)
    each = list(log.select(QUERY))
    numbered = told(log, QUERY)
    assert said(numbered) == said((row, 1) for row in each)
    of_one_id = {row.id: row for row, many in numbered if many == 1 and kinds_by_key(row.detail)}
    assert all(row == kept for row in each if (kept := of_one_id.get(row.id)) is not None)


def test_a_thousand_rows_of_labels_come_as_one_where_the_store_counts(store: Any) -> None:
    log = store.log()
    log.append([_row(number, {"secret_version": "7", "duration_ms": number % 3}) for number in range(300)])
    numbered = told(log, QUERY)
    assert sum(many for _, many in numbered) == 300
    assert len(numbered) == (300 if store.kind == "rest" else 1)


def test_a_row_that_may_be_private_comes_by_itself(store: Any) -> None:
    log = store.log()
    log.append([_row(number, {"to": f"{number}@example.com"}) for number in range(3)])
    assert sorted(told(log, QUERY), key=lambda one: one[0].id.int) == [(row, 1) for row in log.select(QUERY)]


def test_rows_that_carry_no_release_are_found_by_what_says_as_little(store: Any) -> None:
    log = store.log()
    tags = [None, "r1", "unknown", "UNKNOWN", ""]
    log.append([replace(_row(number, {}), release=tag) for number, tag in enumerate(tags)])
    assert [row.release for row in log.select(replace(QUERY, untagged=["unknown"]))] == [None, "unknown"]
    assert [row.release for row in log.select(replace(QUERY, untagged=[]))] == [None]


def test_rows_are_found_by_what_their_error_code_contains(store: Any) -> None:
    log = store.log()
    codes = [None, "401", "HTTP_401", "UNAUTHORIZED", "200", "5%1", "401_"]
    log.append([replace(_row(number, {}), error_code=code) for number, code in enumerate(codes)])
    found = [row.error_code for row in log.select(replace(QUERY, codes=["401", "auth"]))]
    assert [code for code in found if code in codes[1:4] or code == "401_"] == [
        "401",
        "HTTP_401",
        "UNAUTHORIZED",
        "401_",
    ]
    assert store.kind == "rest" or len(found) == 4  # there more may come, but never one without a code
    assert None not in found


def _row(number: int, detail: dict[str, Any]) -> Event:
    return Event(
        id=UUID(int=number + 1),
        occurred_at=NOON + timedelta(milliseconds=number),
        provider="sendgrid",
        event="sent",
        outcome="success",  # type: ignore[arg-type]
        environment="production",
        detail=detail,
    )
