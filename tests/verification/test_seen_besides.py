"""What was seen and fits nothing is named: other tags, environments and names, clocks that are behind, the past."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from releaseguard.errors import UsageError
from releaseguard.model import Event, Verdict, to_text
from releaseguard.stats.completeness import lags_of
from releaseguard.stats.series import Cell
from releaseguard.verification.context import VerifyRequest
from releaseguard.verification.judge.failures import is_in_place
from releaseguard.verification.telling.document import document_of
from releaseguard.verification.values import Judged, Promise
from releaseguard.verification.whose.components import components_of
from releaseguard.verification.whose.population import Population
from tests.support.verifying import NOON, judge, mark, row, steady, stored, verdicts

SMS = ("twilio_sms_sent",)


def _everybody(until: float = 30, **more: object) -> list[Event]:
    """Two providers that are used all the time; what comes after noon is the release's."""
    texts = steady(SMS, every=0.5, since=-1440, until=until, provider="twilio", **more)
    return [*texts, *steady(every=0.5, since=-1440, until=until, **more)]


def _remarks(judged: Judged) -> str:
    return "\n".join(document_of(judged)["remarks"])


def _judged(path: Path, rows: list[Event], now: float = 25, **more: object) -> Judged:
    with stored(path / "log.db", [*rows, mark()]) as log:
        return judge(log, now=now, **more)


def test_other_tags_are_named(tmp_path: Path) -> None:
    judged = _judged(tmp_path, [replace(one, release="shop-77") for one in _everybody()])
    assert "no row carries r1, but other releases were seen: shop-77 (" in _remarks(judged)
    assert document_of(judged)["log"]["other_tags"].keys() == {"shop-77"}
    (found,) = [one for one in judged.findings if one.id == "sendgrid.errors"]
    assert "shop-77" in found.reason


def test_other_environments_are_named(tmp_path: Path) -> None:
    judged = _judged(tmp_path, [replace(one, environment="prod") for one in _everybody()])
    assert "rows since the deployment are in other environments: prod (" in _remarks(judged)
    assert judged.verdict is Verdict.INCONCLUSIVE


def test_the_test_users_rows_are_not_said_to_be_none(tmp_path: Path) -> None:
    tried = [replace(one, release="r1", synthetic=True) for one in steady(since=0, until=20)]
    rows = [replace(one, release="r0") for one in _everybody()]
    assert f"no row but {len(tried)} of the test user carries r1" in _remarks(_judged(tmp_path, [*rows, *tried]))


def test_a_log_that_goes_on_in_a_new_environment_is_not_called_down(tmp_path: Path) -> None:
    rows = [replace(one, environment="prod-eu" if one.release == "r1" else "production") for one in _everybody(70)]
    judged = _judged(tmp_path, rows, now=61)
    (found,) = [one for one in judged.findings if one.id == "sendgrid.errors"]
    assert "nothing of it comes in this environment, and rows come in others" in found.reason
    assert "'prod-eu' (" in found.reason
    document = document_of(judged)
    assert document["summary"].endswith(": its rows are looked for in the wrong environment")
    assert document["next_step"] == "have the app write production, or name theirs: [project] environment"


def test_a_window_that_nothing_of_the_release_came_in_is_not_made_longer(tmp_path: Path) -> None:
    document = document_of(_judged(tmp_path, [replace(one, release="r0") for one in _everybody(70)], now=61))
    assert document["summary"].endswith(": find out under which name it serves, or why it does not")
    assert "[verify] release_pattern" in (document["next_step"] or "")
    assert not [one for one in document["decides_sooner"] if one["by"] == "window"]


@pytest.mark.parametrize("after", [31, 200], ids=["at once", "hours later"])
def test_a_release_that_went_live_after_its_window_is_judged_by_a_mark_of_then(tmp_path: Path, after: int) -> None:
    live = NOON + timedelta(minutes=after)
    rows = [replace(one, release="r1" if one.occurred_at >= live else "r0") for one in _everybody(after + 20)]
    document = document_of(_judged(tmp_path, rows, now=after + 20))
    assert document["summary"].endswith(": it went live after its window, judge it from then on")
    assert "--release r1 --environment production --at 2026-" in (document["next_step"] or "")
    assert any("when its window had ended" in remark for remark in document["remarks"])


