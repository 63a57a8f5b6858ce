"""What becomes of the lines of a file: events, or what is wrong with them, by line and column."""

from __future__ import annotations

import io
import json
from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from releaseguard.errors import UsageError
from releaseguard.eventlog.imports.files import READERS, Problem, Row, form_of
from releaseguard.eventlog.imports.tally import NAMED, ImportTally, events_in, with_columns
from releaseguard.eventlog.imports.translation import Translation
from releaseguard.model import Event, Outcome, from_text, new_id
from releaseguard_events.pipeline import jsonl
from releaseguard_events.scrub.scrubber import Scrubber

NOW = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
WELL = {
    "occurred_at": "2026-11-24T10:00:00Z",
    "provider": "sendgrid",
    "event": "sendgrid_email_sent",
    "outcome": "success",
}
KNOWN = {"sendgrid": frozenset({"sendgrid_email_sent", "sendgrid_error"})}


def translation(**more: Any) -> Translation:
    return Translation(**{"environment": "production", "batch": "b", "now": NOW} | more)


def imported(rows: Any, **more: Any) -> tuple[list[Event], ImportTally]:
    tally = ImportTally(strict=more.pop("strict", False))
    return list(events_in(rows, translation(**more), Scrubber(), KNOWN, tally)), tally


def row(**changes: Any) -> Row:
    return Row(1, {**WELL, **changes})


def lines(text: str | bytes, form: str) -> list[Row | Problem]:
    return list(READERS[form](io.BytesIO(text.encode() if isinstance(text, str) else text)))


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        (1795516200, "2026-11-24T10:30:00Z"),
        ("1795516200", "2026-11-24T10:30:00Z"),
        ("1795516200.25", "2026-11-24T10:30:00.25Z"),
        (1795516200123, "2026-11-24T10:30:00.123Z"),
        ("1795516200123456", "2026-11-24T10:30:00.123456Z"),
    ],
)
def test_seconds_milliseconds_and_microseconds_since_1970_are_told_by_their_digits(written: object, meant: str) -> None:
    (event,), _ = imported([row(occurred_at=written)], timezone=ZoneInfo("Europe/Istanbul"))
    assert event.occurred_at == from_text(meant)


@pytest.mark.parametrize(
    "written",
    ["29.11.2026 10:00", "11/24/2026 10:00 AM", "soon", "179551620", 1795516200123456789, "12345678901", True],
)
def test_a_time_in_another_form_is_told_which_forms_are_taken(written: object) -> None:
    _, tally = imported([row(occurred_at=written)], timezone=ZoneInfo("Europe/Istanbul"))
    (problem,) = tally.first_broken
    assert "2026-11-24T10:15:00Z" in problem.what
    assert "numbers since 1970" in problem.what
    assert "--timezone" not in problem.what


def test_a_time_without_an_offset_is_told_of_the_flag_that_gives_it_one() -> None:
    _, tally = imported([row(occurred_at="2026-11-24 10:00:00")])
    assert "--timezone" in tally.first_broken[0].what


@pytest.mark.parametrize(
    "column", ["provider", "event", "outcome", "environment", "release", "source", "error_code", "correlation_id"]
)
@pytest.mark.parametrize("value", [["4f2c91a"], {"sha": "4f2c91a"}])
def test_a_list_or_an_object_where_a_text_belongs_is_no_event(column: str, value: object) -> None:
    events, tally = imported([row(**{column: value})])
    assert events == []
    assert [(one.column, one.what) for one in tally.first_broken] == [(column, "no text but a list or an object")]


@pytest.mark.parametrize("form", ["csv", "jsonl"])
@pytest.mark.parametrize(
    ("begin", "what"),
    [
        (b"\x1f\x8b\x08\x00rest", "gunzip -c FILE | releaseguard events import -"),
        (b"PK\x03\x04rest", "unzip -p FILE | releaseguard events import -"),
        (b"BZh91AY&SY", "bunzip2 -c FILE"),
        (b"\xfd7zXZ\x00rest", "xz -dc FILE"),
        (b"\x28\xb5\x2f\xfdrest", "zstd -dc FILE"),
    ],
)
def test_a_compressed_file_is_told_how_to_be_read(form: str, begin: bytes, what: str) -> None:
    with pytest.raises(UsageError, match="it is compressed") as refused:
        lines(begin, form)
    assert what in str(refused.value.next_step)


