"""What a report says is true of its rows: what recovered, what was removed, what few phones can show, what waits."""

from __future__ import annotations

import random
import re
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from releaseguard.model import CLIENT, Event, Verdict
from releaseguard.verification.context import VerifyRequest
from releaseguard.verification.telling.document import document_of
from releaseguard.verification.values import Promise
from releaseguard.verification.whose.components import components_of
from releaseguard.verification.whose.population import Population
from tests.support.verifying import NOON, judge, mark, row, steady, stored

HOUR = Promise(window_minutes=60, baseline_minutes=6 * 24 * 60)
PARTS = Population(components=components_of({"web": ["web"]}))
GEOCODED, TEXTED = ("mapbox_geocode_ok",), ("twilio_sms_sent",)


def _mails(rate: float, since: float, until: float, share: float, release: str) -> list[Event]:
    rng, minute, made = random.Random(f"{rate} {since}"), since, []
    while (minute := minute + rng.expovariate(rate / 60)) < until:
        bad = rng.random() < share
        made.append(row(minute, "sendgrid_error" if bad else "sendgrid_email_sent", ok=not bad, release=release))
    return made


@pytest.mark.parametrize("rate", [10, 60, 600])
@pytest.mark.parametrize("after", ["r0", "fix"], ids=["a roll-back", "a hotfix"])
def test_what_worked_has_recovered_and_nothing_goes_on(tmp_path: Path, rate: int, after: str) -> None:
    """Forty minutes of a release of which most calls fail, then an hour of another without an error."""
    days = 6 if rate < 100 else 1
    rows = [*_mails(rate, -days * 1440, -40, 0.01, "r0"), *_mails(rate, -40, 0, 0.7, "r1")]
    rows += [*_mails(rate, 0, 60, 0.0, after), mark(-3000, "r0"), mark(-40, "r1"), mark(0, after)]
    with stored(tmp_path / "log.db", rows) as log:
        document = document_of(judge(log, request=VerifyRequest(release=after), now=60, promise=HOUR))
    said = str(document)
    assert document["verdict"] != Verdict.FAIL.value, said
    assert "recovered" in said
    assert "goes on" not in said
    assert "go on" not in said


def _phones(until: float = 30, *, share: float = 0.0, of_ten: int = 1) -> list[Event]:
    """Two releases of an app for phones, a third that one call in ten comes from since noon, and a web app."""
    made = steady(GEOCODED, every=2, since=-2880, until=0, provider="mapbox", source=CLIENT, latency_ms=90)
    made += steady(TEXTED, every=2, since=-2880, until=until, provider="twilio", source="web", release="w1")
    for number in range(round(until * 5)):
        new, bad = number % 10 < of_ten, number % 100 < 100 * share
        event = "mapbox_error" if new and bad else "mapbox_geocode_ok"
        more: dict[str, Any] = {"provider": "mapbox", "source": CLIENT, "latency_ms": 90}
        made.append(row(number / 5, event, ok=not (new and bad), release="1.3" if new else "1.2", **more))
    return made


def _judged_phones(path: Path, rows: list[Event], **more: Any) -> dict[str, Any]:
    with stored(path / "log.db", [*rows, mark(0, "1.3", said={"component": CLIENT})]) as log:
        return dict(document_of(judge(log, request=VerifyRequest(component=CLIENT), population=PARTS, **more)))


def _check(document: dict[str, Any], name: str) -> dict[str, Any]:
    return next(dict(one) for one in document["checks"] if one["id"] == name)


def test_phones_whose_release_fails_fail_beside_those_whose_is_well(tmp_path: Path) -> None:
    document = _judged_phones(tmp_path, _phones(share=0.8))
    assert (document["verdict"], _check(document, "mapbox.errors")["verdict"]) == ("fail", "fail")
    assert "twilio.errors" not in {one["id"] for one in document["checks"]}


def test_few_phones_take_as_long_as_few_phones_take(tmp_path: Path) -> None:
    found = _check(_judged_phones(tmp_path, _phones()), "mapbox.errors")
    needed, minutes = found["evidence"]["needed_events"], found["evidence"]["needed_minutes"]
    assert found["verdict"] == "inconclusive"
    assert minutes > 1.5 * needed, "the new release makes half an event a minute, its provider five"


