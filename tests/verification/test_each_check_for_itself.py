"""What a check says is its own: its errors are no other's, and it says the same whichever others are asked for."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import chain
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from releaseguard.eventlog.stores.sqlite import SqliteEventLog
from releaseguard.model import Event, Verdict
from releaseguard.verification.backtesting.one_release import ReplaySettings
from releaseguard.verification.backtesting.replays import backtest, histories
from releaseguard.verification.context import VerifyRequest
from releaseguard.verification.telling.document import document_of
from releaseguard.verification.values import UnknownEvent
from tests.support.extent import examples
from tests.support.verifying import PROMISE, SHIPPED, judge, mark, row, steady, stored, verdicts

FLAGS = "aws_rekognition.flag_rate", "aws_rekognition.false_positives", "aws_rekognition.errors"


@pytest.fixture
def logged(tmp_path: Path) -> Iterator[Any]:
    opened: list[SqliteEventLog] = []

    def write(*rows: Event) -> SqliteEventLog:
        opened.append(stored(tmp_path / f"{len(opened)}.db", rows))
        return opened[-1]

    yield write
    for log in opened:
        log.close()


def flag(minutes: float, name: str = "flag_created", **more: Any) -> Event:
    return row(minutes, f"aws_rekognition_{name}", provider="aws_rekognition", **more)


def test_a_log_with_nothing_but_flags_is_judged_without_a_crash(logged):
    log = logged(mark(), *(flag(-4 * 1440 + 288 * number) for number in range(20)), flag(5))
    judged = judge(log)
    assert judged.verdict is Verdict.INCONCLUSIVE
    assert "error" not in verdicts(judged).values()
    assert list(backtest(log, histories(log, None, PROMISE.window), SHIPPED, ReplaySettings(promise=PROMISE)))


def test_what_one_check_calls_an_error_is_a_success_to_another(logged):
    flags = [flag(0.5 + number) for number in range(20)]
    judged = judge(logged(mark(), *(flag(-m * 20.0) for m in range(1, 200)), *flags, flag(9, "scan_ok")))
    counted = {one.id: (one.evidence.events, one.evidence.errors) for one in judged.findings if one.id in FLAGS}
    assert counted["aws_rekognition.flag_rate"] == (20, 19)  # the first minute is one of grace
    assert counted["aws_rekognition.false_positives"] == (19, 0)
    assert counted["aws_rekognition.errors"] == (1, 0)


def test_a_limit_of_a_share_is_a_share(logged):
    rows = [flag(-4 * 1440 + 30 * number) for number in range(190)]
    [finding] = judge(logged(mark(), *rows), request=VerifyRequest(checks=frozenset({FLAGS[0]}))).findings
    assert finding.evidence.limit == 1.0
    assert finding.evidence.needed_events is None


def test_errors_of_an_event_that_no_card_knows_fail_a_release_beside_known_successes(logged):
    rows = [*steady(every=0.5), *(row(2 + m / 4, "sendgrid_template_error", ok=False) for m in range(100))]
    judged = judge(logged(mark(), *rows))
    finding = next(one for one in judged.findings if one.id == "sendgrid.errors")
    assert finding.verdict is Verdict.FAIL
    assert finding.evidence.unknown_events == {"sendgrid_template_error": 100}
    assert "sendgrid_template_error (100)" in finding.reason
    assert len(finding.evidence.event_ids) == 5
    assert judged.unknown_events == [UnknownEvent("sendgrid", "sendgrid_template_error", "error", 100)]
    assert document_of(judged)["log"]["unknown_events"] == [
        {"provider": "sendgrid", "event": "sendgrid_template_error", "outcome": "error", "events": 100}
    ]


def test_a_few_of_them_are_no_pass_either(logged):
    def of(*more: Event) -> Verdict:
        judged = judge(logged(mark(), *steady(every=0.5), *more))
        return next(one.verdict for one in judged.findings if one.id == "sendgrid.errors")

    assert of() is Verdict.PASS
    assert of(*(row(2 + m, "sendgrid_templat_error", ok=False) for m in range(10))) is not Verdict.PASS


def test_where_only_unknown_errors_are_logged_the_check_is_not_skipped(logged):
    judged = judge(logged(mark(), *(row(m, "mail_failed", ok=False) for m in range(25))))
    assert "sendgrid.errors" in verdicts(judged)
    assert "sendgrid.errors" not in {one.check.id for one in judged.skipped}


def test_an_error_that_another_check_judges_is_not_the_providers(logged):
    """A flag logged as an error is the flag rate's."""
    flags = [flag(2 + m, ok=False) for m in range(20)]
    judged = judge(logged(mark(), *steady(("aws_rekognition_scan_ok",), provider="aws_rekognition"), *flags))
    assert next(one for one in judged.findings if one.id == FLAGS[2]).evidence.errors == 0


def test_an_unknown_success_is_told_and_counts_for_nothing(logged):
    judged = judge(logged(mark(), row(3, "sendgrid_emial_sent", source="web"), row(3, "x" * 500, provider="nobody")))
    assert [(one.event, one.events) for one in judged.unknown_events] == [
        ("x" * 80, 1),
        ("sendgrid_emial_sent", 1),
    ]


events = [(card.id, event) for card in SHIPPED[:6] for event in (*card.events.success, *card.events.error, "other")]
rows = st.builds(
    lambda named, minute, ok, release, count, lag: [
        row(minute, named[1], provider=named[0], ok=ok, release=release) for _ in range(count)
    ],
    st.sampled_from(events),
    st.integers(-2 * 1440, -1) | st.integers(-180, 29),
    st.booleans(),
    st.sampled_from(["r1", "r1", "r0", None]),
    st.integers(1, 40),
    st.integers(0, 9),
)


@settings(max_examples=examples(12), suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(rows, min_size=1, max_size=40), st.randoms(use_true_random=False))
def test_a_check_alone_says_what_it_says_beside_the_others(batches: Sequence[Sequence[Event]], choice: Any) -> None:
    """By itself or with its provider's: the whole checklist is judged, and what was asked for is shown."""
    with (
        TemporaryDirectory() as folder,
        stored(Path(folder) / "log.db", [mark(), *chain.from_iterable(batches)]) as log,
    ):
        full = {finding.id: finding for finding in judge(log).findings}
        for finding in choice.sample(sorted(full.values(), key=lambda one: one.id), min(len(full), 4)):
            asked = VerifyRequest(release="r1", checks=frozenset({finding.id}))
            assert judge(log, request=asked).findings == [finding]
            of_provider = judge(
                log, request=replace(asked, checks=frozenset(), providers=frozenset({finding.provider}))
            )
            assert of_provider.findings == [one for one in full.values() if one.provider == finding.provider]
