"""Static joined to live: each call site held against the event log."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from releaseguard.cards.load import load_cards
from releaseguard.coverage.document import document_of
from releaseguard.coverage.seen import SeenCall, SeenCalls, held_against, source_of
from releaseguard.coverage.values import CallPlace
from releaseguard.eventlog.counts import MinuteCount
from tests.coverage.snippets import searched
from tests.support.commands import Commands

CARDS = load_cards()
NOW = datetime(2026, 11, 28, 12, tzinfo=UTC)
RELEASED = NOW - timedelta(hours=1)
MAIL = CallPlace("sendgrid", "sendgrid_email_sent", "supabase/functions/sendgrid-email/index.ts", 3)
WEB = CallPlace("sendgrid", "sendgrid_email_sent", "apps/web/mail.ts", 7)
PLAIN = CallPlace("sendgrid", "sendgrid_email_sent", "lib/mail.ts", 1)


def count(ago: timedelta, event: str = "sendgrid_email_sent", source: str | None = "sendgrid-email") -> MinuteCount:
    at = (NOW - ago).replace(second=0, microsecond=0)
    outcome = "error" if event.endswith("error") else "success"
    return MinuteCount(at, at, "production", "sendgrid", event, outcome, None, False, source, 2, 0, 2, 2)


CASES = {
    "since the release": (MAIL, [count(timedelta(minutes=5))], "since_release", 2, 2),
    "in the very minute of it": (MAIL, [count(timedelta(hours=1))], "since_release", 2, 2),
    "before it": (MAIL, [count(timedelta(days=3))], "before", 0, 2),
    "never": (MAIL, [], "never", 0, 0),
    "an error is a use too": (MAIL, [count(timedelta(minutes=5), "sendgrid_error")], "since_release", 2, 2),
    "another writer's event": (MAIL, [count(timedelta(minutes=5), source="web")], "never", 0, 0),
    "a webhook is not a use": (MAIL, [count(timedelta(minutes=5), "sendgrid_webhook_received")], "never", 0, 0),
    "a part of the path that is a writer": (WEB, [count(timedelta(minutes=5), source="web")], "since_release", 2, 2),
    "no writer known: any speaks for it": (PLAIN, [count(timedelta(minutes=5), source="x")], "since_release", 2, 2),
    "no source in the row": (PLAIN, [count(timedelta(minutes=5), source=None)], "since_release", 2, 2),
    "of a known writer, no source in the row": (MAIL, [count(timedelta(minutes=5), source=None)], "unnamed", 0, 0),
    "a webhook without a source is not a use": (
        MAIL,
        [count(timedelta(minutes=5), "sendgrid_webhook_received", None)],
        "never",
        0,
        0,
    ),
    "its own beside rows without": (
        MAIL,
        [count(timedelta(days=3)), count(timedelta(minutes=5), source=None)],
        "before",
        0,
        2,
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_a_call_site_is_held_against_its_own_writers_events(name):
    place, counts, state, since, month = CASES[name]
    (held,) = held_against([place], counts, RELEASED, ["web", "sendgrid-email"], CARDS)
    assert (held.state, held.since, held.month) == (state, since, month)
    assert (held.last is None) == (not month)


def test_without_a_marked_release_nothing_is_since_it():
    (held,) = held_against([MAIL], [count(timedelta(minutes=5))], None, [], CARDS)
    assert (held.state, held.since) == ("before", 0)


@pytest.mark.parametrize(
    ("file", "source"),
    [
        ("supabase/functions/a-b/index.ts", "a-b"),
        ("functions/a/deep/x.ts", "a"),
        ("supabase/functions/_shared/x.ts", None),
        ("apps/web/src/web/x.ts", "web"),
        ("services/worker.ts", "worker"),
        ("lib/x.ts", None),
    ],
)
def test_who_runs_a_file(file, source):
    assert source_of(file, ["web", "worker"]) == source


CODE = "import m from '@sendgrid/mail';\nexport const send = (x) => m.send(x);\n"
CONFIG = '[events]\nurl = "sqlite:///log.db"\n[components]\nweb = ["web"]\n'


@pytest.fixture
def cli(tmp_path):
    return Commands(tmp_path, {})


def test_the_command_names_consumers_and_who_never_spoke(cli, tmp_path):
    (tmp_path / "releaseguard.toml").write_text(CONFIG)
    for name in ("sendgrid-email", "mail-digest"):
        (tmp_path / "supabase" / "functions" / name).mkdir(parents=True)
        (tmp_path / "supabase" / "functions" / name / "index.ts").write_text(CODE)
    assert cli.run("events", "migrate").code == 0
    assert cli.run("events", "deployed", "--release", "abc1234").code == 0
    sent = ("success", "--source", "sendgrid-email")
    assert cli.run("events", "log", "sendgrid", "sendgrid_email_sent", *sent).code == 0
    done = cli.run("coverage", ".", "--seen", "--json", "--no-cache")
    seen = done.json["seen"]
    assert (done.code, seen["release"]) == (1, "abc1234")
    assert [(row["source"], row["state"]) for row in seen["consumers"]] == [
        ("mail-digest", "never"),
        ("sendgrid-email", "since_release"),
    ]
    assert seen["silent_sources"] == ["mail-digest", "web"]
    text = cli.run("coverage", ".", "--seen", "--no-cache").out
    assert "mail-digest/index.ts:2 sendgrid was never seen" in " ".join(text.split())


def test_calls_whose_writer_nobody_knows_stand_before_those_of_known_ones(tmp_path):
    calls = [SeenCall(MAIL, source, 0, 0, None) for source in ("web", None, "app")]
    held = SeenCalls("production", None, None, calls, [])
    seen = document_of(searched(tmp_path, {"a.ts": ""}), ".", held)["seen"]
    assert [row["source"] for row in seen["consumers"]] == [None, "app", "web"]


def test_where_rows_name_no_source_no_call_is_said_to_be_unseen(cli, tmp_path):
    (tmp_path / "releaseguard.toml").write_text(CONFIG)
    (tmp_path / "supabase" / "functions" / "mail").mkdir(parents=True)
    (tmp_path / "supabase" / "functions" / "mail" / "index.ts").write_text(CODE)
    assert cli.run("events", "migrate").code == 0
    assert cli.run("events", "log", "sendgrid", "sendgrid_email_sent", "success").code == 0
    text = " ".join(cli.run("coverage", ".", "--seen", "--no-cache").out.split())
    assert "was never seen" not in text
    assert "Rows within 30 days without a source: 1." in text
    assert "Named by no row within 30 days: mail" in text


def test_without_being_asked_no_log_is_opened(cli, tmp_path):
    (tmp_path / "a.ts").write_text(CODE)
    assert cli.run("coverage", ".", "--json").json["seen"] is None
    assert not list(tmp_path.glob("*.db"))
