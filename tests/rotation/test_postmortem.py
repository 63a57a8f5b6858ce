"""The post-mortem and the account: what a chain tells, in words and figures."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest

from releaseguard.audit.chain import ChainKey, Draft, head_of, seal
from releaseguard.audit.histories import Chain, ChainFinding, Histories
from releaseguard.model import OURSELVES, Event, Outcome, new_id
from releaseguard.report.formats import POSTMORTEM
from releaseguard.report.layout.display import Display
from releaseguard.report.postmortem.document import PostmortemDocument, span
from releaseguard.rotation.exposure.postmortem import postmortem
from releaseguard.rotation.exposure.report import ExposureReport, report_in
from releaseguard.rotation.exposure.sentences import summary
from releaseguard.rotation.history.account import account_of, to_json, who
from releaseguard.rotation.history.events import LeakExposed
from releaseguard.rotation.history.reading import read
from releaseguard.rotation.history.rows import draft_of

CHAIN_KEY = ChainKey("sendgrid", "production")
START = datetime(2026, 11, 24, 10, 0, tzinfo=UTC)
ADA, BOB = "ada@laptop pid 4711 (9f2c41d07b3e)", "bob@ci pid 1 (aa)"
HERE = "github:lovendo/app"


def planned(rotation: str = "r1", leak: dict[str, Any] | None = None, **more: Any) -> tuple[str, dict[str, Any]]:
    secrets = [{"name": "SENDGRID_API_KEY", "from_version": 1}]
    detail = {"rotation_id": rotation, "unit": "SENDGRID_API_KEY", "origin": "infisical", "secrets": secrets}
    return "rotation_planned", {**detail, "leak": leak, "holder": ADA, **more}


def step(event: str, rotation: str = "r1", holder: str = ADA, **detail: Any) -> tuple[str, dict[str, Any]]:
    return event, {"rotation_id": rotation, "holder": holder, **detail}


LEAK = {"reason": "in a gist", "versions": {"SENDGRID_API_KEY": 1}}
STAGED = step(
    "rotation_staged",
    secrets=[{"name": "SENDGRID_API_KEY", "from_version": 1, "to_version": 2}],
    destinations=[{"key": HERE, "names": ["SENDGRID_API_KEY"]}],
)
STARTED = step("destination_push_started", destinations=[{"destination": HERE}])
FINISHED = step("destination_push_finished", destinations=[{"destination": HERE, "writes": {"SENDGRID_API_KEY": 1}}])
PROVEN = step("rotation_proven", grade="A", events=["e1", "e2", "e3"])


def chain_of(*steps: tuple[str, dict[str, Any]]) -> Sequence[Event]:
    """A chain whose steps are a minute apart on the store's clock."""
    chain: list[Event] = []
    for number, (event, detail) in enumerate(steps):
        at = START + timedelta(minutes=number)
        (sealed,) = seal(CHAIN_KEY, head_of(chain), [Draft(event, detail)], occurred_at=at, source="test")
        chain.append(replace(sealed, recorded_at=at))
    return chain


def told(*steps: tuple[str, dict[str, Any]], **more: Any) -> PostmortemDocument:
    return postmortem(read(CHAIN_KEY, ((row, None) for row in chain_of(*steps))), "r1", **more)


def read_in(chain: Sequence[Event], *others: ChainKey) -> Histories:
    return Histories(
        {
            CHAIN_KEY: read(CHAIN_KEY, ((row, None) for row in chain)),
            **{chain_key: Chain(chain_key) for chain_key in others},
        }
    )


def words(document: PostmortemDocument) -> list[str]:
    return [moment["what"] for moment in document["timeline"]]


