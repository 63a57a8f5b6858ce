"""Several questions at once are answered as each would be alone, whatever is in the log and in whichever store."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any
from uuid import UUID

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from releaseguard.eventlog.asking import gathered
from releaseguard.eventlog.interface import EventLog, Query, RowQuestion
from releaseguard.eventlog.signing.keys import keyring_in
from releaseguard.eventlog.signing.log import SignedLog
from releaseguard.eventlog.stores import postgres as postgres_store_module
from releaseguard.model import Event, Outcome
from releaseguard_events.stores.table import EventTable
from tests.eventlog.test_roll_ups import NOON, uses
from tests.support.extent import examples

moments = st.one_of(st.none(), st.integers(0, 12).map(lambda step: NOON + timedelta(seconds=20 * step)))
queries = st.builds(
    Query,
    environment=st.sampled_from([None, "production"]),
    providers=st.sampled_from([(), ("sendgrid",), ("releaseguard",), ("twilio", "releaseguard")]),
    events=st.sampled_from([(), ("sent",), ("sent", "error")]),
    outcome=st.sampled_from([None, Outcome.ERROR]),
    since=moments,
    until=moments,
    recorded_until=moments,
    release=st.sampled_from([None, "r1"]),
    synthetic=st.sampled_from([None, False]),
    newest_first=st.booleans(),
    limit=st.sampled_from([None, 1, 3]),
    traffic=st.booleans(),
)
KEY = "c3RyYW5nZSBidXQgbG9uZyBlbm91Z2ggdG8gc2lnbiB3aXRo"
questions = st.lists(st.builds(RowQuestion, query=queries, unreadable=st.booleans(), judged=st.booleans()), max_size=5)


def told(log: EventLog, asked: Sequence[RowQuestion]) -> list[list[Any]]:
    """What the log answers to questions asked together."""
    found: list[list[Any]] = [[] for _ in asked]
    for answer in log.answers(asked):
        one = asked[answer.question]
        found[answer.question].append((answer.row, answer.doubt) if one.judged else answer.row)
    return found


def told_alone(log: EventLog, one: RowQuestion) -> list[Any]:
    """What it answers to a question alone."""
    if one.unreadable:
        rows = log.set_aside(one.query)
        return [(row, None) for row in rows] if one.judged else list(rows)
    return list(log.judged(one.query)) if one.judged else list(log.select(one.query))


@settings(max_examples=examples(60), deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(uses, max_size=8, unique_by=lambda event: event.id), questions)
def test_what_is_asked_together_is_answered_as_if_it_were_asked_alone(
    store: Any, rows: list[Event], asked: list[RowQuestion]
) -> None:
    log = store.kept()
    log.append(rows)
    assert told(log, asked) == [told_alone(log, one) for one in asked]


def test_our_rows_in_a_table_of_their_own_come_in_the_same_order(store: Any) -> None:
    log = store.log(EventTable(results_table="ours"))
    log.append([_row(number, "releaseguard" if number % 2 else "sendgrid") for number in range(8)])
    asked = [
        RowQuestion(query=Query(limit=5)),
        RowQuestion(query=Query(newest_first=True)),
        RowQuestion(query=Query(traffic=True)),
    ]
    assert told(log, asked) == [told_alone(log, one) for one in asked]


def test_a_signed_log_believes_as_much_of_questions_asked_together(store: Any) -> None:
    plain = store.log()
    log = SignedLog(plain, keyring_in({"RELEASEGUARD_SIGNING_KEY": KEY}))
    log.append([_row(number, "releaseguard") for number in range(3)])
    plain.append([_row(number, "releaseguard") for number in range(3, 6)])
    ours = Query(providers=["releaseguard"], events=["sent"], newest_first=True)
    asked = [
        RowQuestion(query=ours),
        RowQuestion(query=ours, judged=True),
        RowQuestion(query=Query(limit=2, newest_first=True)),
    ]
    assert told(log, asked) == [told_alone(log, one) for one in asked]
    assert len(told(log, asked)[0]) == 3


def test_a_question_with_more_rows_than_a_statement_gives_has_all_of_them(
    postgres_store: Any, monkeypatch: Any
) -> None:
    monkeypatch.setattr(postgres_store_module, "TOGETHER", 3)
    log = postgres_store.log()
    log.append([_row(number, "sendgrid") for number in range(8)])
    asked = [RowQuestion(query=Query()), RowQuestion(query=Query(limit=4)), RowQuestion(query=Query(newest_first=True))]
    assert told(log, asked) == [told_alone(log, one) for one in asked]


def test_rows_that_are_poured_out_are_not_kept(store: Any) -> None:
    log, poured = store.log(), list[Event]()
    log.append([_row(number, "sendgrid") for number in range(3)])
    answers = gathered(log, {"many": Query(), "few": Query(limit=1)}, {"many": poured.append})
    assert [row.id.int for row in poured] == [0, 1, 2]
    assert (len(answers.rows("many")), len(answers.rows("few")), len(answers.rows("unasked"))) == (0, 1, 0)


def _row(number: int, provider: str) -> Event:
    return Event(
        id=UUID(int=number),
        occurred_at=NOON + timedelta(seconds=number),
        provider=provider,
        event="sent",
        outcome=Outcome.SUCCESS,
        environment="production",
    )
