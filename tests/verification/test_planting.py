"""Harms planted into copies of a project's history, two settings on one past, and the record that verdicts carry."""

from __future__ import annotations

import random
from dataclasses import replace
from datetime import timedelta

import pytest

from releaseguard.eventlog.counts import count_minutes
from releaseguard.eventlog.rows.aside import tally_of
from releaseguard.model import Outcome, Verdict
from releaseguard.verification.backtesting.comparing import ComparedMeasure, compared
from releaseguard.verification.backtesting.measuring import Measured
from releaseguard.verification.backtesting.planting import (
    PRETENDED,
    Planted,
    PlantedHarm,
    Planting,
    Soil,
    _harmed,
    _planted_at,
    moments_of,
)
from releaseguard.verification.backtesting.replays import Backtest
from releaseguard.verification.context import VerifyRequest
from releaseguard.verification.rows.gate_record import newest_record
from releaseguard.verification.telling.document import document_of
from releaseguard.verification.whose.population import ALIKE
from tests.support.commands import Commands
from tests.support.verifying import NOON, PROMISE, SHIPPED, judge, mark, row, steady, stored

SENT, HOUR = "sendgrid_email_sent", timedelta(hours=1)
LOST = ["planted harms found", "planted harms let through"]


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    """Four days of mails, one every two minutes, and a release."""
    folder = tmp_path_factory.mktemp("project")
    rows = [mark(), *steady(every=2, since=-5760, until=31)]
    log = stored(folder / "log.db", rows)
    yield folder, log
    log.close()


def soil_of(log) -> Soil:
    from releaseguard.eventlog.interface import Query

    rows = list(log.minute_counts(Query(environment="production")))
    return Soil(rows=rows, cards=SHIPPED, environment="production", promise=PROMISE, population=ALIKE)


@pytest.mark.parametrize(("kind", "size"), [("errors", 1.0), ("errors", 0.5), ("drop", 0.5), ("drop", 1.0)])
def test_a_harm_is_in_the_provider_and_after_the_moment_alone(project, kind, size):
    soil = soil_of(project[1])
    harmed = list(_harmed(soil.rows, NOON, PlantedHarm(kind, size), "sendgrid", "sendgrid_error", random.Random(1)))
    before = [one for one in harmed if one.occurred_minute < NOON]
    after = [one for one in harmed if one.occurred_minute >= NOON]
    assert before == [one for one in soil.rows if one.occurred_minute < NOON]
    usual = sum(one.count for one in soil.rows if one.occurred_minute >= NOON)
    errors = sum(one.count for one in after if one.outcome is Outcome.ERROR)
    left = sum(one.count for one in after)
    assert all(one.release == PRETENDED for one in after)
    if kind == "errors":
        assert (left, errors == usual) == (usual, size == 1.0)
        assert errors > 0
    else:
        assert errors == 0
        assert left == 0 if size == 1.0 else 0 < left < usual


def counted(rows):
    """Actions that succeed and that fail, and rows, by outcome."""
    good = [one for one in rows if one.outcome is Outcome.SUCCESS]
    bad = [one for one in rows if one.outcome is Outcome.ERROR]
    return tuple(sum(one.trials for one in some) for some in (good, bad)), tuple(
        sum(one.count for one in some) for some in (good, bad)
    )


def actions_of(*, retried):
    """Two hundred actions of a minute, of two mails each; every fifth fails first and is tried again."""
    rows = []
    for number in range(200):
        of_one = {"correlation_id": f"a{number}", "release": "r1"}
        if retried and number % 5 == 0:
            rows.append(row(0.1 + number / 1000, "sendgrid_error", ok=False, **of_one))
        rows += [row(at + number / 1000, SENT, **of_one) for at in (0.3, 0.6)]
    return list(count_minutes(rows))


def planted_into(rows, kind, size):
    return list(_harmed(rows, NOON, PlantedHarm(kind, size), "sendgrid", "sendgrid_error", random.Random(3)))


@pytest.mark.parametrize("size", [0.2, 1.0])
def test_an_action_fails_whole_and_once_however_often_it_is_tried(size):
    (good, bad), _ = counted(planted_into(actions_of(retried=True), "errors", size))
    assert good + bad == 200
    if size == 1.0:
        assert bad == 200
    else:
        # Of the 160 that were well a fifth, beside the 40 that had failed.
        assert 40 + 12 < bad < 40 + 60