def test_a_leak_from_report_to_revocation() -> None:
    document = told(
        planned(leak=LEAK),
        STAGED,
        STARTED,
        FINISHED,
        step("rotation_pushed"),
        step("rotation_deployed"),
        PROVEN,
        step("rotation_retired", holder=BOB, revoked_at="2026-11-24T12:05:00.000000Z"),
    )
    assert document["title"] == "Leak of SENDGRID_API_KEY"
    assert document["times"]["to_contain_s"] == 6 * 60
    assert document["times"]["to_revoke_s"] == 125 * 60
    assert document["by"] == ["ada@laptop", "bob@ci"]
    assert document["open"] == []
    assert words(document) == [
        "Leak reported: “in a gist”",
        "Versions pinned: SENDGRID_API_KEY 1 → 2",
        "Written to github:lovendo/app",
        "Every destination is written",
        "The app runs with the new version",
        "Proven by grade A, 3 events of the app",
        "The old key was confirmed as revoked (2026-11-24 12:05:00Z)",
    ]


def test_a_leak_that_is_contained_and_not_revoked_is_still_open() -> None:
    document = told(planned(leak=LEAK), STAGED, PROVEN)
    assert "--confirm-revoked" in document["open"][0]
    assert "not been confirmed as revoked" in document["summary"]


def test_a_confirmed_revocation_does_not_make_the_new_version_proven() -> None:
    retired = step("rotation_retired", revoked_at="2026-11-24T12:05:00.000000Z")
    assert "do not prove that the new version works" in told(planned(leak=LEAK), STAGED, retired)["summary"]
    assert "is proven to work and the old key" in told(planned(leak=LEAK), STAGED, PROVEN, retired)["summary"]
    back = step("rotation_rolling_back", reason="401")
    assert "the one taken back is confirmed" in told(planned(), STAGED, back, retired)["summary"]


def test_a_write_that_began_and_never_ended_is_told() -> None:
    assert words(told(planned(), STAGED, STARTED))[-1] == "Writing to github:lovendo/app began, and was not finished"


def test_of_a_wave_only_the_writes_without_an_end_are_told_as_begun() -> None:
    """A wave is one step; some of it may have ended badly, or not at all."""
    others = ["github:lovendo/web", "github:lovendo/api"]
    wave = step("destination_push_started", destinations=[{"destination": place} for place in (HERE, *others)])
    failed = step("destination_push_failed", destination=others[0], problem="403")
    assert words(told(planned(), STAGED, wave, FINISHED, failed))[2:] == [
        "Writing to github:lovendo/api began, and was not finished",
        "Written to github:lovendo/app",
        "Not written to github:lovendo/web: 403",
    ]


def test_a_failed_write_is_marked() -> None:
    document = told(planned(), STAGED, STARTED, step("destination_push_failed", destination=HERE, problem="403"))
    assert [(moment["what"], moment["bad"]) for moment in document["timeline"]][-1] == (
        "Not written to github:lovendo/app: 403",
        True,
    )
    assert document["destinations"] == [{"uri": HERE, "direction": "forward", "status": "failed", "problem": "403"}]


def test_keeping_the_lease_is_no_news_and_taking_it_up_is() -> None:
    document = told(
        planned(),
        step("rotation_lease_renewed"),
        step("rotation_lease_taken", holder=BOB),
        step("rotation_lease_released"),
    )
    assert words(document) == ["Rotation of SENDGRID_API_KEY began", "Taken up by bob@ci"]


def test_the_way_back_is_told_as_such() -> None:
    document = told(
        planned(),
        STAGED,
        FINISHED,
        step("rotation_rolling_back", reason="401 with the new version"),
        step("destination_push_finished", destinations=[{"destination": HERE}], direction="back"),
        step("rotation_rolled_back", reason="401 with the new version", grade="A", events=["e9"]),
    )
    assert words(document)[-3:] == [
        "Rolling back: 401 with the new version",
        "Written to github:lovendo/app (on the way back)",
        "Rolled back: 401 with the new version",
    ]
    assert "rolled back" in document["summary"]


def test_other_rotations_of_the_lane_are_left_out() -> None:
    document = told(planned(), step("rotation_aborted", reason="typo"), planned("r2"), step("rotation_pushed", "r2"))
    assert len(document["timeline"]) == 2
    assert document["summary"].endswith("It was given up. Reason: typo.")


