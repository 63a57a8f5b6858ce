"""A bug over one provider is told with its trace, and the others are shown as they are."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from releaseguard.cli.judging import health as command
from releaseguard.errors import ExitCode, Unreachable
from releaseguard.health import judge
from releaseguard.health.document import document_of
from releaseguard.health.run import HealthContext, Observer, _ProviderRows
from releaseguard.health.values import HealthState
from releaseguard.incident import run as incident
from releaseguard.incident import verdict as incident_verdict
from releaseguard.incident.context import IncidentContext
from releaseguard.incident.run import investigate
from releaseguard.incident.sources.problems import ServiceLabel
from releaseguard.incident.sources.secrets import Secrets
from releaseguard.incident.telling import document as incidents
from releaseguard.incident.values import ControlResult, Status
from tests.support.verifying import NOON, SHIPPED, breaking, row, stored

BUG = ZeroDivisionError("nobody foresaw this")
CARDS = {card.id: card for card in SHIPPED}


@pytest.fixture
def world(tmp_path: Path) -> Any:
    from datetime import timedelta

    rows = [row(-m * 7, event, provider=name) for m in range(300) for name, event in _USED.items()]
    with stored(tmp_path / "log.db", rows) as log:
        yield HealthContext(
            log=log,
            cards=SHIPPED,
            environment="production",
            window=timedelta(hours=1),
            baseline=timedelta(days=1),
            now=lambda: NOON,
            trace=lambda _error: "/traces/5",
        )


_USED = {"sendgrid": "sendgrid_email_sent", "twilio": "twilio_sms_sent"}


def of_one(original: Any, victim: str) -> Any:
    def broken(window: Any, provider: str, *more: Any) -> Any:
        if provider == victim:
            raise BUG
        return original(window, provider, *more)

    return broken


def test_health_shows_the_others_and_ends_as_a_bug(world, monkeypatch):
    monkeypatch.setattr(judge, "_condition_of", of_one(judge._condition_of, "sendgrid"))
    overview = Observer(world).look()
    shown = {row["provider"]: row for row in document_of(overview)["providers"]}
    assert (shown["sendgrid"]["state"], shown["twilio"]["state"]) == ("unknown", "healthy")
    assert "/traces/5" in shown["sendgrid"]["reason"]
    assert shown["sendgrid"]["events"] > 0
    assert command._exit_code(overview) is ExitCode.BUG


def test_what_breaks_over_a_providers_rows_breaks_alone(world, monkeypatch):
    original = _ProviderRows.glance
    monkeypatch.setattr(
        _ProviderRows,
        "glance",
        lambda seen, window, name: breaking(BUG)() if name == "twilio" else original(seen, window, name),
    )
    states = {one.provider: one.condition.state for one in Observer(world).look().providers}
    assert (states["twilio"], states["sendgrid"]) == (HealthState.UNKNOWN, HealthState.HEALTHY)


def investigated(world: HealthContext, provider: str) -> Any:
    return investigate(
        IncidentContext(
            health=world,
            card=CARDS[provider],
            projects=(),
            repositories=(),
            hosts=(),
            secrets=Secrets((), world.log, breaking(BUG), ServiceLabel("Vault", "TOKEN")),
            examples={"project": "", "repository": ""},
            count_rows=None,
            database_setting="APP_DATABASE_URL",
            tests=lambda _provider: None,
            scrub=lambda text: text,
        )
    )


@pytest.mark.parametrize("language", ["en", "tr"])
def test_an_incident_of_a_provider_that_cannot_be_judged_is_told_all_the_same(world, monkeypatch, language):
    monkeypatch.setattr(judge, "_condition_of", of_one(judge._condition_of, "sendgrid"))
    found = investigated(world, "sendgrid")
    document = incidents.document_of(found, language)
    assert "/traces/5" in document["reason"]
    assert document["actions"]
    assert incident_verdict.exit_code(found) is ExitCode.BUG
    assert incident_verdict.exit_code(investigated(world, "twilio")) is not ExitCode.BUG


def test_a_control_that_breaks_stops_no_other(world, monkeypatch):
    original, broken = incident.carry_out, []

    def carry_out(control: Any, around: Any) -> ControlResult:
        if not broken:
            broken.append(control)
            raise BUG
        return original(control, around)

    monkeypatch.setattr(incident, "carry_out", carry_out)
    found = investigated(world, "twilio")
    assert [one.finding.status for one in found.controls].count(Status.NOT_DONE) >= 1
    assert len(found.controls) == len(CARDS["twilio"].playbook.controls)
    shown = incidents.document_of(found, "en")["controls"][0]
    assert "ZeroDivisionError" in str(shown["finding"])
    assert "/traces/5" in str(shown["next_step"])
    assert incident_verdict.exit_code(found) is ExitCode.BUG


def test_a_log_that_does_not_answer_is_no_bug(world, monkeypatch):
    monkeypatch.setattr(world.log, "answers", breaking(Unreachable("the log does not answer")))
    with pytest.raises(Unreachable):
        Observer(world).look()
