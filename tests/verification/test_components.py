"""A deployment of one part of the app is judged by the rows of that part; phones decide nothing that servers can."""

from __future__ import annotations

from pathlib import Path

import pytest

from releaseguard.errors import UsageError
from releaseguard.model import Event, Verdict
from releaseguard.verification.context import VerifyRequest
from releaseguard.verification.telling.document import document_of
from releaseguard.verification.whose.components import components_of
from releaseguard.verification.whose.population import Population
from tests.support.verifying import judge, mark, steady, stored, verdicts

PARTS = Population(components=components_of({"web": ["web"], "mails": ["sendgrid-email"]}))
MAILS, ERRORS = ("sendgrid_email_sent",), ("sendgrid_error",)
TEXTS = ("twilio_sms_sent",)


def _usual(source: str | None, release: str, *, until: float = 30, every: float = 0.5) -> list[Event]:
    """Mails of one source, by one release all the time."""
    return steady(MAILS, every=every, since=-2880, until=until, source=source, release=release)


def _failing(source: str | None, release: str) -> list[Event]:
    return steady(ERRORS, every=0.5, since=0, ok=False, source=source, release=release)


def _marked(component: str, release: str) -> Event:
    return mark(0, release, said={"component": component})


@pytest.mark.parametrize(("asked", "refused"), [("wbe", True), ("web", False)])
def test_a_slip_in_a_components_name_is_not_answered_by_an_older_deployment_of_the_whole(
    tmp_path: Path, asked: str, refused: bool
) -> None:
    rows = [*_usual("web", "r0", until=0), *_failing("web", "r1"), mark(-2000, "r0"), _marked("web", "r1")]
    with stored(tmp_path / "log.db", rows) as log:
        if not refused:
            assert judge(log, request=VerifyRequest(component=asked)).verdict is Verdict.FAIL
            return
        with pytest.raises(UsageError, match="no deployment of wbe") as said:
            judge(log, request=VerifyRequest(component=asked))
    assert "Did you mean 'web'?" in str(said.value.next_step)


def test_another_component_fails_no_release(tmp_path: Path) -> None:
    web = steady(TEXTS, every=0.5, since=-2880, until=30, provider="twilio", source="web")
    rows = [*web, *_usual("sendgrid-email", "m1", until=0), *_failing("sendgrid-email", "m2")]
    with stored(tmp_path / "log.db", [*rows, _marked("web", "r1"), _marked("mails", "m2")]) as log:
        judged = judge(log, request=VerifyRequest(component="web"), population=PARTS)
        mails = judge(log, request=VerifyRequest(component="mails"), population=PARTS)
    assert document_of(judged)["component"] == "web"
    assert "sendgrid.errors" not in verdicts(judged)
    assert verdicts(judged)["twilio.errors"] == "pass"
    assert (mails.verdict, verdicts(mails)["sendgrid.errors"]) == (Verdict.FAIL, "fail")


def test_what_a_component_does_not_write_is_said_to_be_not_configured(tmp_path: Path) -> None:
    with stored(tmp_path / "log.db", [*_usual("sendgrid-email", "m1"), _marked("web", "r1")]) as log:
        judged = judge(log, request=VerifyRequest(component="web"), population=PARTS)
    (skipped,) = [one for one in judged.skipped if one.check.id == "sendgrid.errors"]
    assert skipped.reason.startswith("not configured")


def test_rows_of_no_component_count_for_every_one(tmp_path: Path) -> None:
    rows = [*_usual("cron", "r0", until=0), *_failing("cron", "r1"), _marked("web", "r1")]
    with stored(tmp_path / "log.db", rows) as log:
        assert judge(log, request=VerifyRequest(component="web"), population=PARTS).verdict is Verdict.FAIL


def test_single_rows_of_another_component_are_not_looked_at(tmp_path: Path) -> None:
    def kinds(detail: dict[str, str]) -> dict[str, str]:
        return dict.fromkeys(detail, "e-mail")

    personal = steady(MAILS, since=1, until=3, source="sendgrid-email", release="r1", detail={"to": "a"})
    with stored(tmp_path / "log.db", [*_usual("web", "r1"), *personal, _marked("web", "r1")]) as log:
        judged = judge(log, request=VerifyRequest(component="web"), population=PARTS, kinds=kinds)
    assert verdicts(judged)["sendgrid.privacy"] == "pass"


