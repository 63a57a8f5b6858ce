"""Which change explains a beginning, and what is told as one change."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from releaseguard.ci.interface import WorkflowRun
from releaseguard.functions.interface import EdgeFunction
from releaseguard.incident.changes import told
from releaseguard.incident.changes.cause import cause_of, marked_after, without_echoes
from releaseguard.incident.values import ChangeKind, ChangeRecord
from releaseguard.messages.message import message

BEGAN = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)


def change(minutes_before: float, kind: ChangeKind = ChangeKind.RELEASE) -> ChangeRecord:
    at = BEGAN - timedelta(minutes=minutes_before)
    return ChangeRecord(at=at, kind=kind, what=message("change.release", release=str(minutes_before)))


@pytest.mark.parametrize(
    ("before", "cause"),
    [
        ([50, 14, 5], 5),
        ([14, -1], -1),  # the beginning is an estimate, and nothing else lies near
        ([1, -1], 1),
        ([61], None),
        ([-4], None),
        ([], None),
    ],
)
def test_the_nearest_change_within_the_hour_before_is_the_cause(before, cause):
    found = cause_of([change(one) for one in before], BEGAN, refused=False)
    assert (found and found.at) == (None if cause is None else BEGAN - timedelta(minutes=cause))


@pytest.mark.parametrize("kind", [ChangeKind.SECRET, ChangeKind.ROTATION])
def test_refused_credentials_are_explained_by_a_change_of_credentials(kind):
    both = [change(40, kind), change(2)]
    assert cause_of(both, BEGAN, refused=True) is both[0]
    assert cause_of(both, BEGAN, refused=False) is both[1]
    assert cause_of(both[1:], BEGAN, refused=True) is both[1]


def test_what_was_written_together_is_one_change_and_names_all_places():
    writes = [("github:o/r", "KEY", BEGAN), ("supabase:x", "KEY", BEGAN + timedelta(seconds=40))]
    later = [("github:o/r", "KEY_VERSION", BEGAN + timedelta(minutes=30))]
    first, second = told.written([*later, *writes])
    assert first.where == "github:o/r, supabase:x"
    assert first.what.facts["names"] == ["KEY"]
    assert first.at == BEGAN + timedelta(seconds=40)
    assert second.what.facts["names"] == ["KEY_VERSION"]


def test_functions_that_were_deployed_together_are_one_change():
    deployed = [EdgeFunction(str(n), f"f{n}", True, "ACTIVE", 1, BEGAN - timedelta(minutes=n)) for n in (0, 1, 20)]
    found = list(told.functions("supabase:x", [*deployed, EdgeFunction("9", "old", True, "ACTIVE")]))
    assert [one.what.facts["functions"] for one in found] == [["f20"], ["f0", "f1"]]


def test_a_rotations_writes_and_a_releases_deployment_are_not_told_twice():
    rotation, release = change(30, ChangeKind.ROTATION), change(10)
    echoes = [change(29, ChangeKind.SECRET), change(9, ChangeKind.DEPLOYMENT)]
    echoes.append(change(29, ChangeKind.DEPLOYMENT))
    others = [change(20, ChangeKind.SECRET), change(20, ChangeKind.DEPLOYMENT)]
    found = without_echoes([*others, *echoes, release, rotation])
    assert set(map(id, found)) == {*map(id, (rotation, release, *others))}
    assert [one.at for one in found] == sorted(one.at for one in found)


def test_a_workflow_run_is_dated_by_its_end_and_while_it_goes_on_by_its_beginning():
    def run(conclusion):
        start, end = BEGAN - timedelta(minutes=10), BEGAN - timedelta(minutes=2)
        return WorkflowRun("github:o/r", "db", 1, 1, "completed", conclusion, start, end, "main", "abc", "")

    ended, failed, going = told.migrations([run("success"), run("failure"), run(None)])
    assert (ended.at, going.at) == (BEGAN - timedelta(minutes=2), BEGAN - timedelta(minutes=10))
    assert [one.went_wrong for one in (ended, failed, going)] == [False, True, False]


def credentials(minutes_before: float, provider: str) -> ChangeRecord:
    at = BEGAN - timedelta(minutes=minutes_before)
    return ChangeRecord(at=at, kind=ChangeKind.ROTATION, what=message("change.revoked"), provider=provider)


def test_no_cause_comes_after_the_first_failure():
    later = change(-1)
    assert cause_of([later], BEGAN, refused=False, first=BEGAN) is None
    assert cause_of([later], BEGAN, refused=False, first=BEGAN + timedelta(minutes=2)) is later


def test_a_failure_as_they_are_usual_hides_no_release_that_came_after_it():
    release, earlier = change(-1), change(30)
    assert cause_of([release], BEGAN, refused=False, first=BEGAN, some_usual=True) is release
    assert cause_of([release, earlier], BEGAN, refused=False, first=BEGAN, some_usual=True) is earlier


@pytest.mark.parametrize(("after", "is_told"), [(-1, False), (4, True), (29, True), (31, False)])
def test_a_release_that_is_marked_after_the_beginning_is_told_as_that(after, is_told):
    release = change(-after)
    assert marked_after([change(-4, ChangeKind.SECRET), release], BEGAN) is (release if is_told else None)


def test_a_release_whose_rows_tell_since_when_it_serves_is_not_said_to_be_marked_late():
    assert marked_after([replace(change(-4), live_since=change(-4).at)], BEGAN) is None


@pytest.mark.parametrize("refused", [True, False])
def test_credentials_of_another_provider_are_no_likely_cause(refused):
    mine, other = credentials(30, "mapbox"), credentials(2, "sendgrid")
    assert cause_of([mine, other], BEGAN, refused=refused, provider="mapbox") is mine
    assert cause_of([other], BEGAN, refused=refused, provider="mapbox") is None


def test_a_recorded_revocation_is_a_change_of_credentials():
    from releaseguard.audit.chain import ChainKey
    from releaseguard.rotation.history.views import Confirmation, RotationView
    from releaseguard.rotation.values import RotationState

    view = RotationView(
        id="r1",
        unit="MAPBOX_ACCESS_TOKEN",
        state=RotationState.RETIRED,
        began_at=BEGAN,
        changed_at=BEGAN,
        confirmations=(Confirmation(BEGAN, 0),),
    )
    (found,) = told.rotations([(ChainKey("mapbox", "production"), view)])
    assert (found.kind, found.provider, found.at) == (ChangeKind.REVOCATION, "mapbox", BEGAN)
    assert cause_of([found], BEGAN + timedelta(minutes=1), refused=True, provider="mapbox") is found


TOLD = [
    (BEGAN - timedelta(hours=3), BEGAN - timedelta(minutes=1), None, True),  # a clock that is hours behind
    (BEGAN - timedelta(hours=3), BEGAN - timedelta(minutes=1), BEGAN - timedelta(hours=3), False),  # its rows say when
    (BEGAN - timedelta(hours=3), BEGAN - timedelta(minutes=1), BEGAN, True),
    (BEGAN - timedelta(minutes=5), BEGAN + timedelta(hours=3), None, True),  # marked after the fact
    (BEGAN - timedelta(hours=3), BEGAN + timedelta(hours=2), None, False),
]


@pytest.mark.parametrize(("says", "learned", "live", "is_cause"), TOLD)
def test_a_mark_that_was_written_long_after_the_time_it_bears(says, learned, live, is_cause):
    what = message("change.release", release="r1")
    one = ChangeRecord(at=says, kind=ChangeKind.RELEASE, what=what, live_since=live, told_at=learned)
    assert (cause_of([one], BEGAN, refused=False) is one) is is_cause