def test_the_newest_report_of_what_was_exposed_is_in() -> None:
    def exposure(minute: int, holders: list[str]) -> Event:
        found = {
            "used_since": "2026-11-01T00:00:00.000000Z", "holders": holders, "copies": [], "accesses": [],
            "queued_runs": [], "counts": {"copies": 0, "accesses": 0, "queued_runs": 0}, "use": {}, "clients": [],
            "unknown": [],
        }  # fmt: skip
        return Event(
            id=new_id(), occurred_at=START + timedelta(minutes=minute), provider=OURSELVES, event="leak_exposure",
            outcome=Outcome.SUCCESS, environment="production", detail={"rotation_id": "r1", "exposure": found},
        )  # fmt: skip

    document = told(planned(leak=LEAK), exposures=[exposure(2, ["a", "b"]), exposure(1, ["a"])])
    assert document["exposure_lines"] == ["held by 2 configured destinations: a, b"]
    assert document["times"]["in_use_since"] == "2026-11-01T00:00:00.000000Z"


@pytest.mark.parametrize(
    "broken",
    [
        5, "x", None, [], {"holders": 5}, {"counts": []}, {"counts": {"copies": "many"}}, {"used_since": "x"},
        {"use": {"web": 3}}, {"accesses": [1]}, {"clients": [{}]}, {"versions": {"K": "x"}}, {"versions": {"K": 1}},
    ],
    ids=str,
)  # fmt: skip
def test_a_report_that_is_none_is_left_out(broken: Any) -> None:
    whole = {
        "used_since": None, "holders": [], "copies": [], "accesses": [], "queued_runs": [],
        "counts": {"copies": 0, "accesses": 0, "queued_runs": 0}, "use": {}, "clients": [], "unknown": [],
    }  # fmt: skip
    found = {**whole, **broken} if isinstance(broken, dict) else broken
    row = Event(
        id=new_id(), occurred_at=START, provider=OURSELVES, event="leak_exposure",
        outcome=Outcome.SUCCESS, environment="production", detail={"rotation_id": "r1", "exposure": found},
    )  # fmt: skip
    assert told(planned(leak=LEAK), exposures=[row])["exposure"] is None


def test_an_exposure_names_versions_age_holders_readers_and_users() -> None:
    reader = {"at": "2026-11-23T00:00:00.000000Z", "actor": "identity ci-bot", "action": "get-secret", "secret": "K"}
    found = {
        "at": "2026-11-24T00:00:00.000000Z", "versions": {"K": 3}, "used_since": "2026-11-01T00:00:00.000000Z",
        "holders": ["github:o/r", "vercel:p/production"], "copies": [], "accesses": [reader, reader], "queued_runs": [],
        "counts": {"copies": 0, "accesses": 2, "queued_runs": 0}, "clients": [], "unknown": [],
        "use": {"cron": {"success": 2}, "web": {"error": 1, "success": 40}},
    }  # fmt: skip
    assert list(summary(msgspec.convert(found, ExposureReport))) == [
        "leaked: K version 3, in use since 2026-11-01 00:00Z (23 d)",
        "held by 2 configured destinations: github:o/r, vercel:p/production",
        "read or changed 2 times in the vault, by identity ci-bot (get-secret) 2 times",
        "the provider's events since: cron 2 successes, 0 errors; web 40 successes, 1 error",
    ]


