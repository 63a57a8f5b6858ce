from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from releaseguard.destinations.interface import Observed, SyncStatus
from releaseguard.rotation.drift.ages import due
from releaseguard.rotation.drift.compare import DRIFTED, DriftStatus, LastPush, compare, findings
from releaseguard.secret import Secret
from releaseguard.vault.interface import SecretVersion

T0 = datetime(2026, 11, 24, 10, tzinfo=UTC)
NEWEST = SecretVersion("KEY", 3, Secret("value-3"), "id-a", updated_at=T0)
UNKNOWN, YES, NO = SyncStatus.UNKNOWN, SyncStatus.YES, SyncStatus.NO


def pushed(version: int, marker: str = "m", secret_id: str = "id-a") -> LastPush:
    return LastPush(version, secret_id, marker)


def seen(sync: SyncStatus = UNKNOWN, marker: str = "m", at: datetime | None = None, **more) -> Observed:
    return Observed("KEY", present=True, sync=sync, marker=marker, changed_at=at, **more)


@pytest.mark.parametrize(
    ("push", "observed", "status"),
    [
        (pushed(3), Observed("KEY", present=False), DriftStatus.MISSING),
        (pushed(3), seen(), DriftStatus.IN_STEP),
        (pushed(2), seen(), DriftStatus.BEHIND),
        (pushed(3), seen(marker="other"), DriftStatus.CHANGED),
        (pushed(2), seen(marker="other"), DriftStatus.CHANGED),
        (pushed(2), seen(NO), DriftStatus.BEHIND),
        (pushed(3), seen(NO), DriftStatus.CHANGED),
        (pushed(2), seen(YES, marker="other"), DriftStatus.IN_STEP),
        (None, seen(YES), DriftStatus.IN_STEP),
        (None, seen(NO), DriftStatus.CHANGED),
        (None, seen(at=T0 - timedelta(days=1)), DriftStatus.BEHIND),
        (None, seen(at=T0 + timedelta(days=1)), DriftStatus.UNKNOWN),
        (pushed(7, secret_id="id-before-it-was-created-anew"), seen(), DriftStatus.BEHIND),
    ],
)
def test_what_a_destination_shows_and_what_we_pushed_give_its_state(push, observed, status):
    assert compare(NEWEST, push, observed)[0] is status


def test_remarks_are_findings_of_their_own():
    observed = seen(YES, remarks=("shadowed by github:o/r@production", "not sensitive"))
    found = [f.status for f in findings("sendgrid", NEWEST, "github:o/r", None, observed)]
    assert found == [DriftStatus.IN_STEP, DriftStatus.SHADOWED, DriftStatus.NOT_SENSITIVE]


def test_not_knowing_is_not_drift_and_everything_else_is():
    assert {DriftStatus.IN_STEP, DriftStatus.UNKNOWN} == set(DriftStatus) - DRIFTED


@pytest.mark.parametrize(("days", "is_due"), [(89, False), (91, True)])
def test_a_secret_that_is_older_than_it_is_to_become_is_due(days: int, is_due: bool) -> None:
    from types import SimpleNamespace

    now = datetime(2026, 11, 24, tzinfo=UTC)
    vault = SimpleNamespace(read=lambda _: SimpleNamespace(updated_at=now - timedelta(days=days)))
    found = list(due("sendgrid", "production", {"SENDGRID_API_KEY": timedelta(days=90)}, vault, now))  # type: ignore[arg-type]
    assert bool(found) is is_due
    for one in found:
        assert "91 d old; its limit is 90 d at most" in one.sentence()
        assert one.to_json()["next_step"].endswith("--secret SENDGRID_API_KEY")
