"""A verdict says the same whether rows that are alike come as one or each by itself."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from releaseguard.eventlog.stores.sqlite import SqliteEventLog
from releaseguard.model import Event
from releaseguard.verification.rows.single_rows import SingleRows
from releaseguard_events.scrub.scrubber import kinds_by_key
from tests.support.extent import examples
from tests.support.verifying import judge, mark, row, steady, stored

NAMES = [
    ("sendgrid", "sendgrid_email_sent"),
    ("posthog", "posthog_event_captured"),
    ("sentry", "sentry_event_captured"),
]
DETAILS: list[dict[str, Any]] = [
    {},
    {"secret_version": "7"},
    {"deployment_id": "dpl_1"},
    {"deployment_id": "dpl_2", "template": "otp"},
    {"to": "ada@example.com"},
    {"error": "xoxb-abcdefghijkl"},
]


def told(log: SqliteEventLog) -> list[Any]:
    judged = judge(log, now=25.5, kinds=kinds_by_key)
    return [(one.id, one.verdict, one.reason, one.evidence) for one in judged.findings]


def written(seed: int) -> list[Event]:
    """Rows of the window, with tags, details and sources of every kind, some of them in the very second that a check
    begins at."""
    chance = random.Random(seed)
    tags = [*["r1"] * chance.choice([1, 20]), None, "unknown", "r0"]
    rows = []
    for _ in range(chance.choice([3, 60, 200])):
        provider, event = chance.choice(NAMES)
        at = chance.choice([chance.uniform(0, 25), chance.uniform(0, 25), 2.0, 1.0])
        more = {"release": chance.choice(tags), "source": chance.choice(["web", "web", "client", None])}
        said = {"detail": chance.choice(DETAILS[: chance.choice([2, 4, 6])]), "synthetic": chance.random() < 0.05}
        rows.append(row(at, event, provider=provider, **more, **said))
    return rows


@settings(max_examples=examples(60), deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(seed=st.integers(0, 10**9), deployment=st.sampled_from([None, "dpl_1"]))
def test_rows_that_are_alike_are_judged_as_if_each_were_read(
    seed: int, deployment: str | None, tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = Path(tmp_path_factory.mktemp("log")) / "events.db"
    marked = mark(deployment_id=deployment) if deployment else mark()
    log = stored(path, [*steady(every=60), marked, *written(seed)])
    together = told(log)
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(SingleRows, "_may_be_together", property(lambda _self: False))
        assert told(log) == together
