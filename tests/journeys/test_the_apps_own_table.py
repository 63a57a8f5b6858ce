"""An app whose own table of events is read as it is: every command that rests on the log, over days of its rows."""

from __future__ import annotations

import random
import sqlite3
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from releaseguard.model import to_text
from tests.support import lovendo
from tests.support.commands import Commands

SINCE = timedelta(minutes=40)
"""How long the release has been there."""
NAMES = ("sendgrid", "paytr", "twilio", "expo", "mapbox")
INSERT = (
    f"INSERT INTO {lovendo.TABLE} (id, integration_name, event_type, status, status_code, response_time_ms, endpoint,"
    " created_at, metadata) VALUES (?, ?, 'api_call', ?, ?, ?, ?, ?, NULL)"
)


def rows(broken: str | None, now: datetime, days: int) -> Iterator[tuple[object, ...]]:
    """A use of each integration every four minutes for some days, one in a hundred refused; since the deployment the
    ``broken`` one fails whenever it is used."""
    chance = random.Random(7)
    moment, number = now - timedelta(days=days), 0
    while moment < now:
        moment += timedelta(seconds=chance.expovariate(1 / 240))
        for name in NAMES:
            bad = (name == broken and moment > now - SINCE) or chance.random() < 0.01
            status, code = ("failure", 401) if bad else ("success", 200)
            number += 1
            written = to_text(moment).replace("T", " ").removesuffix("Z")
            yield str(number), name, status, code, chance.randint(80, 200), f"/{name}/geocode", written


def settled(folder: Path, days: int, broken: str | None = None) -> Commands:
    """The app's repository after some days, with a release that came at their end."""
    config = '[project]\nname = "lovendo"\n' + lovendo.CONFIGURATION.replace(
        "[events]", '[events]\nurl = "sqlite:///a.db"'
    )
    (folder / "releaseguard.toml").write_text(config)
    with sqlite3.connect(folder / "a.db") as connection:
        connection.execute(lovendo.create("sqlite"))
        connection.execute(f"CREATE INDEX by_time ON {lovendo.TABLE} (created_at)")
        now = datetime.now(UTC)  # read here: a log that ends minutes ago tells of an outage
        connection.executemany(INSERT, rows(broken, now, days))
        connection.execute(INSERT, ("odd", "sendgrid", "unheard_of", 0, 1, "/", to_text(now - timedelta(hours=2))))
        connection.execute(INSERT, ("custom", "custom", "success", 0, 1, "/", to_text(now - timedelta(hours=2))))
    commands = Commands(folder, {})
    assert commands.run("events", "migrate").code == 0
    assert commands.run("events", "deployed", "--release", "r2", "--at", to_text(now - SINCE)).code == 0
    return commands


@pytest.mark.parametrize(("days", "broken"), [(7, None), (3, "paytr")], ids=["good", "paytr breaks"])
def test_a_release_is_judged_and_an_outage_is_found_in_the_apps_own_rows(tmp_path, days, broken):
    commands = settled(tmp_path, days, broken)
    verdict = commands.run("verify", "--json", "--provider", "paytr", "--no-flows").json
    checks = {check["id"]: check for check in verdict["checks"]}
    reason = checks["paytr.errors"]["reason"]
    assert checks["paytr.errors"]["verdict"] == ("fail" if broken else "inconclusive"), reason
    assert broken or "carry no release" in reason, "a table without releases shows harm, and cannot show its absence"

    states = {one["provider"]: one["state"] for one in commands.run("health", "--json").json["providers"]}
    assert states["sendgrid"] == states["expo_push"] == "healthy"
    assert states["paytr"] == ("down" if broken else "healthy")

    told = commands.run("incident", "paytr", "--json")
    assert told.code in {0, 1, 3}, told.everything
    assert "401" in told.out or not broken

    found = commands.run("doctor", "--json").json
    rules = [row["what"] for row in found["checks"] if row["id"].startswith("events.rules")]
    assert any("the cards' first events" in what for what in rules)
    assert any("outcome unheard_of of sendgrid (1)" in what and "provider custom (1)" in what for what in rules)

    unsaid = [row["what"] for row in found["checks"] if row["id"].startswith("events.rules.never")]
    assert [what.partition(" says its ")[2].partition(":")[0] for what in unsaid] == [
        "release", "source", "correlation_id", "secret_version",
    ]  # fmt: skip

    past = commands.run("verify", "--as-of", to_text(datetime.now(UTC)), "--no-flows")
    assert past.code == 2, "the table does not say when a row was recorded"
    assert "recorded_at" in past.err