@pytest.mark.parametrize("end", ["\n", "\r\n"])
@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"])
def test_line_ends_and_a_byte_order_mark_make_no_difference(end: str, mark: bytes) -> None:
    csv = mark + f"provider,event{end}sendgrid,ş{end}{end}twilio,b{end}".encode()
    both = [{"provider": "sendgrid", "event": "ş"}, {"provider": "twilio", "event": "b"}]
    assert [one.values for one in lines(csv, "csv")] == both
    objects = mark + f'{{"a": "ş"}}{end}{end}{{"a": 2}}{end}'.encode()
    assert [one.values for one in lines(objects, "jsonl")] == [{"a": "ş"}, {"a": 2}]


def test_an_empty_file_has_no_rows() -> None:
    assert [lines(text, form) for text in ("", "\n") for form in ("csv", "jsonl")] == [[], [], [], []]
    assert lines("provider,event\n", "csv") == []


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_the_delimiter_is_found_in_the_heading(delimiter: str) -> None:
    assert [one.values for one in lines(f"a{delimiter}b\n1{delimiter}2\n", "csv")] == [{"a": "1", "b": "2"}]


def test_a_spreadsheets_edges_are_no_rows_and_no_columns() -> None:
    """Line ends before the heading, the delimiter as spreadsheets declare it, columns and rows of nothing."""
    given = "\ufeff\r\nsep=;\r\na;b;;\r\n1,5;2;;\r\n;;;\r\n3;x;;\r\n"
    assert lines(given, "csv") == [Row(4, {"a": "1,5", "b": "2"}), Row(6, {"a": "3", "b": "x"})]


def test_a_name_of_ours_may_be_written_in_any_case_and_the_id_does_not_depend_on_who_says_so() -> None:
    heading = " OCCURRED_AT ,Provider,event,Outcome,Plan\n"
    read = lines(heading + "2026-11-24T10:00:00Z,sendgrid,sendgrid_email_sent,success,pro\n", "csv")
    (found,), tally = imported(read)
    assert (found.provider, found.outcome, [*tally.unused]) == ("sendgrid", Outcome.SUCCESS, ["Plan"])
    (told,), _ = imported(read, columns={"provider": "Provider", "detail.plan": "Plan"})
    assert told.id == found.id
    assert told.detail["plan"] == "pro"


def test_what_is_written_twice_in_different_cases_is_not_chosen_from() -> None:
    _, tally = imported(lines("Provider,PROVIDER,event\nsendgrid,twilio,e\n", "csv"), constants={"occurred_at": "x"})
    assert [one.column for one in tally.first_broken] == ["provider"]


def test_a_line_of_several_objects_is_several_rows_and_commas_between_them_say_nothing() -> None:
    given = '{"a": 1},\n{"a": 2}{"a": 3}\n{"a": 4}, {"a": oops}, {"a": 5}\n'
    rows = [Row(1, {"a": 1}), Row(2, {"a": 2}), Row(2, {"a": 3}), Row(3, {"a": 4})]
    assert lines(given, "jsonl") == [*rows, Problem(3, None, "no JSON")]


def test_a_number_of_thousands_of_digits_takes_no_row_with_it() -> None:
    (event,), _ = imported(lines(json.dumps(WELL)[:-1] + f', "detail": {{"a": {"9" * 5000}, "b": 1}}}}', "jsonl"))
    assert event.detail["b"] == 1


def test_quotes_hold_delimiters_and_line_ends_and_empty_fields_are_no_values() -> None:
    assert lines('a,b\n"1,\n2",\n3,4\n', "csv") == [Row(3, {"a": "1,\n2", "b": None}), Row(4, {"a": "3", "b": "4"})]


@pytest.mark.parametrize(
    ("form", "text", "problems"),
    [
        ("jsonl", b'{"a": 1}\n{"a": \n[1]\n{"a": 2}\n', [(2, None), (3, None)]),
        ("jsonl", b'{"a": "\xff"}\n{"a": 2}\n', [(1, None)]),
        ("jsonl", b'{"a": "' + b"x" * (1 << 20) + b'"}\n{"a": 2}\n', [(1, None)]),
        ("csv", b"a,b\n1\n1,2\n1,2,3\n", [(2, None), (4, None)]),
        ("csv", b"a,b\n1,\xff\n1,2\n", [(2, "b")]),
        ("csv", b'a,b\n1,"x"y\n1,2\n', [(2, None)]),
        ("csv", b"a,b\n1," + b"x" * (1 << 20) + b"\n1,2\n1\n", [(2, None), (4, None)]),
        ("csv", b'a,b\n1,2\n1,"never ends\n', [(3, None)]),
    ],
    ids=["no JSON", "no UTF-8", "long", "fields", "a field no UTF-8", "quotes", "a long line", "an open quote"],
)
def test_a_broken_line_is_named_and_the_others_are_read(form: str, text: bytes, problems: list[Any]) -> None:
    read = lines(text, form)
    assert [(one.line, one.column) for one in read if isinstance(one, Problem)] == problems
    assert any(isinstance(one, Row) for one in read)