@pytest.mark.parametrize("population", [PARTS, Population()], ids=["with components", "without"])
def test_phones_fail_nothing_that_servers_decide(tmp_path: Path, population: Population) -> None:
    rows = [*_usual("web", "r0", until=0), *steady(MAILS, every=0.5, since=0, source="web"), *_failing("client", "r1")]
    with stored(tmp_path / "log.db", [*rows, mark()]) as log:
        judged = judge(log, population=population)
    assert verdicts(judged)["sendgrid.errors"] == "pass"


@pytest.mark.parametrize("phones", ["client", "Client", " CLIENT "])
def test_phones_pass_nothing_that_servers_decide(tmp_path: Path, phones: str) -> None:
    before = _usual("web", "r0", until=0)
    rows = [*before, *steady(MAILS, every=0.05, since=0, source=phones), *_failing("web", "r1")]
    with stored(tmp_path / "log.db", [*rows, mark()]) as log:
        assert verdicts(judge(log))["sendgrid.errors"] == "fail"


def test_phones_decide_what_only_they_write(tmp_path: Path) -> None:
    web = steady(MAILS, every=0.5, since=-2880, until=30, source="web")
    rendered = steady(("mapbox_map_rendered",), every=0.5, since=-2880, until=0, provider="mapbox", source="client")
    failing = steady(("mapbox_error",), every=0.5, since=0, ok=False, provider="mapbox", source="client")
    with stored(tmp_path / "log.db", [*web, *rendered, *failing, mark()]) as log:
        assert verdicts(judge(log))["mapbox.errors"] in ("fail", "warn")


def test_phones_in_another_spelling_are_of_the_component_that_phones_are() -> None:
    parts = components_of({"mobile": ["Client"], "web": ["web"]})
    assert [parts.of(source) for source in ("client", "CLIENT ", "Client", "web")] == ["mobile"] * 3 + ["web"]


def test_releases_of_phones_live_side_by_side(tmp_path: Path) -> None:
    def rendered(release: str, since: float, until: float, every: float) -> list[Event]:
        told = {"provider": "mapbox", "source": "client", "release": release}
        return steady(("mapbox_map_rendered",), every=every, since=since, until=until, **told)

    rows = [*rendered("4.0", -2880, 30, 0.2), *rendered("4.1", -1, 30, 0.4), _marked("client", "4.1")]
    with stored(tmp_path / "log.db", rows) as log:
        judged = judge(log, request=VerifyRequest(component="client"), population=PARTS)
    assert judged.deployment.live_since is not None
    assert verdicts(judged)["mapbox.errors"] == "pass"


def test_a_release_that_no_phone_has_yet_is_looked_at_in_a_longer_window(tmp_path: Path) -> None:
    told = {"provider": "mapbox", "source": "client", "release": "4.0"}
    rows = [*steady(("mapbox_map_rendered",), every=0.5, since=-2880, until=40, **told), _marked("client", "4.1")]
    with stored(tmp_path / "log.db", rows) as log:
        document = document_of(judge(log, now=40, request=VerifyRequest(component="client"), population=PARTS))
    assert document["summary"].endswith(": phones take a release up over days, judge it in a longer window")
    assert document["next_step"] == "releaseguard verify --release 4.1 --component client --window 1d"


def test_a_component_of_which_nothing_comes_is_not_live_and_nobodys_absence(tmp_path: Path) -> None:
    web = steady(MAILS, every=0.25, since=-2880, until=0, source="web", release="w1")
    maps = steady(["mapbox_geocode_ok"], provider="mapbox", every=1, since=-2880, until=0, source="web", release="w1")
    mails = steady(TEXTS, every=0.5, since=-2880, until=30, provider="twilio", source="sendgrid-email", release="m1")
    with stored(tmp_path / "log.db", [*web, *maps, *mails, _marked("web", "w2")]) as log:
        judged = judge(log, request=VerifyRequest(component="web"), population=PARTS)
    said = {one.id: one for one in judged.findings if one.kind in {"signal", "volume"}}
    assert {"sendgrid.errors", "sendgrid.volume", "mapbox.autocomplete"} <= said.keys()
    assert judged.verdict is Verdict.INCONCLUSIVE
    assert {getattr(one.evidence, "silence_cause", None) for one in said.values()} == {"release_not_live"}
    assert all("no row since the deployment is of this component, while 6" in one.reason for one in said.values())