def test_releases_that_the_rows_metadata_names_are_whose_rows_they_are(tmp_path):
    commands = settled(tmp_path, days=2)
    with sqlite3.connect(commands.folder / "a.db") as connection:
        named = """json_object('release', CASE WHEN created_at >= ? THEN 'r2' ELSE 'r1' END, 'source', 'web')"""
        since = to_text(datetime.now(UTC) - SINCE).replace("T", " ").removesuffix("Z")
        connection.execute(f"UPDATE {lovendo.TABLE} SET metadata = {named}", (since,))
    verdict = commands.run("verify", "--json", "--provider", "paytr", "--no-flows").json
    checks = {check["id"]: check for check in verdict["checks"]}
    assert "carry no release" not in checks["paytr.errors"]["reason"]
    assert checks["paytr.errors"]["evidence"]["events"] > 0


def test_a_row_without_a_time_holds_up_the_release_after_it_alone(tmp_path):
    """It was there at the look before the next one, so that it is not of that."""
    commands = settled(tmp_path, days=1)

    def reason(release: str) -> str:
        verdict = commands.run("verify", "--json", "--provider", "sendgrid", "--no-flows", "--release", release).json
        return next(check["reason"] for check in verdict["checks"] if check["id"] == "sendgrid.errors")

    with sqlite3.connect(commands.folder / "a.db") as connection:
        connection.execute(INSERT, ("undated", "sendgrid", "success", 200, 1, "/", None))
    first = reason("r2")
    assert "cannot be read" in first
    assert "no later deployment is held up by it" in first
    assert "created_at is empty" in commands.run("doctor").out

    assert commands.run("events", "deployed", "--release", "r3").code == 0
    assert "cannot be read" not in reason("r3")
    with sqlite3.connect(commands.folder / "a.db") as connection:
        connection.execute(INSERT, ("since then", "sendgrid", "failure", 500, 1, "/", None))
    assert "cannot be read" in reason("r3")


SOURCE = {
    "supabase/migrations/1_health.sql": lovendo.create("postgres") + ";\n",
    "apps/admin/src/log.ts": (
        "export type IntegrationEvent = { integrationName: string; metadata?: { a: string };\n"
        "  status: 'success' | 'failure' | 'timeout' | 'degraded' };\n"
        "export async function logIntegrationEvent(event: IntegrationEvent): Promise<void> {}\n"
    ),
    "apps/admin/src/mail.ts": (
        "import sgMail from '@sendgrid/mail';\nimport { logIntegrationEvent } from './log';\n"
        "export async function mail(to: string) {\n  try {\n    await sgMail.send({ to });\n"
        "    logIntegrationEvent({ integrationName: 'sendgrid', status: 'success' });\n  } catch (error) {\n"
        "    logIntegrationEvent({ integrationName: 'sendgrid', status: 'timeout' });\n    throw error;\n  }\n}\n"
    ),
    "supabase/functions/geocode/index.ts": (
        "import { logIntegrationEvent } from '../../../apps/admin/src/log.ts';\nDeno.serve(async () => {\n  try {\n"
        "    const answer = await fetch('https://api.mapbox.com/geocoding/v5/mapbox.places/x.json');\n"
        "    logIntegrationEvent({ integrationName: 'mapbox', status: 'success' });\n    return answer;\n"
        "  } catch (error) {\n    logIntegrationEvent({ integrationName: 'mapbox', status: 'failure' });\n"
        "    throw error;\n  }\n});\n"
    ),
    "supabase/functions/paytr-withdraw/index.ts": (
        "Deno.serve(async () => fetch('https://www.paytr.com/odeme/platform/transfer', { method: 'POST' }));\n"
    ),
}
"""The app's parts, each as small as it can be."""


def test_what_init_learns_of_the_table_and_of_the_source_is_what_coverage_goes_by(tmp_path):
    for name, content in SOURCE.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(content)
    commands = Commands(tmp_path, {})
    started = commands.run("init", "--yes")
    assert started.code == 0, started.everything
    assert f'table = "{lovendo.TABLE}"' in (tmp_path / "releaseguard.toml").read_text()

    found = commands.run("coverage", ".", "--json")
    assert found.code == 1
    lacking = {one["provider"]: one["missing"] for one in found.json["findings"] if one["rule"] == "not-logged"}
    assert lacking == {"mapbox": ["success"], "paytr": ["success", "error"]}, "a 401 is not a success of fetch"
    told = commands.run("coverage", ".").out
    assert "logIntegrationEvent({ integrationName: 'paytr', status: 'failure' });" in told, "in the app's own words"