def test_of_a_part_of_the_events_it_is_not_said_that_one_more_would_do(tmp_path: Path) -> None:
    found = _check(_judged_phones(tmp_path, _phones()), "mapbox.autocomplete")
    assert "takes about 1 events" not in found["reason"]
    assert "needed about 1 more" not in found["reason"]


@pytest.mark.parametrize("every", [1, 6], ids=["60 an hour", "10 an hour"])
def test_the_latency_of_phones_is_compared_with_phones(tmp_path: Path, every: float) -> None:
    slow = [*_phones(until=0), *steady(GEOCODED, every=every, since=0, until=60, provider="mapbox", source=CLIENT)]
    slow = [_taking(one, 4000) if one.occurred_at >= NOON and one.source == CLIENT else one for one in slow]
    slow = [one if one.release == "r0" or one.source != CLIENT else _of(one, "1.3") for one in slow]
    document = _judged_phones(tmp_path, slow, now=60, promise=HOUR)
    assert _check(document, "mapbox.latency")["verdict"] == "warn"


@pytest.mark.parametrize("rate", [10, 60, 600])
def test_providers_that_are_twenty_times_slower_warn_at_every_rate(tmp_path: Path, rate: int) -> None:
    days = 6 if rate < 100 else 1
    rows = [*_mails(rate, -days * 1440, 0, 0.0, "r0"), *_mails(rate, 0, 60, 0.0, "r1")]
    rng = random.Random(3)
    timed = [_taking(one, rng.randint(80, 160) * (1 if one.occurred_at < NOON else 20)) for one in rows]
    with stored(tmp_path / "log.db", [*timed, mark()]) as log:
        document = dict(document_of(judge(log, now=60, promise=HOUR)))
    assert _check(document, "sendgrid.latency")["verdict"] == "warn"
    assert document["verdict"] != "pass"
    assert "sendgrid.latency warned" in document["summary"], "in the first line, whatever else is undecided"


def test_every_check_of_a_provider_that_was_removed_says_so(tmp_path: Path) -> None:
    rows = [*steady(every=2), *steady(TEXTED, every=2, until=0, provider="twilio", latency_ms=100)]
    with stored(tmp_path / "log.db", [*rows, mark(said={"removes": ["twilio"]})]) as log:
        document = document_of(judge(log))
    found = {one["id"]: one for one in document["checks"] if one["provider"] == "twilio"}
    assert len(found) >= 3
    assert {one["verdict"] for one in found.values()} == {"warn"}
    assert all("removed on purpose" in one["reason"] for one in found.values())


def test_rows_that_come_in_batches_are_not_said_to_be_users_who_are_away(tmp_path: Path) -> None:
    rows = [_in_batches(one) for one in (*steady(every=1), *steady(TEXTED, every=1, provider="twilio"))]
    with stored(tmp_path / "log.db", [*rows, mark()]) as log:
        document = document_of(judge(log))
    assert "users are away" not in str(document)


def _taking(one: Event, latency: int) -> Event:
    return _with(one, latency_ms=latency)


def _of(one: Event, release: str) -> Event:
    return _with(one, release=release)