@pytest.mark.parametrize("size", [0.5, 1.0])
def test_an_action_that_is_not_made_leaves_no_row(size):
    whole = actions_of(retried=True)
    (good, bad), (sent, failed) = counted(planted_into(whole, "drop", size))
    _, (all_sent, all_failed) = counted(whole)
    if size == 1.0:
        assert (good, bad, sent, failed) == (0, 0, 0, 0)
    else:
        assert 0.35 * all_sent < sent < 0.65 * all_sent
        assert 0.2 * all_failed < failed < 0.8 * all_failed


def test_a_success_that_an_error_took_back_is_taken_back_of_the_error_in_its_place():
    """The success was recorded a minute before the error of the same action."""
    one = {"correlation_id": "a", "release": "r1"}
    late = row(0.5, "sendgrid_error", ok=False, recorded_at=NOON + timedelta(minutes=3), **one)
    (good, bad), _ = counted(planted_into(list(count_minutes([row(0.2, SENT, **one), late])), "errors", 1.0))
    assert (good, bad) == (0, 1)


def test_the_history_itself_is_left_as_it_is(project):
    log = project[1]
    before = soil_of(log).rows
    _planted_at(soil_of(log), NOON, PlantedHarm("errors", 1.0), "sendgrid")
    assert soil_of(log).rows == before


def test_an_outage_is_found_and_no_harm_is_not(project):
    soil = soil_of(project[1])
    found = _planted_at(soil, NOON, PlantedHarm("errors", 1.0), "sendgrid").found_after_s
    assert found is not None
    assert found < 30 * 60
    assert _planted_at(soil, NOON, PlantedHarm("errors", 0.0), "sendgrid").found_after_s is None


def test_moments_are_deployments_and_then_their_hour_on_earlier_days(project):
    moments = moments_of(soil_of(project[1]), [NOON])
    assert moments[0] == NOON
    assert moments[1] == NOON - timedelta(days=1)
    assert all(moment >= NOON - timedelta(days=2) for moment in moments)
    assert moments_of(soil_of(project[1]), []) == []


@pytest.mark.parametrize(
    ("found", "nine_in_ten"),
    [([60] * 9 + [None], 60), ([60] * 8 + [120, 300], 120), ([60] * 8 + [None] * 2, None), ([None], None), ([], None)],
)
def test_nine_in_ten_counts_what_was_not_found(found, nine_in_ten):
    assert plantings(found)[0].nine_in_ten_s == nine_in_ten


def plantings(found, through=False, provider="sendgrid"):
    """One harm at as many moments as ``found`` has seconds for, hour by hour."""
    tried = [Planted(NOON - timedelta(hours=number), after, through) for number, after in enumerate(found)]
    return [Planting(PlantedHarm("drop", 0.5), provider, tried)]


def worse_by(new, old):
    """By what the new settings are worse, of harms planted in production."""
    both = (Measured(Backtest([], tally_of([])), {"production": some}) for some in (new, old))
    return [one.measure for one in compared(*both) if one.is_worse]


@pytest.mark.parametrize(
    ("new", "old", "worse"),
    [
        (plantings([60, 60]), plantings([60, 60]), []),
        (plantings([60, None]), plantings([60, 60]), ["planted harms found"]),
        (plantings([60]), plantings([60, 60]), []),
        (plantings([None] * 9), plantings([60]), ["planted harms found"]),
        (plantings([None, 60, 60]), plantings([60]), ["planted harms found"]),
        (plantings([None], through=True), plantings([None]), ["planted harms let through"]),
        (plantings([None]), plantings([None], through=True), []),
        ([*plantings([60]), *plantings([60], provider="twilio")], plantings([60, 60, 60]), []),
        (plantings([60, 60]), [*plantings([60]), *plantings([60], provider="twilio")], LOST),
        (plantings([60, 60]), [*plantings([60]), *plantings([None], provider="twilio")], LOST[1:]),
    ],
    ids=[
        "alike",
        "one is missed",
        "another moment has no time",
        "more moments hide no loss",
        "nor where one of them is found",
        "what was undecided goes on",
        "and the other way",
        "a provider more",
        "a provider is no longer checked",
        "nor is one of which nothing was found",
    ],
)
def test_planted_harms_are_compared_where_both_were_tried(new, old, worse):
    assert worse_by(new, old) == worse


