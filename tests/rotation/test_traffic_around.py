"""What a post-mortem draws: the provider's traffic around the rotation, its steps, and before and after."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

from releaseguard.eventlog.counts import count_minutes
from releaseguard.model import OURSELVES, Event, Outcome, new_id
from releaseguard.rotation.exposure.traffic import LONGEST, PARTS, span_of, traffic_of
from releaseguard.rotation.history.views import DirectionProgress, RotationView
from releaseguard.rotation.values import Direction, RotationState

BEGAN = datetime(2026, 11, 24, 10, 0, 20, tzinfo=UTC)


def after(minutes: float) -> datetime:
    return BEGAN + timedelta(minutes=minutes)


def rotation(deployed: float | None = 10, revoked: float | None = None) -> RotationView:
    moved = DirectionProgress(pushed_at=after(2), deployed_at=None if deployed is None else after(deployed))
    return RotationView(
        id="r1",
        unit="SENDGRID_API_KEY",
        state=RotationState.PROVEN,
        began_at=BEGAN,
        changed_at=BEGAN,
        directions={Direction.FORWARD: moved},
        proven_at=None if deployed is None else after(deployed + 5),
        revoked_at=None if revoked is None else after(revoked),
    )


def row(minutes: float, *, error: bool = False, **more: object) -> Event:
    given = {"provider": "sendgrid", "event": "sendgrid_error" if error else "sendgrid_email_sent", **more}
    outcome = Outcome.ERROR if error else Outcome.SUCCESS
    at = after(minutes)
    return Event(id=new_id(), occurred_at=at, recorded_at=at, outcome=outcome, environment="production", **given)  # type: ignore[arg-type]


def minutely(first: int, last: int, *, error: bool = False) -> Iterator[Event]:
    return (row(minute, error=error) for minute in range(first, last))


def traffic(view: RotationView, *events: Event, deployed: tuple[Event, ...] = ()):
    return traffic_of(list(count_minutes(events)), deployed, view)


def test_every_call_stands_in_one_part_and_the_parts_reach_from_before_to_after() -> None:
    found = traffic(rotation(), *minutely(-50, 60), *minutely(0, 10, error=True))
    assert len(found["course"]) == PARTS
    assert sum(part["successes"] for part in found["course"]) == 110
    assert sum(part["errors"] for part in found["course"]) == 10


def test_what_is_still_to_come_is_not_drawn_as_a_silence() -> None:
    found = traffic(rotation(), *minutely(-30, 17))
    assert found["window"][1][:16] == "2026-11-24T10:17"


def test_before_is_until_the_report_and_after_is_from_the_deployment_on() -> None:
    calls = [*minutely(-20, -5), *minutely(1, 9, error=True), *minutely(12, 30)]
    compared = traffic(rotation(), *calls)["compared"]
    assert (compared["before"]["successes"], compared["before"]["errors"]) == (15, 0)
    assert (compared["after"]["successes"], compared["after"]["errors"]) == (18, 0)
    assert compared["after"]["error_rate"] == 0.0


def test_nothing_is_compared_where_the_new_value_runs_nowhere() -> None:
    assert traffic(rotation(deployed=None), *minutely(-20, 20))["compared"] is None


def test_steps_and_releases_stand_in_order_of_time() -> None:
    mark = row(4, provider=OURSELVES, event="release_deployed", release="abc1234")
    found = traffic(rotation(revoked=40), *minutely(-20, 50), deployed=(mark,))
    assert [one["kind"] for one in found["marks"]] == ["reported", "pushed", "release", "deployed", "proven", "revoked"]


def test_a_key_that_is_revoked_months_later_leaves_the_days_around_the_leak_to_be_seen() -> None:
    since, until = span_of(rotation(revoked=60 * 24 * 90))
    assert until - BEGAN <= LONGEST + timedelta(minutes=1)
    assert BEGAN - since <= timedelta(days=1, minutes=1)


def test_without_a_call_there_is_nothing_to_draw() -> None:
    assert traffic(rotation()) is None
