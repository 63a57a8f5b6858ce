"""``incident`` from the command line, in a world of stand-ins: what is found, said, and how it exits."""

from __future__ import annotations

import re
import signal
from dataclasses import replace
from datetime import timedelta

import pytest

from releaseguard.cards.load import load_cards
from releaseguard.eventlog.stores.sqlite import SqliteEventLog
from releaseguard.model import Event, Outcome, new_id, utc_now
from releaseguard.sandbox.serving import faults
from releaseguard.sandbox.world import World
from tests.support import contracts
from tests.support.commands import Commands, ended

QUICK = '\n[network]\ntimeout = "1s"\npatience = "1s"\n'
OKS = {"mapbox": "mapbox_geocode_ok", "sendgrid": "sendgrid_email_sent", "supabase": "supabase_rpc_ok"}
FIELDS = {
    *("provider", "name", "environment", "language", "as_of", "window", "headline", "state", "reason", "began"),
    *(
        "began_before_window",
        "health",
        "others",
        "compared",
        "recovered_since",
        "writers",
        "changes",
        "unread",
        "symptoms",
        "controls",
        "actions",
        "rules",
    ),
    "open",
}


@pytest.fixture
def world(tmp_path):
    with World() as world:
        world.write(tmp_path, extra=QUICK)
        yield world
    assert world.crashes == []
    if contracts.available():
        for stand_in in (world.github, world.vercel, world.supabase):
            contracts.check(stand_in.name, stand_in.requests)


@pytest.fixture
def cli(world, tmp_path):
    return Commands(tmp_path, world.environ())


def ago(minutes: float):
    return utc_now() - timedelta(minutes=minutes)


def happened(provider, minutes, name, code=None, **more):
    outcome = Outcome.ERROR if name.endswith("_error") else Outcome.SUCCESS
    return Event(
        id=new_id(),
        occurred_at=ago(minutes),
        provider=provider,
        event=name,
        outcome=outcome,
        environment="production",
        error_code=code,
        **{"source": "web", **more},
    )


@pytest.fixture
def write(tmp_path):
    """Writes events as if each had been recorded when it occurred."""
    path = tmp_path / "releaseguard.db"

    def wrote(events):
        with SqliteEventLog(path) as log:
            log.restore(replace(event, recorded_at=event.occurred_at) for event in events)

    with SqliteEventLog(path) as log:
        log.migrate()
    return wrote


@pytest.fixture
def calm(write):
    """Ten hours of three providers, one event a minute each."""
    write(happened(name, minute + 0.5, event) for name, event in OKS.items() for minute in range(600))


@pytest.fixture
def outage(write, calm, world):
    """Mapbox refuses its token since ten minutes ago; a release came a minute before, and a migration long before."""
    write(happened("mapbox", 0.3 * n, "mapbox_error", "401") for n in range(33))
    write([happened("releaseguard", 11, "release_deployed", release="r42", source="deploy")])
    world.github.add_run("lovendo/app", "completed", "db-migrations", at=ago(300))
    return world


def test_an_outage_is_told_with_beginning_cause_symptoms_controls_and_actions(cli, outage):
    done = cli.run("incident", "mapbox", "--json")
    assert done.code == 1, done.everything
    told = done.json
    assert set(told) == FIELDS
    assert told["state"] == "down"
    assert told["began"][:16] in {f"{ago(minutes):%Y-%m-%dT%H:%M}" for minutes in (8, 9, 10, 11)}
    assert told["headline"].startswith("Mapbox has been down since about")
    assert "release r42" in told["headline"]
    [cause] = [row for row in told["changes"] if row["likely"]]
    assert (cause["kind"], cause["what"]) == ("release", "release r42 was deployed")
    assert "migration" in {row["kind"] for row in told["changes"]}
    assert told["symptoms"][0]["match"] == "yes"
    statuses = {row["kind"]: row["status"] for row in told["controls"]}
    assert statuses == {"secret_present": "ok", "events": "bad"}
    assert told["actions"][0] == {
        "number": 1,
        "text": "Rotate the token (Infisical/Vercel/GitHub Secrets)",
        "command": "releaseguard rotate mapbox",
    }
    assert told["unread"] == []


MARKS = {
    "in local time": ({"occurred_at": timedelta(hours=3)}, "Likely cause: release r43 was deployed, "),
    "in another spelling of the environment": (
        {"environment": "Prod"},
        "Likely cause: release r43 was deployed, marked in an environment called Prod, ",
    ),
    "in another environment": ({"environment": "staging"}, "Nothing that can be seen changed in the hour before."),
    "after it had served": ({"at": 4}, "Release r43 was deployed, 5 min after it began: if that was marked late"),
}