def test_a_report_is_read_as_it_was_written() -> None:
    found = {
        "at": "2026-11-24T00:00:00.000000Z", "versions": {"K": None}, "used_since": None, "holders": ["github:o/r"],
        "copies": [], "accesses": [], "queued_runs": [], "use": {"web": {"success": 1}},
        "counts": {"copies": 0, "accesses": 0, "queued_runs": 0, "values": 2, "previews": 1},
        "values": ["supabase:x (MAIL)", "vault: /mail"], "follow": [], "previews": ["vercel:p preview https://x"],
        "unknown": ["queued runs: no access"],
        "clients": [{"secret": "K", "events": 4, "old_events": 1, "share": 0.25, "releases": ["v1"]}],
    }  # fmt: skip
    report = msgspec.convert(found, ExposureReport)
    draft = draft_of(LeakExposed(rotation_id="r1", exposure=report), ADA)
    row = chain_of(planned(leak=LEAK), (draft.event, dict(draft.detail)))[-1]
    assert found.items() <= row.detail["exposure"].items()
    there = report_in(row)
    assert there is not None
    assert (there.report, there.stored) == (report, row.detail["exposure"])


def test_a_long_list_of_an_exposure_is_cut_and_says_so() -> None:
    found = {
        "holders": [f"github:o/{n}" for n in range(10)], "used_since": None, "copies": [], "accesses": [], "use": {},
        "counts": {"copies": 0, "accesses": 0, "queued_runs": 0}, "queued_runs": [], "clients": [], "unknown": [],
    }  # fmt: skip
    assert summary(msgspec.convert(found, ExposureReport))[0].endswith("github:o/7, and 2 more")


def test_both_forms_escape_what_people_wrote_and_say_that_rows_were_changed() -> None:
    document = told(
        planned(leak={"reason": "<script>alert(1)</script> | x", "versions": {}}),
        findings=[ChainFinding(CHAIN_KEY, 3, "was edited after it was written")],
    )
    for text in (POSTMORTEM[form](document, Display()) for form in ("md", "html")):
        assert "<script>" not in text
        assert "step 3 was edited" in text


def test_a_step_of_a_type_that_nobody_knows_is_not_told() -> None:
    document = told(planned(), step("rotation_something_new"))
    assert words(document) == ["Rotation of SENDGRID_API_KEY began"]


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "0 s"), (40, "40 s"), (724, "12 min 4 s"), (7500, "2 h 5 min"), (90061, "1 d 1 h"), (-60, "-1 min")],
)
def test_durations(seconds: int, text: str) -> None:
    assert span(seconds) == text


def test_the_account_has_the_newest_rotation_first_and_leaks_by_age() -> None:
    chain = chain_of(planned("r1", LEAK), PROVEN, planned("r2"))
    other = ChainKey("twilio", "staging")
    account = account_of(read_in(chain, other))
    found = to_json(account)
    assert [row["rotation_id"] for row in found["rotations"]] == ["r2", "r1"]
    assert [row["rotation_id"] for row in found["open_leaks"]] == ["r1"]
    assert [row["lane"] for row in found["chains"]] == ["sendgrid@production", "twilio@staging"]
    assert account_of(read_in(chain), provider="twilio").rotations == []
    assert not account_of(read_in(chain), environment="staging").chains


def test_an_uncontained_leak_is_to_be_resumed_first() -> None:
    (leak,) = to_json(account_of(read_in(chain_of(planned(leak=LEAK)))))["open_leaks"]
    assert leak["contained_at"] is None
    assert leak["next_step"].endswith("--resume")


def test_a_leak_whose_rotation_was_given_up_is_not_to_be_resumed() -> None:
    chain = chain_of(planned(leak=LEAK), step("rotation_aborted", reason="typo"))
    (leak,) = to_json(account_of(read_in(chain)))["open_leaks"]
    assert "--resume" not in leak["next_step"]
    assert "--confirm-revoked" in leak["next_step"]


def test_a_leak_is_contained_by_a_later_rotation_too() -> None:
    later = [planned("r2"), step("rotation_staged", "r2"), step("rotation_proven", "r2", grade="A")]
    chain = chain_of(planned(leak=LEAK), step("rotation_aborted", reason="superseded"), *later)
    (leak,) = to_json(account_of(read_in(chain)))["open_leaks"]
    assert leak["contained_at"] is not None
    assert leak["next_step"].startswith("Revoke the old key")


def test_who_is_a_person_or_machine_without_its_process() -> None:
    assert who(ADA) == "ada@laptop"
    assert who(None) is None
