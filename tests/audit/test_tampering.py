"""Somebody with access to the database changes what was written: ``UPDATE``, ``DELETE``, in SQLite's own words."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest

from releaseguard.audit.chain import ChainKey, Draft, Head, head_of, seal, step_id
from releaseguard.audit.integrity import ChainReport, verify_log
from releaseguard.eventlog.interface import Conflict
from releaseguard.eventlog.stores.sqlite import SqliteEventLog
from releaseguard.model import OURSELVES, Event, Outcome, new_id

MAIL = ChainKey("sendgrid", "production")
SMS = ChainKey("twilio", "production")
NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)


@pytest.fixture
def log(tmp_path: Path) -> Iterator[SqliteEventLog]:
    with SqliteEventLog(tmp_path / "log.db") as opened:
        yield opened


@pytest.fixture
def heads(log: SqliteEventLog) -> Sequence[Head]:
    """Two chains of five steps among other rows of ours and traffic."""
    made = []
    for chain_key in (MAIL, SMS):
        chain: list[Event] = []
        for number in range(5):
            draft = Draft(f"rotation_step_{number}", {"number": number, "note": "ğ ü 1.5", "share": 0.1})
            chain += log.append_exclusively(seal(chain_key, head_of(chain), [draft], occurred_at=NOON, source="test"))
        made.append(head_of(chain))
    log.append([_row(OURSELVES, "release_deployed"), _row("sendgrid", "sendgrid_email_sent")])
    return [head for head in made if head is not None]


def _row(provider: str, event: str) -> Event:
    return Event(
        id=new_id(),
        occurred_at=NOON,
        provider=provider,
        event=event,
        outcome=Outcome.SUCCESS,
        environment="production",
        detail={"provider": "sendgrid"},
    )


@pytest.fixture
def tamper(log: SqliteEventLog, tmp_path: Path) -> Callable[..., None]:
    def execute(sql: str, *parameters: object) -> None:
        with closing(sqlite3.connect(tmp_path / "log.db", isolation_level=None)) as connection:
            assert connection.execute(sql, parameters).rowcount > 0, "the attack did nothing"

    return execute


def where(chain_key: ChainKey, step: int) -> str:
    return f"WHERE id = '{step_id(chain_key, step)}'"


def found(reports: Sequence[ChainReport]) -> list[tuple[str, int]]:
    return [(str(finding.chain_key), finding.step) for report in reports for finding in report.findings]


def test_untouched_chains_are_intact(log: SqliteEventLog, heads: Sequence[Head]) -> None:
    reports = verify_log(log, heads).chains
    assert found(reports) == []
    assert [report.head for report in reports] == heads


def test_an_empty_log_has_no_chains(log: SqliteEventLog) -> None:
    assert verify_log(log).chains == []


EDITS = {
    "the name of a step": "event = 'rotation_proven'",
    "its outcome": "outcome = 'error'",
    "its time": "occurred_at = '2026-11-24T11:00:00.000000Z'",
    "its environment": "environment = 'staging'",
    "whose row it is": "provider = 'sendgrid'",
    "its source": "source = NULL",
    "a value": "detail = json_set(detail, '$.number', 7)",
    "a number's last digit": "detail = json_set(detail, '$.share', 0.1000000001)",
    "a key more": "detail = json_set(detail, '$.extra', 1)",
    "a key less": "detail = json_remove(detail, '$.note')",
    "the number of the step": "detail = json_set(detail, '$.step', 9)",
    "the lane": "detail = json_set(detail, '$.lane', 'paytr@production')",
    "the hash": "detail = json_set(detail, '$.hash', '" + "0" * 64 + "')",
    "everything": "detail = '{}'",
    "its id": "id = '01890000-0000-7000-8000-000000000000'",
}


@pytest.mark.parametrize("change", EDITS.values(), ids=EDITS)
@pytest.mark.parametrize("step", [1, 3, 5])
def test_an_edit_is_found_without_a_head(
    log: SqliteEventLog, heads: Sequence[Head], tamper: Callable[..., None], change: str, step: int
) -> None:
    tamper(f"UPDATE integration_events SET {change} {where(MAIL, step)}")
    reports = verify_log(log).chains
    assert any(chain_key == str(MAIL) for chain_key, _ in found(reports))
    assert not any(chain_key == str(SMS) for chain_key, _ in found(reports))


def test_an_edit_whose_hash_was_made_to_fit_is_found_by_the_step_after_it(
    log: SqliteEventLog, heads: Sequence[Head], tamper: Callable[..., None], tmp_path: Path
) -> None:
    forged = seal(MAIL, None, [Draft("rotation_step_0", {"number": 99})], occurred_at=NOON, source="test")[0]
    tamper(f"UPDATE integration_events SET detail = ? {where(MAIL, 1)}", json.dumps(dict(forged.detail)))
    assert found(verify_log(log).chains) == [(str(MAIL), 2)]


@pytest.mark.parametrize("step", [1, 2, 4])
def test_a_deleted_step_is_found_without_a_head(
    log: SqliteEventLog, heads: Sequence[Head], tamper: Callable[..., None], step: int
) -> None:
    tamper(f"DELETE FROM integration_events {where(MAIL, step)}")
    assert {chain_key for chain_key, _ in found(verify_log(log).chains)} == {str(MAIL)}


def test_a_cut_tail_is_found_against_the_head_only(
    log: SqliteEventLog, heads: Sequence[Head], tamper: Callable[..., None]
) -> None:
    tamper(f"DELETE FROM integration_events {where(MAIL, 5)}")
    assert found(verify_log(log).chains) == []
    assert found(verify_log(log, heads).chains) == [(str(MAIL), 5)]


def test_a_whole_chain_that_is_gone_is_found_against_its_head_only(
    log: SqliteEventLog, heads: Sequence[Head], tamper: Callable[..., None]
) -> None:
    tamper("DELETE FROM integration_events WHERE json_extract(detail, '$.lane') = 'sendgrid@production'")
    assert found(verify_log(log).chains) == []
    (finding,) = [finding for report in verify_log(log, heads).chains for finding in report.findings]
    assert "the whole chain is missing" in finding.problem


def test_a_chain_of_one_step_that_was_wiped_is_found_where_it_is_looked_for(
    log: SqliteEventLog, tamper: Callable[..., None]
) -> None:
    log.append_exclusively(seal(MAIL, None, [Draft("rotation_planned", {})], occurred_at=NOON, source="test"))
    tamper(f"UPDATE integration_events SET detail = '{{}}' {where(MAIL, 1)}")
    assert found(verify_log(log, chain_keys=[MAIL]).chains) == [(str(MAIL), 1)]


def test_two_steps_that_change_places_are_found(
    log: SqliteEventLog, heads: Sequence[Head], tamper: Callable[..., None]
) -> None:
    second, third = str(step_id(MAIL, 2)), str(step_id(MAIL, 3))
    tamper("UPDATE integration_events SET id = 'x' WHERE id = ?", second)
    tamper("UPDATE integration_events SET id = ? WHERE id = ?", second, third)
    tamper("UPDATE integration_events SET id = ? WHERE id = 'x'", third)
    assert {(str(MAIL), 2), (str(MAIL), 3)} <= set(found(verify_log(log).chains))


def test_a_forged_next_step_with_an_id_of_its_own_is_found(log: SqliteEventLog, heads: Sequence[Head]) -> None:
    (next_step,) = seal(MAIL, heads[0], [Draft("rotation_proven", {})], occurred_at=NOON, source="test")
    forged = Event(**{name: getattr(next_step, name) for name in next_step.__slots__} | {"id": new_id()})
    log.append([forged])
    assert set(found(verify_log(log).chains)) == {(str(MAIL), 6)}


def test_a_step_is_written_once(log: SqliteEventLog, heads: Sequence[Head]) -> None:
    with pytest.raises(Conflict):
        log.append_exclusively(seal(MAIL, None, [Draft("again", {})], occurred_at=NOON, source="test"))


def test_a_row_that_is_no_event_any_more_is_found(
    log: SqliteEventLog, heads: Sequence[Head], tamper: Callable[..., None]
) -> None:
    tamper(f"UPDATE integration_events SET occurred_at = 'yesterday' {where(MAIL, 3)}")
    report = verify_log(log, heads)
    assert [(row.row, row.column) for row in report.unreadable] == [(str(step_id(MAIL, 3)), "occurred_at")]
    assert not report.intact
    assert [one.chain_key for one in report.chains] == [MAIL, SMS], "the others are looked at all the same"


def test_rows_of_other_kinds_do_not_disturb(log: SqliteEventLog, heads: Sequence[Head]) -> None:
    log.append([_row("sendgrid", "sendgrid_error") for _ in range(50)])
    assert found(verify_log(log, heads).chains) == []