@pytest.mark.parametrize("case", MARKS)
def test_a_release_is_named_wherever_and_whenever_it_was_marked(case, cli, write, calm, tmp_path):
    changed, said = dict(MARKS[case][0]), MARKS[case][1]
    write(happened("mapbox", 9.5 - 0.25 * n, "mapbox_error", "500") for n in range(38))
    made = happened("releaseguard", changed.pop("at", 10), "release_deployed", release="r43", source="deploy")
    ahead = changed.pop("occurred_at", timedelta(0))
    with SqliteEventLog(tmp_path / "releaseguard.db") as log:
        log.restore([replace(made, occurred_at=made.occurred_at + ahead, recorded_at=made.occurred_at, **changed)])
    headline = cli.run("incident", "mapbox", "--json").json["headline"]
    pattern = re.escape(said).replace("5\\ min", r"[4-6]\ min")
    assert re.search(pattern, headline), headline


def test_an_incident_that_is_over_can_be_looked_at_as_of_then(cli, write, calm):
    write(happened("mapbox", 200 + 0.3 * n, "mapbox_error", "401") for n in range(100))
    assert cli.run("incident", "mapbox", "--json").code == 0
    then = f"{ago(201):%Y-%m-%dT%H:%M:%SZ}"
    done = cli.run("incident", "mapbox", "--as-of", then, "--json")
    assert done.code == 1, done.everything
    assert done.json["began"][:16] in {f"{ago(minutes):%Y-%m-%dT%H:%M}" for minutes in range(228, 233)}
    assert done.json["window"][1] <= f"{ago(199):%Y-%m-%dT%H:%M:%SZ}"


def test_refused_credentials_point_to_the_secret_that_was_written(cli, write, calm, world):
    write(happened("mapbox", 0.05 * n, "mapbox_error", "401") for n in range(40))
    world.github.put("lovendo/app", "MAPBOX_ACCESS_TOKEN", "pk.other")
    world.github.place("lovendo/app").secrets["MAPBOX_ACCESS_TOKEN"].updated_at = ago(5)
    write([happened("releaseguard", 1.5, "release_deployed", release="r42", source="deploy")])
    told = cli.run("incident", "mapbox", "--json").json
    [cause] = [row for row in told["changes"] if row["likely"]]
    assert (cause["kind"], cause["where"]) == ("secret", "github:lovendo/app")
    assert "MAPBOX_ACCESS_TOKEN" in told["headline"]


def test_where_nothing_is_wrong_that_is_said_plainly(cli, calm):
    done = cli.run("incident", "sendgrid")
    assert done.code == 0, done.everything
    assert re.match(r"Nothing is wrong with SendGrid: (59|60) calls, none failed\.\n", done.out)
    assert "about here the trouble began" not in done.out


def test_one_event_that_stops_is_an_incident_of_its_own(cli, write, calm):
    write(happened("sendgrid", minute + 0.2, "sendgrid_webhook_received") for minute in range(90, 6 * 1440))
    done = cli.run("incident", "sendgrid", "--json")
    assert done.code == 1, done.everything
    told = done.json
    assert told["state"] == "healthy"
    assert told["headline"].startswith("SendGrid: The webhook brings no bounces or complaints (since ")
    assert "no sendgrid_webhook_received since" in told["headline"]
    assert [row["match"] for row in told["symptoms"]] == ["no", "yes"]
    assert told["began"][:16] in {f"{ago(minutes):%Y-%m-%dT%H:%M}" for minutes in (90, 91, 92)}


def test_turkish_is_turkish_and_the_configuration_can_ask_for_it(cli, outage, tmp_path):
    config = tmp_path / "releaseguard.toml"
    config.write_text(config.read_text().replace("[project]\n", '[project]\nlanguage = "tr"\n'))
    done = cli.run("incident", "mapbox")
    assert done.code == 1
    assert done.out.startswith("Mapbox çalışmıyor (başlangıç: yaklaşık")
    assert "Olası neden: r42 sürümü yayına alındı" in " ".join(done.out.split())
    for heading in ("NE DEĞİŞTİ", "BELİRTİ", "KONTROL", "AKSİYON (BU SIRAYLA)", "KURAL"):
        assert heading in done.out
    assert not {"since", "failed", "the", "next", "likely"} & {*done.out.replace(":", " ").split()}
    assert cli.run("incident", "mapbox", "--lang", "en").out.startswith("Mapbox has been down")


