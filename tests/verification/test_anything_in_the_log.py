"""Whatever cards say and rows hold: verify, backtest, health and incident answer, and nothing passes unseen."""

from __future__ import annotations

import json
import math
import sqlite3
from collections.abc import Mapping, Sequence
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from uuid import UUID

import msgspec
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from releaseguard.cards.spec import Card
from releaseguard.eventlog.interface import EventLog
from releaseguard.health.document import document_of as page_of
from releaseguard.health.document import is_broken
from releaseguard.health.run import HealthContext, Observer
from releaseguard.incident import verdict as incident_verdict
from releaseguard.incident.context import IncidentContext
from releaseguard.incident.run import investigate
from releaseguard.incident.sources.problems import ServiceLabel
from releaseguard.incident.sources.secrets import Secrets
from releaseguard.incident.telling import document as incidents
from releaseguard.model import Verdict, to_text
from releaseguard.report.formats import VERDICT
from releaseguard.report.layout.display import Display
from releaseguard.verification.backtesting.one_release import ReplaySettings
from releaseguard.verification.backtesting.replays import backtest, histories
from releaseguard.verification.context import VerifyRequest
from releaseguard.verification.telling.document import document_of
from releaseguard.verification.values import Finding
from releaseguard_events.scrub.scrubber import kinds_by_key
from tests.support.extent import examples
from tests.support.verifying import NOON, PROMISE, judge, mark, stored

PROVIDERS = ("mail", "sms")
EVENTS = {name: [f"{name}_sent", f"{name}_seen", f"{name}_error", f"{name}_odd"] for name in PROVIDERS}
SEEN = {
    "signal": ("events",),
    "volume": ("events",),
    "privacy": ("rows",),
    "release_tag": ("tagged",),
    "non_blocking": ("judged", "user_actions"),
}
"""By kind: what of the evidence a PASS may rest on."""


shares = st.sampled_from([1e-9, 0.01, 0.05, 0.5, 0.99, 1.0])
graces = st.sampled_from(["0s", "1s", "1m", "90s", "29m", "2d"])
text = st.just({"en": "a check", "tr": "bir kontrol"})


def some(provider: str) -> st.SearchStrategy[list[str]]:
    return st.lists(st.sampled_from(EVENTS[provider]), min_size=1, max_size=3)


def checks(provider: str) -> st.SearchStrategy[dict[str, Any]]:
    shared = {
        "title": text,
        "blocking": st.booleans(),
        "undecided": st.sampled_from(["warn", "block"]),
        "grace": graces,
    }
    names = some(provider)
    kinds: list[dict[str, st.SearchStrategy[Any]]] = [
        {
            "kind": st.just("signal"),
            "success": names,
            "error": names,
            "max_error_increase": shares,
            "max_error_rate": st.none() | shares,
        },
        {
            "kind": st.just("volume"),
            "events": names,
            "max_drop": st.none() | shares,
            "max_spike": st.none() | st.sampled_from([math.nextafter(1.0, 2.0), 1.5, 3.0, 1e6]),
        },
        {"kind": st.just("privacy"), "events": names | st.just([])},
        {"kind": st.just("release_tag"), "events": names, "min_share": shares},
        {
            "kind": st.just("non_blocking"),
            "error": names,
            "user_actions": some("sms"),
            "within": st.sampled_from(["1s", "10m", "2d"]),
        },
    ]
    return st.one_of([st.fixed_dictionaries({**shared, **kind}) for kind in kinds])


@st.composite
def cards(draw: st.DrawFn) -> list[Card]:
    made = []
    for provider in PROVIDERS:
        drawn = draw(st.lists(checks(provider), max_size=5))
        symptoms = [{"text": {"en": "s", "tr": "s"}, "spike": draw(some(provider)), "silent": draw(some(provider))}]
        made.append(
            {
                "id": provider,
                "name": provider,
                "hosts": [f"{provider}.example"],
                "events": {"success": EVENTS[provider][:2], "error": EVENTS[provider][2:3]},
                "playbook": {"symptoms": symptoms, "controls": [], "actions": []},
                "checks": [{**check, "id": f"{provider}.c{number}"} for number, check in enumerate(drawn)],
            }
        )
    return msgspec.convert(made, list[Card])


oddities = st.sampled_from(["", " ", "\x1b[31m", "x" * 3000, "\u202e::error::", "-1", "infinity", "null", "r1"])
details = st.sampled_from(
    ["{}", '{"secret_version": 7}', "null", "[1]", '"{\\"a\\": 1}"', "{", '{"a": {"b": [1, {}]}}']
)
usual_minutes = st.integers(-3 * 1440, -1) | st.integers(-200, 45)


