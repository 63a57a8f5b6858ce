"""Before a person revokes: who uses the new value since when, who used the old one last, who has not been seen."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest

from releaseguard.errors import ExitCode, Unreachable
from releaseguard.eventlog.interface import Query
from releaseguard.model import Event, Outcome, from_text, new_id
from releaseguard.report.formats import POSTMORTEM
from releaseguard.report.layout.display import Display
from releaseguard.rotation.certificate.doubts import doubts
from releaseguard.rotation.certificate.telling import document_of, lines_of
from releaseguard.rotation.exposure.lookup import postmortem_of
from releaseguard.rotation.history.parts import CertificateRecord, ConsumerRecord
from releaseguard.rotation.result import RotationResult
from releaseguard.rotation.telling import text_of
from releaseguard.rotation.values import RotateAction, RotateRequest, RotationState
from tests.rotation.rotation_fakes import World, failed_call
from tests.rotation.test_rotation_states import LEAKED, do, go, ready
from tests.rotation.test_ways_out import run_exactly

NOW = "2026-11-24T12:00:00.000000Z"
SERVED = "2026-11-24T11:40:00.000000Z"
HOUR = 3700.0
ASKED = RotateRequest(action=RotateAction.CONFIRM_REVOKED)
DESPITE = RotateRequest(action=RotateAction.CONFIRM_REVOKED, despite_use=True)


def at(minutes: float) -> str:
    from releaseguard.model import to_text

    return to_text(from_text(NOW) - timedelta(minutes=minutes))


def record(**consumer: object) -> CertificateRecord:
    return CertificateRecord(as_of=NOW, since=SERVED, consumers=(ConsumerRecord(source="cron", **consumer),))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("consumer", "doubtful"),
    [
        ({"new": 5, "new_since": at(15), "new_last": at(1)}, False),
        ({"new": 5, "old": 9, "old_last": at(30)}, True),
        ({"new": 5, "old": 9, "old_last": at(1)}, True),
        ({"old": 9, "old_last": at(1)}, True),
        ({"old": 9, "old_last": at(30)}, True),
        ({"old": 9, "old_last": at(59.9)}, True),
        ({"old": 9, "old_last": at(61)}, False),
        ({"new": 5, "unlabelled": 1, "unlabelled_last": at(5)}, True),
        ({"unlabelled": 1, "unlabelled_last": at(61)}, False),
        ({"shows": "nothing came from it"}, False),
    ],
)
def test_who_may_still_use_the_old_value(consumer: dict[str, object], doubtful: bool) -> None:
    found = doubts(record(**consumer))
    assert bool(found) is doubtful
    assert all("cron" in one for one in found)


def use(
    world: World,
    source: str,
    version: str | None,
    ago: float = 0.0,
    event: str = "sendgrid_email_sent",
    **more: object,
) -> None:
    detail = {} if version is None else {"secret_version": version}
    world.log.append(
        [
            Event(
                id=new_id(),
                occurred_at=world.time.wall() - timedelta(seconds=ago),
                provider="sendgrid",
                event=event,
                outcome=Outcome.SUCCESS,
                environment="production",
                source=source,
                detail=detail,
                **more,  # type: ignore[arg-type]
            )
        ]
    )


def proven() -> tuple[World, RotationResult]:
    world = ready("old", "new")
    result = go(world, LEAKED)
    assert result.state is RotationState.PROVEN
    world.time.now += 60
    return world, result


def test_a_rotation_ends_with_the_certificate_of_every_consumer() -> None:
    world, result = proven()
    assert result.certificate is not None
    found = {one.source: one for one in result.certificate.consumers}
    assert set(found) == {"web", "edge"}
    assert found["web"].destination == world.vercel.uri
    assert found["web"].new >= 3
    assert found["web"].old > 0
    assert from_text(str(found["web"].old_last)) < from_text(str(found["web"].new_since))
    doubted = " ".join(result.to_json()["certificate"]["in_doubt"])
    assert "used the old value" in doubted
    assert "certificate of revocation" in text_of(result)


def test_a_consumer_that_has_not_been_seen_is_named_with_what_would_make_it_show() -> None:
    world = ready("old", "new")
    for minute in range(48):
        use(world, "nightly", "1", ago=-60 + 1800 * minute)
    world.time.now += 1
    result = go(world)
    assert result.certificate is not None
    told = document_of(result.certificate)
    assert "nightly" in " ".join(told["not_seen"])
    (nightly,) = [one for one in told["consumers"] if one["source"] == "nightly"]
    assert "an hour, so about" in str(nightly["shows"])
    assert "not seen with the new value yet" in "\n".join(lines_of(result.certificate))


def test_a_source_that_uses_another_secret_of_the_provider_alone_is_no_consumer_of_this_one() -> None:
    """What receives webhooks checks them with a key of its own, also where the project names it beside what sends."""
    world = ready("old", "new")
    world.web_sources = ("web", "webhook", "digest", "never-seen")
    for source in ("webhook", "digest", "forgotten"):
        use(world, source, "1", ago=60, event="sendgrid-webhook-received")
    use(world, "digest", "1", ago=120)
    world.time.now += 1
    result = go(world)
    assert result.certificate is not None
    assert {one.source for one in result.certificate.consumers} == {"web", "edge", "digest", "never-seen"}


@pytest.mark.parametrize(
    ("version", "shown"),
    [(None, "its rows have to say which value they used"), ("1", "it has to succeed with the new value")],
)
def test_a_consumer_in_use_is_not_told_to_be_used(version: str | None, shown: str) -> None:
    world, _ = proven()
    for second in range(5):
        use(world, "webhook", version, ago=second)
    certificate = do(world, RotateAction.CONFIRM_REVOKED).certificate
    assert certificate is not None
    (webhook,) = [one for one in certificate.consumers if one.source == "webhook"]
    assert shown in str(webhook.shows)


def test_what_failed_since_is_counted_beside_it() -> None:
    world, _ = proven()
    world.log.append([failed_call(world, "web")])
    result = do(world, RotateAction.CONFIRM_REVOKED)
    assert result.certificate is not None
    (web,) = [one for one in result.certificate.consumers if one.source == "web"]
    assert (web.failures, web.refused) == (1, 1)


def test_a_revocation_is_not_recorded_while_the_old_value_is_in_use() -> None:
    world, _ = proven()
    use(world, "cron", "1", ago=5)
    steps = len(world.log.chain())
    result = go(world, ASKED)
    assert (result.state, result.exit_code) == (RotationState.PROVEN, ExitCode.REFUSED)
    assert "cron used the old value 5 s ago" in str(result.problem)
    assert "cron" in text_of(result)
    assert len(world.log.chain()) == steps
    after = run_exactly(world, result)
    assert after.state is RotationState.RETIRED


def test_no_label_is_not_no_use() -> None:
    world, _ = proven()
    world.time.now += HOUR
    use(world, "cron", None, ago=5)
    result = go(world, ASKED)
    assert result.exit_code is ExitCode.REFUSED
    assert "do not say which value they used" in str(result.problem)


def test_phones_are_not_asked_for_a_label() -> None:
    world, _ = proven()
    world.time.now += HOUR
    use(world, "client", None, ago=5)
    assert go(world, ASKED).state is RotationState.RETIRED


@pytest.mark.parametrize(("later", "state"), [(0, RotationState.PROVEN), (HOUR, RotationState.RETIRED)])
def test_who_used_the_old_value_within_the_hour_is_named_also_where_the_new_one_was_seen_since(
    later: float, state: RotationState
) -> None:
    world, _ = proven()
    world.time.now += later
    result = go(world, ASKED)
    assert result.state is state
    if state is RotationState.PROVEN:
        assert result.exit_code is ExitCode.REFUSED
        assert re.search(r"web \(.*\) used the old value .* ago, and the new one .* ago", str(result.problem))


def test_the_certificate_is_recorded_with_the_revocation_and_kept_in_the_report() -> None:
    world, _ = proven()
    use(world, "cron", "1", ago=5)
    go(world, DESPITE)
    document = postmortem_of(world.log, None, "production")
    certificate = document["certificate"]
    assert certificate is not None
    assert {one["source"] for one in certificate["consumers"]} == {"web", "edge", "cron"}
    assert any("cron" in one for one in certificate["in_doubt"])
    for form in ("md", "html"):
        text = POSTMORTEM[form](document, Display())
        assert "Certificate of revocation" in text
        assert "cron" in text


def test_a_log_that_does_not_answer_costs_the_certificate_and_nothing_else() -> None:
    world = ready("old", "new")
    select = world.log.select

    def failing(query: Query) -> object:
        whole = query.since is not None and query.until is None and query.recorded_since is None
        if whole and query.outcome is None and query.providers:
            raise Unreachable("silence")
        return select(query)

    world.log.select = failing  # type: ignore[method-assign,assignment]
    result = go(world)
    assert (result.state, result.certificate) == (RotationState.PROVEN, None)
    assert any("no certificate" in text for text in world.told)