ANOTHER_CARD = pytest.mark.full("the same of another card; that every sentence has its Turkish is in every run")
EVERY_CARD = [
    pytest.param(card.id, marks=() if number % 3 == 0 else ANOTHER_CARD) for number, card in enumerate(load_cards())
]


@pytest.mark.parametrize("card", EVERY_CARD)
def test_every_card_can_be_told_of_in_turkish(cli, calm, card):
    done = cli.run("incident", card, "--lang", "tr", "--json")
    assert done.code in {0, 1, 3}, done.everything
    assert set(done.json) == FIELDS
    assert done.json["language"] == "tr"
    assert len(done.json["controls"]) >= 1
    assert all(row["finding"] for row in done.json["controls"])


def test_without_credentials_the_log_is_told_and_every_control_says_what_it_needs(cli, outage, tmp_path):
    done = Commands(tmp_path, {}).run("incident", "mapbox", "--json")
    assert done.code == 1, done.everything
    by_kind = {row["kind"]: row for row in done.json["controls"]}
    assert by_kind["events"]["status"] == "bad"
    assert by_kind["secret_present"]["status"] == "not_done"
    assert "VERCEL_TOKEN" in by_kind["secret_present"]["next_step"]
    assert "RELEASEGUARD_GITHUB_TOKEN" in by_kind["secret_present"]["next_step"]
    assert any("SUPABASE_ACCESS_TOKEN is not set" in one for one in done.json["unread"])


def test_a_dead_service_stops_no_other_control(cli, calm, world):
    world.supabase.stop()
    done = cli.run("incident", "twilio", "--json")
    statuses = {row["kind"]: row for row in done.json["controls"]}
    assert statuses["function_logs"]["status"] == "not_done"
    assert statuses["function_logs"]["next_step"]
    assert statuses["page"]["url"].startswith("https://console.twilio.com/")
    assert any("supabase:" in one for one in done.json["unread"])
    assert not any("github:" in one for one in done.json["unread"])


def test_a_limit_that_asks_for_a_minute_is_not_waited_for(cli, calm, world, tmp_path):
    config = tmp_path / "releaseguard.toml"
    config.write_text(config.read_text().replace(QUICK, ""))
    world.github.fail_next("GET", "workflows", faults.github_secondary_limit(60), times=100)
    done = cli.run("incident", "supabase", "--json")
    [control] = [row for row in done.json["controls"] if row["kind"] == "workflow_runs"]
    assert control["status"] == "not_done"
    assert "limit" in control["finding"][0]


def test_a_vault_that_refuses_leaves_the_secrets_presence(cli, calm, world):
    world.infisical.fail_next("*", ".*", faults.answer(403, {"message": "no"}), times=100)
    [control] = [
        row for row in cli.run("incident", "mapbox", "--json").json["controls"] if row["kind"] == "secret_present"
    ]
    assert control["status"] == "ok"
    assert any("MAPBOX_ACCESS_TOKEN is at github:lovendo/app" in one for one in control["finding"])
    assert any("was not compared" in one for one in control["finding"])


def test_a_functions_log_is_scrubbed_before_it_is_shown(cli, calm, world):
    key = world.infisical.value("SENDGRID_API_KEY")
    text = f"401 for jane.doe@example.com +90 532 111 22 33 with {key} and xK9vTq27Lm04Rz81"
    for _ in range(5):
        world.supabase.called(world.edge.ref, "sendgrid-email", 500, ago(2))
    world.supabase.wrote(world.edge.ref, "sendgrid-email", text, "error", ago(2))
    for flags in ((), ("--format", "markdown"), ("--format", "html"), ("--json",)):
        done = cli.run("incident", "sendgrid", *flags)
        assert done.code == 1
        assert not any(word in done.everything for word in ("jane", "532 111", key, key[:12], "xK9vTq27Lm04Rz81"))
        assert "401 for [email]" in done.out


@pytest.mark.parametrize("workflow", ["db-migrations", "database-migrations", "deploy-supabase"])
def test_a_failed_migration_is_found_whatever_the_log_says_and_the_workflow_is_called(cli, calm, world, workflow):
    world.github.add_run("lovendo/app", "completed", workflow, conclusion="failure", at=ago(30))
    done = cli.run("incident", "supabase")
    assert done.code == 1
    assert done.out.startswith("The events of Supabase show no trouble, but 1 control found some")
    assert "FAILED" in done.out