@pytest.mark.parametrize(("now", "live"), [(46, 50), (60, 45)], ids=["not live yet", "live"])
def test_a_mark_of_a_clock_that_is_behind_is_not_taken_for_an_app_that_writes_no_release(
    tmp_path: Path, now: int, live: int
) -> None:
    since = NOON + timedelta(minutes=live)
    tagged = [replace(one, release="r1" if one.occurred_at >= since else "r0") for one in _everybody(now)]
    untagged = row(5, "sendgrid_email_sent", release=None)
    with stored(tmp_path / "log.db", [*tagged, untagged, mark(recorded=45)]) as log:
        document = document_of(judge(log, now=now))
    assert "no row carries a release" not in (document["next_step"] or "")
    assert "45 min" in "\n".join(document["remarks"])
    assert any("clock of what marked it is behind" in remark for remark in document["remarks"])


@pytest.mark.parametrize(
    ("tag", "asked", "verdict"),
    [("r7", None, "inconclusive"), ("r1", None, "pass"), ("r0", None, "pass"), ("r7", "r1", "pass")],
    ids=["nobody marked it", "it is the marked one", "it was there before", "the marked one is asked for"],
)
def test_what_serves_and_bears_no_mark_is_not_let_through_by_the_newest_one(
    tmp_path: Path, tag: str, asked: str | None, verdict: str
) -> None:
    """The step that marks a release failed, and the gate judges the one before it."""
    later = NOON + timedelta(hours=3)
    rows = [
        replace(one, release=tag if one.occurred_at >= later else "r0" if one.occurred_at < NOON else "r1")
        for one in _everybody(240)
    ]
    request = VerifyRequest(release=asked)
    document = document_of(_judged(tmp_path, rows, now=240, request=request))
    assert document["verdict"] == verdict, document["summary"]
    assert ("production has served r7 since" in document["summary"]) is (verdict == "inconclusive")
    if verdict == "inconclusive":
        told = f"releaseguard events deployed --release r7 --environment production --at {to_text(later)}"
        assert document["next_step"] == f"{told}, then releaseguard verify"


@pytest.mark.parametrize(
    ("asked", "named"),
    [("r1", "prod (1)"), ("r2", "prod (1)"), (None, "prod (2), staging (1)"), ("r9", "")],
    ids=["the release", "another", "any", "one that is nowhere"],
)
def test_marks_in_other_environments_are_named(tmp_path: Path, asked: str | None, named: str) -> None:
    marks = [replace(mark(), environment="prod"), replace(mark(5, "r2"), environment="prod")]
    log = stored(tmp_path / "log.db", [*marks, replace(mark(7, "r3"), environment="staging")])
    with pytest.raises(UsageError) as refused:
        judge(log, request=VerifyRequest(release=asked))
    said = refused.value.next_step or ""
    assert (f"marked in other environments: {named}. " in said) is bool(named)
    assert "releaseguard events deployed" in said


def test_the_environment_of_a_release_that_moved_is_named(tmp_path: Path) -> None:
    rows = [replace(one, environment="prod" if one.release == "r1" else "production") for one in _everybody()]
    assert "prod (" in _remarks(_judged(tmp_path, [*rows, *steady(since=0, until=20, release="r0")]))


def test_a_release_that_is_where_it_should_be_is_looked_for_nowhere_else(tmp_path: Path) -> None:
    judged = _judged(tmp_path, [*_everybody(), *steady(since=0, until=20, environment="staging")])
    assert document_of(judged)["remarks"] == []


def test_an_event_that_was_renamed_is_no_silence(tmp_path: Path) -> None:
    rows = [
        replace(one, event="sendgrid_email_done") if one.provider == "sendgrid" and one.release == "r1" else one
        for one in _everybody()
    ]
    usual = steady(("sendgrid_error",), every=10, since=-2880, until=30, ok=False)
    judged = _judged(tmp_path, [*rows, *usual])
    assert (verdicts(judged)["sendgrid.volume"], verdicts(judged)["sendgrid.errors"]) == ("inconclusive",) * 2
    (found,) = [one for one in judged.findings if one.id == "sendgrid.volume"]
    assert "sendgrid_email_done (" in found.reason
    assert "no card names the event sendgrid_email_done of sendgrid (success" in _remarks(judged)


@pytest.mark.parametrize(
    ("came", "missing", "otherwise"),
    [(4, 8.5, True), (1, 8.5, False), (0, 3.0, False), (10, 40.0, False), (20, 40.0, True)],
)
def test_as_few_by_new_names_as_chance_brings_are_a_renaming(came: int, missing: float, otherwise: bool) -> None:
    assert is_in_place(came, missing) is otherwise