@pytest.mark.parametrize(
    ("new", "old", "more_is_worse", "worse"),
    [(1, 0, True, True), (0, 1, True, False), (1, 1, True, False), (8, 9, False, True), (9, 8, False, False)],
)
def test_what_is_worse(new, old, more_is_worse, worse):
    assert ComparedMeasure("x", new, old, more_is_worse).is_worse is worse


def test_a_row_that_is_no_record_is_none():
    rows = [row(0, "gate_measured", detail={"record": text}) for text in ("x", None, {"releases": 1})]
    assert newest_record(rows) is None


@pytest.fixture
def cli(project, tmp_path):
    stored(tmp_path / "log.db", [mark(), *steady(every=2, since=-5760, until=31)]).close()
    settings = '[events]\nurl = "sqlite:///log.db"\n[verify]\nbaseline = "3d"\n'
    (tmp_path / "releaseguard.toml").write_text(settings)
    (tmp_path / "main").mkdir()
    (tmp_path / "main" / "releaseguard.toml").write_text(settings)
    return Commands(tmp_path, {})


def test_a_verdict_carries_the_gates_record(cli):
    planted = cli.run("backtest", "--plant", "--json")
    assert planted.code == 0, planted.everything
    rows = planted.json["planted"]["production"]
    assert {(one["harm"], one["size"]) for one in rows} >= {("errors", 1.0), ("drop", 0.5)}
    document = cli.run("verify", "--json").json
    assert document["record"]["planted"] == rows
    assert document["record"]["false_alarms_promised"] == 0.01
    text = " ".join(cli.run("verify").out.split())
    assert "the gate's record (" in text
    assert "planted harms found: " in text


def test_settings_that_are_worse_are_told_and_end_with_1(cli, tmp_path):
    same = cli.run("backtest", "--against", "main/releaseguard.toml", "--json")
    assert (same.code, [one for one in same.json["compared"] if one["worse"]]) == (0, [])
    with (tmp_path / "releaseguard.toml").open("a") as file:
        file.write("false_alarm_rate = 0.0000001\n")
    worse = cli.run("backtest", "--against", "main/releaseguard.toml")
    assert (worse.code, "WORSE" in worse.out) == (1, True), worse.everything


def test_a_flow_that_is_left_out_decides_sooner_unless_a_past_moment_is_judged(cli):
    now = cli.run("verify", "--no-flows", "--json").json["decides_sooner"]
    past = cli.run("verify", "--no-flows", "--as-of", "2026-11-20T12:20:00Z", "--json").json["decides_sooner"]
    said = {"check": "sendgrid.errors", "by": "flow", "words": "the flow sendgrid.send, which is left out (--no-flows)"}
    assert said in now
    assert {row["by"] for row in past} == {"window"}
    text = " ".join(cli.run("verify", "--no-flows").out.split())
    assert "it would decide sendgrid.errors" in text


def test_a_longer_window_decides_where_no_flow_does_and_the_old_release_where_trouble_began_before(tmp_path):
    maps = steady(["mapbox_geocode_ok"], provider="mapbox", every=2, since=-5760)
    ill = [replace(one, event="mapbox_error", outcome=Outcome.ERROR) for one in maps if one.occurred_at >= NOON - HOUR]
    with stored(tmp_path / "well.db", [mark(), *maps]) as log:
        well = document_of(judge(log, request=VerifyRequest()))["decides_sooner"]
    with stored(tmp_path / "ill.db", [mark(), *(one for one in maps if one.occurred_at < NOON - HOUR), *ill]) as log:
        before = document_of(judge(log, request=VerifyRequest()))["decides_sooner"]
    assert {row["by"] for row in well} == {"window"}
    assert all("a window of " in row["words"] and row["check"].startswith("mapbox.") for row in well)
    assert ("mapbox.errors", "old_release") in {(row["check"], row["by"]) for row in before}


def test_a_log_without_a_record_says_nothing_of_one(cli):
    document = cli.run("verify", "--json").json
    assert (document["record"], document["shown_by_this_traffic"]) == (None, [])
    assert document["verdict"] in {one.value for one in Verdict}