@pytest.mark.parametrize(
    ("form", "text", "words"),
    [
        ("jsonl", b'[{"a": 1}]', "jq -c"),
        ("jsonl", b'\n[\n{"a": 1}\n]', "jq -c"),
        ("jsonl", b'{\n  "a": 1\n}\n', "jq -c ."),
        ("jsonl", '{"a": 1}'.encode("utf-16"), "iconv -f UTF-16 "),
        ("csv", "a,b\n1,2".encode("utf-16"), "iconv -f UTF-16 "),
        ("csv", "a,b\n1,2".encode("utf-16-le"), "iconv -f UTF-16LE "),
        ("csv", "a,b\n1,2".encode("utf-16-be"), "iconv -f UTF-16BE "),
        ("csv", "a,b\n1,2".encode("utf-32"), "iconv -f UTF-32 "),
        ("csv", b"a,b,a\n1,2,3", "name of its own"),
        ("csv", b"a,b\r1,2\r", "line ends"),
    ],
)
def test_a_file_of_another_form_is_refused_with_the_way_out(form: str, text: bytes, words: str) -> None:
    with pytest.raises(UsageError) as refused:
        lines(text, form)
    assert words in str(refused.value.next_step)


@pytest.mark.parametrize(
    ("name", "text", "form"),
    [
        ("a.csv", b"{", "csv"),
        ("a.JSONL", b"a,b", "jsonl"),
        ("-", b' {"a": 1}', "jsonl"),
        ("rows", b"\xef\xbb\xbfa,b", "csv"),
    ],
)
def test_the_form_is_known_by_name_or_else_by_its_beginning(name: str, text: bytes, form: str) -> None:
    assert form_of(name, io.BufferedReader(io.BytesIO(text))) == form  # type: ignore[arg-type]


def test_a_mapped_column_that_is_not_there_is_said_before_anything_is_read() -> None:
    with pytest.raises(UsageError) as refused:
        list(with_columns([Row(2, {"created_at": "", "name": ""})], ["created"]))
    assert "created_at" in str(refused.value.next_step)


@given(st.binary(max_size=300), st.sampled_from(["csv", "jsonl"]))
def test_no_bytes_make_a_reader_stop_with_anything_but_words(data: bytes, form: str) -> None:
    try:
        events, tally = imported(lines(data, form))
    except UsageError:
        return
    assert events == []
    assert tally.broken <= data.count(b"\n") + data.count(b"\r") + 1


def test_a_row_becomes_the_event_that_it_was() -> None:
    exported = Event(
        id=new_id(),
        occurred_at=NOW - timedelta(hours=1),
        recorded_at=NOW - timedelta(minutes=59),
        provider="sendgrid",
        event="sendgrid_error",
        outcome=Outcome.ERROR,
        environment="staging",
        error_code="401",
        latency_ms=12,
        release="9f3c",
        source="web",
        correlation_id="c-1",
        synthetic=True,
        detail={"secret_version": 4},
    )
    ((event,), tally) = imported(lines(jsonl.line(exported), "jsonl"))
    assert jsonl.document(event) == {**jsonl.document(exported), "detail": {"secret_version": 4, "import": "b"}}
    assert (tally.rows, tally.broken, tally.unknown, tally.unused, tally.emptied) == (1, 0, Counter(), {}, Counter())


def test_a_row_that_names_no_time_of_recording_was_recorded_when_it_occurred() -> None:
    ((event,), _) = imported([row()])
    assert event.recorded_at == event.occurred_at == from_text(WELL["occurred_at"])
    assert event.environment == "production"


@pytest.mark.parametrize(
    ("changes", "column"),
    [
        *(({name: value}, name) for name in WELL for value in (None, "", "  ")),
        ({"occurred_at": "yesterday"}, "occurred_at"),
        ({"occurred_at": "2026-11-24T10:00:00"}, "occurred_at"),
        ({"occurred_at": "2026-11-25T10:00:00Z"}, "occurred_at"),
        ({"occurred_at": 176400000}, "occurred_at"),
        ({"recorded_at": "infinity"}, "recorded_at"),
        ({"recorded_at": "2999-01-01T00:00:00Z"}, "recorded_at"),
        ({"outcome": "degraded"}, "outcome"),
        ({"synthetic": "perhaps"}, "synthetic"),
    ],
)
def test_a_row_without_what_it_needs_is_broken_at_its_column(changes: dict[str, Any], column: str) -> None:
    events, tally = imported([row(**changes), row()])
    assert [one.column for one in tally.first_broken] == [column]
    assert len(events) == 1