@st.composite
def batches(draw: st.DrawFn) -> list[Mapping[str, Any]]:
    """Rows alike of one minute and those after it; as an app writes them, or with columns that hold anything."""
    provider = draw(st.sampled_from(PROVIDERS))
    start, count = draw(usual_minutes), draw(st.sampled_from([1, 1, 5, 60]))
    late = draw(st.sampled_from([0, 0, 1, 20, -30]))
    step = draw(st.sampled_from([0, 0.2, 7]))
    columns = {
        "provider": provider,
        "event": draw(st.sampled_from(EVENTS[provider])),
        "outcome": draw(st.sampled_from(["success", "success", "error"])),
        "environment": "production",
        "release": draw(st.sampled_from(["r1", "r1", "r0", None, ""])),
        "source": draw(st.sampled_from([None, "web", "client"])),
        "correlation_id": draw(st.sampled_from([None, "a", "b"])),
        "synthetic": draw(st.sampled_from([0, 0, 0, 1])),
        "latency_ms": draw(st.sampled_from([None, 12, 2**40])),
        "error_code": draw(st.sampled_from([None, "401", ""])),
        "detail": draw(details),
    }
    names = st.sampled_from([*columns, "occurred_at", "recorded_at"])
    columns |= draw(st.dictionaries(names, oddities, max_size=1))
    rows = []
    for number in range(count):
        at = NOON + timedelta(minutes=start + number * step)
        times = {"occurred_at": to_text(at), "recorded_at": to_text(at + timedelta(minutes=late))}
        rows.append({**times, **columns})
    return rows


def log_of(folder: str, rows: Sequence[Mapping[str, Any]]) -> EventLog:
    path = Path(folder) / "log.db"
    stored(path, [mark(-90, "r0"), mark()]).close()
    with closing(sqlite3.connect(path)) as connection, connection:
        for number, row in enumerate(rows):
            names = ["id", *row]
            marks = ", ".join("?" * len(names))
            values = [str(UUID(int=(1 << 100) + number)), *row.values()]
            connection.execute(
                f"INSERT OR IGNORE INTO integration_events ({', '.join(names)}) VALUES ({marks})",
                values,
            )
    return stored(path, [])


def unseen(finding: Finding) -> bool:
    """Whether it passes over nothing."""
    return finding.verdict is Verdict.PASS and not any(getattr(finding.evidence, name) for name in SEEN[finding.kind])


def check_verdicts(log: EventLog, given_cards: Sequence[Card]) -> None:
    for minute, as_of in ((3, None), (31, None), (31, NOON + timedelta(minutes=9))):
        request = VerifyRequest(release="r1", as_of=as_of)
        judged = judge(log, cards=given_cards, now=minute, request=request, kinds=kinds_by_key)
        assert [one for one in judged.findings if one.verdict is Verdict.ERROR] == []
        assert [one for one in judged.findings if unseen(one)] == []
        document = document_of(judged)
        json.loads(VERDICT["json"](document, Display(80)), parse_constant=_no_number)
        assert all(render(document, Display(80)) for render in VERDICT.values())


def _no_number(name: str) -> None:
    raise AssertionError(f"{name} is not JSON")


def check_backtest(log: EventLog, given_cards: Sequence[Card]) -> None:
    past = histories(log, "production", PROMISE.window)
    for one in backtest(log, past, given_cards, ReplaySettings(promise=PROMISE, every=timedelta(minutes=10))):
        assert [finding for finding in one.findings if finding.verdict is Verdict.ERROR] == []
        assert [finding for finding in one.findings if unseen(finding)] == []


def check_health_and_incidents(log: EventLog, given_cards: Sequence[Card]) -> None:
    health = HealthContext(
        log=log,
        cards=given_cards,
        environment="production",
        window=timedelta(hours=1),
        baseline=timedelta(days=3),
        now=lambda: NOON + timedelta(minutes=31),
    )
    overview = Observer(health).look()
    assert not is_broken(overview)
    assert page_of(overview)["providers"]
    for card in given_cards:
        found = investigate(incident_context(health, card))
        assert not incident_verdict.is_broken(found)
        assert all(incidents.document_of(found, language)["headline"] for language in ("en", "tr"))


def incident_context(health: HealthContext, card: Card) -> IncidentContext:
    return IncidentContext(
        health=health,
        card=card,
        projects=(),
        repositories=(),
        hosts=(),
        secrets=Secrets((), health.log, lambda: (_ for _ in ()).throw(AssertionError), ServiceLabel("Vault", "TOKEN")),
        examples={"project": "", "repository": ""},
        count_rows=None,
        database_setting="APP_DATABASE_URL",
        tests=lambda _provider: None,
        scrub=lambda text: text,
    )


@settings(max_examples=examples(30), suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(cards(), st.lists(batches(), max_size=10))
def test_every_command_answers_whatever_cards_say_and_rows_hold(
    given_cards: list[Card], drawn: Sequence[Sequence[Mapping[str, Any]]]
) -> None:
    rows = [row for batch in drawn for row in batch]
    with TemporaryDirectory() as folder, log_of(folder, rows) as log:
        check_verdicts(log, given_cards)
        check_backtest(log, given_cards)
        check_health_and_incidents(log, given_cards)