def _in_batches(one: Event) -> Event:
    """Written every ten minutes."""
    written = datetime.fromtimestamp((one.occurred_at.timestamp() // 600 + 1) * 600, one.occurred_at.tzinfo)
    return _with(one, recorded_at=written + timedelta(seconds=1))


def _with(one: Event, **changed: Any) -> Event:
    return Event(**{name: getattr(one, name) for name in one.__slots__} | changed)


CUT = "another deployment ended its window"


@pytest.mark.parametrize(
    ("errors", "until", "component"),
    [(0, 6, None), (0, 6, "web"), (1, 12, None), (0, 1, None)],
    ids=["too few", "too few, of a component", "leaning", "at once"],
)
def test_where_another_deployment_ended_the_window_no_longer_one_is_asked_for(
    tmp_path: Path, errors: int, until: float, component: str | None
) -> None:
    """Neither ``--window`` nor a flow, which runs on what serves now, shows any more of it."""
    said = {"component": component} if component else {}
    source = {"source": "web", "latency_ms": 90}
    rows = steady(("sendgrid_email_sent",), since=-4320, until=until, **source)
    rows += [row(2 + number, "sendgrid_error", ok=False, **source) for number in range(errors)]
    rows += [*steady(("sendgrid_email_sent",), since=until, until=40, release="r2", **source)]
    marks = [mark(said=said), mark(until, "r2", said=said)]
    asked = VerifyRequest(release="r1", component=component)
    with stored(tmp_path / "log.db", [*rows, *marks]) as log:
        judged = judge(log, request=asked, now=40, population=PARTS if component else Population())
        document = dict(document_of(judged))
    words = str([_check(document, name) for name in ("sendgrid.errors", "sendgrid.volume", "sendgrid.latency")])
    assert document["verdict"] == "inconclusive"
    assert CUT in _check(document, "sendgrid.errors")["reason"]
    assert "--window" not in words
    assert "today's rate" not in words
    assert not document["decides_sooner"]
    component_of = f" --component {component}" if component else ""
    assert document["next_step"] == f"{CUT}, judge that one: releaseguard verify{component_of}"


def test_a_log_that_fell_silent_brings_no_more_successes_either(tmp_path: Path) -> None:
    rows = steady(("sendgrid_email_sent",), since=-4320, until=10, latency_ms=90)
    with stored(tmp_path / "log.db", [*rows, mark()]) as log:
        document = dict(document_of(judge(log)))
    latency = _check(document, "sendgrid.latency")
    assert latency["verdict"] == "inconclusive"
    assert "nothing from any provider reaches the log" in latency["reason"]
    assert "today's rate" not in latency["reason"]


def test_a_log_of_errors_alone_tells_by_their_number(tmp_path: Path) -> None:
    """Where an app logs nothing but errors their share is all of them, before and after: nothing was said to speak
    against a release that made ten times as many."""
    texts = steady(("twilio_sms_sent",), provider="twilio")
    errors = {"events": ("openai_error",), "provider": "openai", "ok": False}
    found = []
    for every in (60, 6, 2):
        few = [*steady(**errors, every=60, until=0), *steady(**errors, every=every, since=0)]
        with stored(tmp_path / f"{every}.db", [*texts, *few, mark()]) as log:
            found.append(judge(log))
    few, more, many = (next(one for one in judged.findings if one.id == "openai.errors") for judged in found)
    assert [one.verdict for one in (few, more, many)] == [Verdict.INCONCLUSIVE, Verdict.INCONCLUSIVE, Verdict.FAIL]
    assert (few.undecided, more.undecided) == ("warn", "block")
    assert "by their number they are too many: 0.5 is usual" in more.reason


MAILS = ("sendgrid_email_sent", "sendgrid")
TEXTS = ("twilio_sms_sent", "twilio")
NEW = ("postmark_sent", "postmark")
PLACES = ("mapbox_geocode_ok", "mapbox")


def _rows_of(one: tuple[str, str], **more: Any) -> list[Event]:
    return steady((one[0],), provider=one[1], **more)


INSTEAD = {
    "a provider that is new": (
        _rows_of(("postmark_sent", "postmark"), since=0),
        Verdict.INCONCLUSIVE,
        r"postmark \(\+\d+\)",
    ),
    "one that doubles": (_rows_of(TEXTS, since=0), Verdict.INCONCLUSIVE, r"twilio \(\+\d+\)"),
    "a third of it": (_rows_of(NEW, since=0, every=3), Verdict.FAIL, "show that there are users"),
    "nobody": ([], Verdict.FAIL, "show that there are users"),
}
"""What comes beside mails that stop, the verdict on their volume, and what is said."""


@pytest.mark.parametrize(("more", "verdict", "says"), INSTEAD.values(), ids=INSTEAD)
def test_a_provider_whose_part_another_takes_over_is_not_called_silent(
    tmp_path: Path, more: list[Event], verdict: Verdict, says: str
) -> None:
    rows = [*_rows_of(MAILS, until=0), *_rows_of(TEXTS), *_rows_of(PLACES), *more, mark()]
    with stored(tmp_path / "log.db", rows) as log:
        judged = judge(log)
    found = next(one for one in judged.findings if one.id == "sendgrid.volume")
    assert (found.verdict, judged.verdict) == (verdict, verdict)
    assert re.search(says, found.reason)