def test_a_release_whose_calls_fail_beside_new_names_fails(tmp_path: Path) -> None:
    rows = [
        replace(one, event="sendgrid_email_done") if one.provider == "sendgrid" and one.release == "r1" else one
        for one in _everybody()
    ]
    failing = steady(("sendgrid_error",), every=0.5, since=0, until=30, ok=False)
    assert verdicts(_judged(tmp_path, [*rows, *failing]))["sendgrid.errors"] == "fail"


def test_a_new_name_beside_the_known_ones_hides_no_errors(tmp_path: Path) -> None:
    more = steady(("sendgrid_template_rendered",), every=0.02, since=0, until=30)
    failing = steady(("sendgrid_error",), every=2, since=0, until=30, ok=False)
    assert verdicts(_judged(tmp_path, [*_everybody(), *more, *failing]))["sendgrid.errors"] == "fail"


def test_a_silence_beside_a_few_new_events_is_one(tmp_path: Path) -> None:
    rows = [one for one in _everybody() if one.provider == "twilio" or one.release == "r0"]
    judged = _judged(tmp_path, [*rows, *steady(("sendgrid_queue_ok",), every=5, since=0, until=25)])
    assert verdicts(judged)["sendgrid.volume"] == "fail"


def test_failures_of_the_test_user_and_rows_of_no_component_are_told(tmp_path: Path) -> None:
    rows = [*_everybody(source="web"), *steady(since=0, until=5, source="cron")]
    rows += steady(("sendgrid_error",), every=5, since=1, until=10, ok=False, synthetic=True, source="web")
    parts = Population(components=components_of({"web": ["web"]}))
    judged = _judged(tmp_path, rows, request=VerifyRequest(component="web"), population=parts)
    assert "sendgrid_error (2)" in _remarks(judged)
    assert "rows of sources that are in no component count for every one: cron (5)" in _remarks(judged)
    assert verdicts(judged)["sendgrid.errors"] == "pass"


def test_a_clock_that_is_hours_behind_is_said_to_be_that(tmp_path: Path) -> None:
    rows = [replace(one, occurred_at=one.occurred_at - timedelta(hours=3), release=None) for one in _everybody()]
    judged = _judged(tmp_path, rows)
    document = document_of(judged)
    assert document["log"]["clock_behind_minutes"] == 180
    assert judged.verdict is Verdict.INCONCLUSIVE
    reasons = " ".join(one["reason"] for one in document["checks"])
    assert "a writer's clock is behind" in reasons
    assert "pipeline is down" not in reasons


YEAR = timedelta(days=365)


def _dated_back(rows: list[Event], by: timedelta | None, **more: object) -> list[Event]:
    """What comes after noon as a clock has it that is so far behind, or that says the same of 1970 all day."""
    never_set = datetime(1970, 1, 21, tzinfo=UTC)
    off = {one.id: never_set if by is None else one.occurred_at - by for one in rows if one.occurred_at >= NOON}
    return [replace(one, occurred_at=off[one.id], **more) if one.id in off else one for one in rows]


@pytest.mark.parametrize("by", [timedelta(days=2), 40 * timedelta(days=1), 4 * YEAR, None], ids=str)
def test_a_clock_that_is_days_or_years_behind_hides_no_release(tmp_path: Path, by: timedelta | None) -> None:
    rows = [*_everybody(), *steady(("sendgrid_error",), every=0.5, since=0, until=25, ok=False)]
    judged = _judged(tmp_path, _dated_back(rows, by))
    assert verdicts(judged)["sendgrid.errors"] == "fail"
    assert verdicts(judged)["twilio.errors"] == "pass"
    assert "behind the log, so a clock or a time zone is wrong" in _remarks(judged)


@pytest.mark.parametrize(
    ("by", "said"),
    [
        (timedelta(days=2), "times 2 d older than that: a writer's clock is behind"),
        (4 * YEAR, "times 1460 d older than that: a writer's clock is behind"),
        (None, "times before 2020: a writer's clock was never set"),
    ],
    ids=str,
)
def test_old_rows_without_a_tag_are_said_to_be_of_a_clock(tmp_path: Path, by: timedelta | None, said: str) -> None:
    reasons = " ".join(one.reason for one in _judged(tmp_path, _dated_back(_everybody(), by, release=None)).findings)
    assert said in reasons
    assert "pipeline is down" not in reasons