def test_fields_that_a_row_can_do_without_are_left_empty_and_counted() -> None:
    events, tally = imported(
        [row(latency_ms="fast", detail="no json"), row(latency_ms=-1, detail="[1]"), row(latency_ms="1e3")]
    )
    assert [(one.latency_ms, one.detail) for one in events] == [
        (None, {"import": "b"}),
        (None, {"import": "b"}),
        (1000, {"import": "b"}),
    ]
    assert tally.emptied == {"latency_ms": 2, "detail": 2}


def test_columns_constants_values_and_zones_are_translated() -> None:
    given = {"at": "2026-11-24 13:00:00", "kind": "failure", "plan": "pro", "name": "sendgrid_error"}
    ((event,), tally) = imported(
        [Row(2, {**given, "cart": 7})],
        columns={"occurred_at": "at", "outcome": "kind", "event": "name", "detail.plan": "plan"},
        constants={"provider": "sendgrid", "environment": "staging"},
        values={("outcome", "failure"): "error"},
        timezone=ZoneInfo("Europe/Istanbul"),
    )
    assert (event.occurred_at, event.outcome, event.environment) == (from_text(WELL["occurred_at"]), "error", "staging")
    assert event.detail == {"plan": "pro", "import": "b"}
    assert [*tally.unused] == ["cart"]


def test_a_column_that_is_none_of_ours_is_refused() -> None:
    for columns in ({"when": "at"}, {"detail.": "plan"}):
        with pytest.raises(UsageError):
            translation(columns=columns)


@pytest.mark.parametrize(
    "changes", [{"provider": "releaseguard"}, {"provider": "ReleaseGuard"}, {"event": "release_deployed"}]
)
def test_no_file_makes_history_of_ours(changes: dict[str, str]) -> None:
    events, tally = imported([row(**changes)])
    assert (events, tally.ours, tally.broken) == ([], 1, 0)


def test_rows_are_scrubbed_as_an_apps_are() -> None:
    ((event,), _) = imported([row(detail={"note": "to ayse@example.com", "password": "hunter2"}, error_code="a@b.com")])
    assert "example.com" not in str(event) + "hunter2"[:0]
    assert (event.error_code, event.detail["password"]) == ("[email]", "[secret]")


def test_names_that_no_card_knows_are_told() -> None:
    _, tally = imported([row(event="sendgrid_mail"), row(event="sendgrid_mail"), row(provider="acme", event="acme_ok")])
    assert tally.unknown == {("sendgrid", "sendgrid_mail"): 2, ("acme", "acme_ok"): 1}


def test_what_is_wrong_is_counted_beyond_what_is_named() -> None:
    _, tally = imported([row(outcome=None)] * 50)
    assert (tally.broken, len(tally.first_broken)) == (50, NAMED)


def test_strictly_the_first_broken_row_is_the_last() -> None:
    with pytest.raises(UsageError) as stopped:
        imported([row(), row(outcome="?")], strict=True)
    assert stopped.value.where == "line 1, column outcome"


def test_a_row_keeps_its_id_where_that_is_one() -> None:
    id_ = new_id()
    ((event,), _) = imported([row(id=str(id_).upper())])
    assert event.id == id_


@given(st.dictionaries(st.sampled_from(["id", "source", "cart", "latency_ms"]), st.text(max_size=5), max_size=3))
def test_without_one_the_same_row_is_the_same_event_whatever_else_is_said(extra: dict[str, str]) -> None:
    first, _ = imported([row(**extra)], batch="one")
    again, _ = imported([Row(9, dict(reversed([*row(**extra).values.items()])))], batch="two")
    assert [one.id for one in first] == [one.id for one in again]


def test_rows_that_differ_anywhere_are_two_events() -> None:
    events, _ = imported([row(), row(id="1"), row(id="2"), row(cart="x")])
    assert len({one.id for one in events}) == 4


def test_an_id_does_not_depend_on_what_the_scrubber_leaves() -> None:
    events, _ = imported([row(detail=json.dumps({"to": mail})) for mail in ("a@example.com", "b@example.com")])
    assert len({one.id for one in events}) == 2
    assert events[0].detail == events[1].detail