def test_a_log_without_events_decides_nothing(cli, write):
    done = cli.run("incident", "mapbox")
    assert done.code == 3
    assert done.out.startswith("How Mapbox is cannot be told: no event of it is in the log.")


def test_a_log_that_does_not_answer_is_the_only_end(cli, tmp_path, world):
    config = tmp_path / "releaseguard.toml"
    closed = "postgresql://nobody@127.0.0.1:1/none?connect_timeout=2"
    config.write_text(config.read_text().replace("sqlite:///releaseguard.db", closed))
    done = cli.run("incident", "mapbox", "--json")
    assert done.code == 5, done.everything
    assert done.json["error"]["next_step"]


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        (("mapbx",), "Did you mean 'mapbox'?"),
        (("mapbox", "--lang", "de"), "'en', 'tr'"),
        (("mapbox", "--format", "pdf"), "markdown"),
        (("mapbox", "--window", "30s"), "between 1m and 2d"),
        (("mapbox", "-o", "missing/x.md"), "cannot be written"),
        ((), "PROVIDER"),
    ],
)
def test_wrong_input_is_a_usage_error_that_says_what_to_write(cli, calm, flags, said):
    done = cli.run("incident", *flags)
    assert done.code == 2
    assert said in done.err


def test_a_providers_host_in_the_configuration_is_refused(cli, calm, tmp_path):
    config = tmp_path / "releaseguard.toml"
    config.write_text(config.read_text().replace("[github]\nurl = ", '[github]\nurl = "https://api.sendgrid.com" #'))
    done = cli.run("incident", "mapbox")
    assert done.code == 4
    assert "api.sendgrid.com" in done.err


def test_the_environment_that_the_user_named_goes_into_the_commands(cli, write, tmp_path):
    config = tmp_path / "releaseguard.toml"
    config.write_text(config.read_text() + "\n[environments.staging]\nproject.name = 'lovendo'\n")
    done = cli.run("incident", "mapbox", "--environment", "staging", "--json")
    assert done.json["actions"][0]["command"] == "releaseguard rotate mapbox --environment staging"
    assert cli.run("incident", "mapbox", "--json").json["actions"][0]["command"] == "releaseguard rotate mapbox"


def test_a_report_into_a_file_leaves_one_line_for_the_terminal(cli, outage, tmp_path):
    done = cli.run("incident", "mapbox", "--format", "html", "-o", "incident.html")
    assert done.code == 1
    assert done.out == ""
    assert done.err.count("\n") == 1
    page = (tmp_path / "incident.html").read_text()
    assert page.startswith("<!doctype html>")
    assert not any(word in page for word in ("url(", "<script", "<link", "<img"))


def test_nothing_is_written_anywhere(cli, outage, world):
    cli.run("incident", "mapbox")
    cli.run("incident", "sendgrid")
    for stand_in in world.stand_ins:
        assert [one.path for one in stand_in.requests if one.writes and "/auth/" not in one.path] == []


def test_ctrl_c_ends_it_without_a_trace(cli, calm, world):
    world.github.fail_next("GET", ".*", faults.silence(), times=50)
    process = cli.start("incident", "mapbox")
    while not world.github.requests:
        process.poll()
        assert process.returncode is None
    process.send_signal(signal.SIGINT)
    done = ended(process)
    assert done.code == 130
    assert "Traceback" not in done.err


def test_help_names_an_example_and_every_field(cli):
    text = cli.run("incident", "--help").out
    assert "Example: releaseguard incident mapbox" in text
    assert all(f'"{field}"' in text for field in FIELDS)


@pytest.mark.parametrize(
    ("tag", "served_before", "likely"),
    [("a1b2c3d4e5", False, True), ("shop@a1b2c3d4e5", False, True), ("a1b2c3d4e5", True, False), ("r41", False, False)],
    ids=["by its tag", "by a form of it", "it served long before", "another release failed"],
)
def test_a_release_that_was_marked_after_its_first_failure_is_the_likely_cause(
    cli, write, calm, tag, served_before, likely
):
    """Rows of a release are its own from the first on, whenever the pipeline got to its mark."""
    write(happened("mapbox", 10 - 0.3 * n, "mapbox_error", "500", release=tag) for n in range(33))
    write([happened("releaseguard", 8, "release_deployed", release="a1b2c3d4e5", source="deploy")])
    if served_before:
        write([happened("sendgrid", 300, "sendgrid_email_sent", release=tag)])
    told = cli.run("incident", "mapbox", "--json").json
    assert [one["likely"] for one in told["changes"] if one["kind"] == "release"] == [likely]
