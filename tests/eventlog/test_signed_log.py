"""Signatures on our own rows, in every store: who has no key forges nothing, and nothing that is ours gets lost."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from releaseguard.errors import ExitCode, Failed, Refused, UsageError
from releaseguard.eventlog.interface import EventLog, Query
from releaseguard.eventlog.signing.keys import FORMER, VARIABLE, Key, Keyring, entropy_bytes, keyring_in, weakness
from releaseguard.eventlog.signing.log import SignedLog
from releaseguard.eventlog.stores.sqlite import SqliteEventLog
from releaseguard.model import OURSELVES, Event, Outcome
from releaseguard.secret import Secret
from releaseguard_events.ours import DROPPED, OUR_EVENTS, SIGNING_BEGAN
from tests.support.extent import examples

NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)
OLD, NEW, OTHER = (Key.of(Secret(letter * 64)) for letter in "abc")
KEYS = Keyring([OLD])
_numbers = count(1)
MARKS = Query(providers=(OURSELVES,), events=("release_deployed",))


def mark(release: str = "r1", **changes: Any) -> Event:
    plain: dict[str, Any] = {
        "id": uuid4(),
        "occurred_at": NOON + timedelta(seconds=next(_numbers)),
        "provider": OURSELVES,
        "event": "release_deployed",
        "outcome": Outcome.SUCCESS,
        "environment": "production",
        "release": release,
        "detail": {"release": release},
    }
    return Event(**plain | changes)


def traffic(number: int) -> Event:
    return mark(id=UUID(int=number), provider="sendgrid", event="sendgrid_email_sent", detail={})


def releases(log: EventLog, query: Query = MARKS) -> list[str | None]:
    return [row.release for row in log.select(query)]


def test_what_is_signed_comes_back_believed_and_with_its_signature(store: Any) -> None:
    plain = store.log()
    log = SignedLog(plain, KEYS)
    log.append([mark("r1"), traffic(1)])
    (stored,) = log.append_exclusively([mark("r2")])
    assert stored.recorded_at is not None
    assert releases(log) == ["r1", "r2"]
    assert all(KEYS.has_signed(row) for row in plain.select(Query(providers=(OURSELVES,))))
    (row,) = log.select(Query(providers=("sendgrid",)))
    assert "signature" not in row.detail


def test_a_row_that_is_written_again_is_one_row(store: Any) -> None:
    log = SignedLog(store.log(), KEYS)
    event = mark("r1")
    log.append([event])
    log.append([event])
    assert releases(log) == ["r1"]


def test_from_the_first_signed_row_on_an_unsigned_or_wrongly_signed_one_is_not_believed(store: Any) -> None:
    plain = store.log()
    plain.append([mark("before")])
    log = SignedLog(plain, KEYS)
    log.append([mark("ours")])
    signed = next(row for row in log.select(MARKS) if row.release == "ours")
    plain.append(
        [
            mark("unsigned"),
            mark("back-dated", occurred_at=NOON - timedelta(days=30)),
            mark("copied", detail={"signature": signed.detail["signature"]}),
            mark("signed by another", detail={"signature": OTHER.signature(mark("x"))}),
            mark("rubbish", detail={"signature": {"a": ["b"]}}),
            replace(signed, id=uuid4(), release="renamed"),
        ]
    )
    for reader in (log, SignedLog(plain, KEYS)):
        assert sorted(map(str, releases(reader))) == ["before", "ours"]
        doubted = {row.release: doubt for row, doubt in reader.judged(MARKS) if doubt}
        assert {*doubted} == {"unsigned", "back-dated", "copied", "signed by another", "rubbish", "renamed"}
        assert "is not signed" in doubted["unsigned"]
        assert "signature" in doubted["renamed"]


def test_an_edited_row_loses_its_signature_whichever_column_it_was(store: Any) -> None:
    plain = store.log()
    SignedLog(plain, KEYS).append([mark(release) for release in ("a", "b", "c", "d", "e")])
    edits = {
        "a": "release = 'x'",
        "b": "outcome = 'error'",
        "c": "environment = 'staging'",
        "d": "source = 'x'",
    }
    for release, edit in edits.items():
        store.unguarded(f"UPDATE integration_events SET {edit} WHERE release = '{release}'")
    assert releases(SignedLog(plain, KEYS)) == ["e"]


def test_the_beginning_that_somebody_deletes_is_found_in_the_other_signed_rows(store: Any) -> None:
    plain = store.log()
    SignedLog(plain, KEYS).append([mark("ours")])
    store.unguarded(f"DELETE FROM integration_events WHERE event = '{SIGNING_BEGAN}'")
    plain.append([mark("unsigned")])
    assert releases(SignedLog(plain, KEYS)) == ["ours"]


@pytest.mark.parametrize("newest_first", [False, True])
def test_a_limit_counts_the_rows_that_are_believed(store: Any, newest_first: bool) -> None:
    plain = store.log()
    log = SignedLog(plain, KEYS)
    for number in range(6):
        log.append([mark(f"ours {number}")])
        plain.append([mark(f"forged {number}.{again}") for again in range(3)])
    everything = releases(log)
    assert everything == [f"ours {number}" for number in range(6)]
    expected = everything[::-1] if newest_first else everything
    for limit in (1, 4, 6, 100):
        found = releases(log, replace(MARKS, newest_first=newest_first, limit=limit))
        assert found == expected[:limit]


numbers = st.integers() | st.floats(allow_nan=False, allow_infinity=False)
texts = st.text(st.characters(exclude_categories=("Cs",)), max_size=8)
values = st.recursive(
    st.none() | st.booleans() | numbers | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=5,
)


@settings(max_examples=examples(40), suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(detail=st.dictionaries(texts, values, max_size=4), latency=st.none() | st.integers(0, 2**31 - 1), text=texts)
def test_whatever_a_row_says_its_signature_is_that_of_what_the_store_gives_back(
    store: Any, detail: dict[str, Any], latency: int | None, text: str
) -> None:
    log = SignedLog(store.kept(), KEYS)
    event = mark(text, detail=detail, latency_ms=latency, source=text or None)
    log.append([event])
    (row,) = store.kept().select(Query(ids=(event.id,)))
    assert KEYS.has_signed(row)


def test_a_row_whose_id_somebody_took_beforehand_is_not_lost_without_a_word(store: Any) -> None:
    plain = store.log()
    log = SignedLog(plain, KEYS)
    log.append([mark("ours")])
    event = mark("expected")
    plain.append([replace(event, release="forged")])
    with pytest.raises(Failed, match=str(event.id)):
        log.append([event])
    assert releases(log) == ["ours"]


def test_a_key_that_was_replaced_is_believed_where_it_is_named_and_signs_nothing(store: Any) -> None:
    plain = store.log()
    SignedLog(plain, Keyring([OLD])).append([mark("with the old")])
    both = SignedLog(plain, Keyring([NEW, OLD]))
    both.append([mark("with the new")])
    assert releases(both) == ["with the old", "with the new"]
    SignedLog(plain, Keyring([OLD])).append([mark("late, with the old")])
    assert releases(SignedLog(plain, Keyring([NEW, OLD]))) == ["with the old", "with the new", "late, with the old"]
    alone = SignedLog(plain, Keyring([NEW]))
    assert releases(alone) == ["with the old", "with the new"], "what is older than the key's first row stays"


def test_without_the_key_a_signed_log_takes_no_row_of_ours_and_says_that_nothing_is_verified(store: Any) -> None:
    plain = store.log()
    SignedLog(plain, KEYS).append([mark("ours")])
    told: list[str] = []
    keyless = SignedLog(plain, None, told.append)
    for write in (keyless.append, keyless.append_exclusively):
        with pytest.raises(Refused, match=VARIABLE) as refusal:
            write([mark("unsigned")])
        assert refusal.value.exit_code is ExitCode.REFUSED
    keyless.append([traffic(2)])
    assert releases(keyless) == ["ours"]
    assert told == [f"Rows of releaseguard's own are signed; without {VARIABLE} nobody checks that."]


def test_a_log_that_nobody_has_signed_is_as_it_was(store: Any) -> None:
    plain = store.log()
    told: list[str] = []
    keyless = SignedLog(plain, None, told.append)
    keyless.append([mark("r1", detail={"signature": "x"})])
    assert releases(keyless) == ["r1"]
    assert releases(SignedLog(plain, KEYS, told.append)) == ["r1"]
    assert told == []


def test_a_forged_beginning_stops_whoever_has_no_key_and_nobody_who_sets_one(store: Any) -> None:
    plain = store.log()
    forged = mark(event=SIGNING_BEGAN, detail={"signature": f"hmac-sha256:{'0' * 16}:{'0' * 64}"})
    plain.append([mark("before"), forged])
    with pytest.raises(Refused, match=str(forged.id)):
        SignedLog(plain, None).append([mark("r1")])
    log = SignedLog(plain, KEYS)
    log.append([mark("r1")])
    assert releases(log) == ["before", "r1"]


def test_the_writers_own_report_needs_no_key(store: Any) -> None:
    plain = store.log()
    log = SignedLog(plain, KEYS)
    log.append([mark("r1")])
    plain.append([mark(event=DROPPED, detail={"dropped": 3})])
    assert [row.event for row in log.select(Query(providers=(OURSELVES,), events=(DROPPED,)))] == [DROPPED]


@pytest.mark.parametrize("event", sorted(OUR_EVENTS - {DROPPED}))
def test_every_kind_of_row_is_to_be_signed(event: str, tmp_path: Path) -> None:
    with SqliteEventLog(tmp_path / "log.db") as plain:
        log = SignedLog(plain, KEYS)
        log.append([mark(event=event, release="ours")])
        plain.append([mark(event=event, release="forged")])
        rows = Query(providers=(OURSELVES,), events=(event,))
        assert [row.release for row in log.select(rows) if row.release] == ["ours"]


@pytest.mark.parametrize(
    ("text", "held"), [("ab" * 32, 32), ("ab" * 16, 16), ("A" * 43 + "=", 32), ("A_-9" * 8, 24), ("ünïcode!" * 4, 40)]
)
def test_what_a_key_can_hold(text: str, held: int) -> None:
    assert entropy_bytes(text) == held


RANDOM = "3f9a1c0b7d2e4856" * 4


@pytest.mark.parametrize(
    ("environ", "said"),
    [
        ({VARIABLE: "short"}, "5 characters"),
        ({VARIABLE: "correct horse"}, "13 characters"),
        ({FORMER: RANDOM}, VARIABLE),
        ({VARIABLE: RANDOM, FORMER: f"{RANDOM},short"}, "5 characters"),
    ],
)
def test_a_key_that_could_be_guessed_is_refused_and_never_shown(environ: dict[str, str], said: str) -> None:
    with pytest.raises(UsageError, match=said) as refusal:
        keyring_in(environ)
    assert refusal.value.exit_code is ExitCode.USAGE
    assert not any(one in str(refusal.value) for one in ("correct horse", RANDOM[:20]))


@pytest.mark.parametrize(
    ("key", "said"), [(RANDOM[:62], "31 bytes"), ("correct horse battery", "21 bytes"), ("ab" * 40, "repeats")]
)
def test_a_key_weaker_than_the_signature_is_taken_and_remarked_on(key: str, said: str) -> None:
    assert keyring_in({VARIABLE: key}) is not None
    assert said in str(weakness(key))
    assert weakness(RANDOM) is None


def test_keys_are_read_from_the_environment_alone() -> None:
    assert keyring_in({}) is None
    assert keyring_in({VARIABLE: ""}) is None
    keys = keyring_in({VARIABLE: f" {RANDOM}\n", FORMER: f"{'0123456789abcdef' * 4}, "})
    assert keys is not None
    assert [key.secret.reveal() for key in keys.keys] == [RANDOM, "0123456789abcdef" * 4]
    assert RANDOM not in repr(keys)


def test_the_signature_is_the_documented_one() -> None:
    """Fixed here so that no change of code makes yesterday's rows look forged."""
    event = mark(
        "r1", id=UUID(int=1), occurred_at=NOON, detail={"release": "r1", "share": 0.5, "big": 10**21, "n": 1.0}
    )
    key, mac = "8cff7f814183dd2e", "d4bec5b6586e797a6490c3cc26c2ec80e04e5bf61f0a588eabdb3f66f4d85b48"
    assert KEYS.signed(event).detail["signature"] == f"hmac-sha256:{key}:{mac}"


def test_every_way_to_ask_a_log_is_passed_on() -> None:
    """A method that somebody adds to the log would be answered by its default here, not by the store."""
    public: Callable[[type], set[str]] = lambda kind: {  # noqa: E731
        name for name, value in vars(kind).items() if callable(value) and not name.startswith("_")
    }
    assert public(EventLog) <= public(SignedLog)