def test_where_rows_come_by_a_clock_that_is_behind_nobody_is_said_to_be_away(tmp_path: Path) -> None:
    rows = [row for number, row in enumerate(_everybody(until=60)) if number % 3 == 0]
    dated = _dated_back(rows, timedelta(hours=1), release=None)
    judged = _judged(tmp_path, dated, now=60, promise=Promise(window_minutes=60, baseline_minutes=1440))
    reasons = " ".join(one.reason for one in judged.findings)
    assert "times 1 h older than that: a writer's clock is behind" in reasons
    assert "users are away" not in reasons


def test_a_log_of_a_clock_that_is_years_behind_is_not_said_to_be_empty(tmp_path: Path) -> None:
    rows = [replace(one, occurred_at=one.occurred_at - 4 * YEAR, release=None) for one in _everybody()]
    summary = document_of(_judged(tmp_path, rows))["summary"]
    assert "a writer's clock is behind or was never set" in summary
    assert "no provider has logged an event" not in summary


def test_a_past_that_is_brought_in_is_no_clock_and_is_not_read_row_by_row(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("releaseguard.verification.rows.reader.MOST_FAR", 100)
    past = [replace(one, recorded_at=NOON + timedelta(minutes=5)) for one in steady(every=5, since=-8000, until=-5000)]
    judged = _judged(tmp_path, [*_everybody(), *past])
    assert verdicts(judged)["sendgrid.errors"] == "pass"
    assert document_of(judged)["log"]["late_rows"] == 0


def test_a_log_of_which_nothing_arrives_is_down(tmp_path: Path) -> None:
    judged = _judged(tmp_path, [one for one in _everybody() if one.occurred_at < NOON])
    assert "its pipeline is down or late" in " ".join(one.reason for one in judged.findings)


def test_where_hardly_anything_is_due_nobody_is_said_to_be_away(tmp_path: Path) -> None:
    texts = steady(SMS, every=0.5, since=-2880, until=30, provider="twilio")
    batch = [
        replace(one, occurred_at=one.occurred_at - timedelta(hours=10), recorded_at=None)
        for day in range(3)
        for one in steady(every=0.1, since=-day * 1440 - 20, until=-day * 1440)
    ]
    judged = _judged(tmp_path, [*texts, *batch])
    (found,) = [one for one in judged.findings if one.id == "sendgrid.volume"]
    assert "none is due yet" in found.reason
    assert "away" not in found.reason


def _lag(recorded: int, lag: int, rows: int = 10) -> Cell:
    return Cell(recorded - lag, recorded, "mail", "sent", True, "r", False, False, rows, 0)


def test_what_is_brought_in_once_does_not_make_a_pipeline_late() -> None:
    prompt = [_lag(minute, 0) for minute in range(240)]
    queue = [_lag(230, lag, 100) for lag in range(15, 120)]
    assert lags_of([*prompt, *queue]).usual.complete == 0
    assert lags_of(prompt).usual.complete == 0


def test_a_pipeline_that_is_late_again_and_again_is_late() -> None:
    batches = [_lag(minute, lag) for minute in range(30, 240, 30) for lag in range(30)]
    assert lags_of(batches).usual.complete >= 28
    half = [*(_lag(minute, 0) for minute in range(240)), *(_lag(minute, 60) for minute in range(240))]
    assert lags_of(half).usual.complete == 60


def _of_two_apps(second: str, second_marked: float) -> list[Event]:
    """A web app and a worker, each with its own releases; both are deployed within minutes of each other."""
    web = steady(every=0.5, since=-2880, until=40, source="web")
    texts = steady(SMS, every=0.5, since=-2880, until=40, provider="twilio", source=second)
    ends = NOON + timedelta(minutes=second_marked)
    work = [replace(one, release="w2" if one.occurred_at >= ends else "w1") for one in texts]
    return [*web, *work, mark(second_marked, "w2")]


@pytest.mark.parametrize(
    ("second", "marked", "named", "told"),
    [
        ("worker", 12, {}, True),
        ("worker", 12, {"web": ["web"], "work": ["worker"]}, False),
        ("web", 12, {}, False),
        ("worker", 3, {}, False),
        ("client", 12, {}, False),
    ],
    ids=["two apps", "they are named", "one source", "a roll-out may take as long", "phones"],
)
def test_the_mark_of_what_seems_another_app_is_told_with_the_setting(
    tmp_path: Path, second: str, marked: float, named: dict[str, list[str]], told: bool
) -> None:
    more = {"population": Population(components=components_of(named))}
    judged = _judged(tmp_path, _of_two_apps(second, marked), request=VerifyRequest(release="r1"), now=30, **more)
    assert ("[components]" in _remarks(judged)) is told
    assert not told or "worker (" in _remarks(judged)
