"""The steps of a rotation as typed values: what is stored stays readable, and nothing else is taken for a step."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any
from uuid import UUID

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from releaseguard.audit.chain import Draft, head_of, seal, step_id
from releaseguard.audit.integrity import verify_chain
from releaseguard.model import Event, Outcome, to_text, utc_now
from releaseguard.rotation.history import events as said
from releaseguard.rotation.history.account import RotationAccount, to_json
from releaseguard.rotation.history.parts import LeakReport, Part, PinnedSecret
from releaseguard.rotation.history.reading import fold
from releaseguard.rotation.history.rows import SAID, Malformed, detail_of, draft_of, fault, parse
from releaseguard.rotation.history.views import ChainView
from releaseguard.rotation.values import Direction
from releaseguard.secret import Secret
from releaseguard_events.pipeline import jsonl
from tests.rotation.rotation_fakes import CHAIN_KEY
from tests.support.extent import examples

STORIES = {
    story["story"]: story
    for story in map(json.loads, Path(__file__).with_name("stored_chains.jsonl").read_text("utf-8").splitlines())
}
"""Chains as version 1 wrote them, every type of step among them, and what it folded them to."""
MARKS = {"provider", "lane", "step", "previous", "hash", "root"}


def rows_of(story: Mapping[str, Any]) -> list[Event]:
    return [jsonl.parse(json.dumps(row)) for row in story["rows"]]


STORED = [row for story in STORIES.values() for row in rows_of(story)]
BY_NAME = {row.event: row for row in STORED}


def told(view: ChainView) -> dict[str, Any]:
    lease = view.lease
    assert lease is not None
    directions = {view.id: view.directions for view in view.rotations}
    return {
        **to_json(RotationAccount([view])),
        "lease": [lease.holder, to_text(lease.since), to_text(lease.renewed_at), lease.released],
        "out": {name: [one.version, one.secret_id] for name, one in view.out.items()},
        "markers": view.markers,
        "places": {
            id_: {
                direction.value: {
                    key: [one.status, dict(one.writes), one.problem] for key, one in progress.destinations.items()
                }
                for direction, progress in both.items()
            }
            for id_, both in directions.items()
        },
        "deployments": {
            id_: {
                direction.value: {
                    key: [one.phase, one.id, one.attempt, one.before_id, one.release]
                    for key, one in progress.deployments.items()
                }
                for direction, progress in both.items()
            }
            for id_, both in directions.items()
        },
    }


@pytest.mark.parametrize("story", STORIES.values(), ids=STORIES)
def test_a_stored_chain_folds_to_what_it_always_did(story: Mapping[str, Any]) -> None:
    rows = rows_of(story)
    view = fold(CHAIN_KEY, reversed(rows))
    assert (view.foreign, view.breach) == ([], None)
    assert not verify_chain(CHAIN_KEY, rows, view.head)
    now = json.loads(json.dumps(told(view)))
    assert {key: now[key] for key in story["told"]} == story["told"]


def test_the_stored_chains_hold_every_type_but_the_decision_on_foreign_rows() -> None:
    assert {*BY_NAME} | {said.RowsDisowned.name} == {*said.TYPES}


@pytest.mark.parametrize("row", BY_NAME.values(), ids=BY_NAME)
def test_a_step_is_written_as_it_was_stored(row: Event) -> None:
    stored = {key: value for key, value in row.detail.items() if key not in MARKS}
    assert detail_of(parse(row)) == stored


def test_a_step_of_one_destination_as_early_versions_wrote_it_is_read() -> None:
    row = BY_NAME["destination_push_finished"]
    (first, *_) = row.detail["destinations"]
    early = {key: value for key, value in row.detail.items() if key != "destinations"} | first
    step = parse(replace(row, detail=early))
    assert isinstance(step, said.PushFinished)
    assert [one.destination for one in step.destinations] == [first["destination"]]


def test_long_texts_are_cut_and_what_nobody_would_believe_is_not_written() -> None:
    draft = draft_of(said.RotationFailed(rotation_id="r1", reason="x" * 10**6), "ada")
    assert len(draft.detail["reason"]) < 5_000
    with pytest.raises(Malformed):
        draft_of(said.Staged(rotation_id="r1", secrets=(PinnedSecret(name="K", to_version=-1),)), "ada")
    with pytest.raises(Malformed):
        draft_of(said.LeaseTaken(), "")


def deep(levels: int) -> Any:
    value: Any = "x"
    for _ in range(levels):
        value = [value]
    return value


MALFORMED: Mapping[str, tuple[str, Mapping[str, Any]]] = {
    "secrets is a number": ("rotation_planned", {"secrets": 5}),
    "secrets are numbers": ("rotation_planned", {"secrets": [1, 2]}),
    "a secret without a name": ("rotation_planned", {"secrets": [{"from_version": 1}]}),
    "leak is a text": ("rotation_planned", {"leak": "x"}),
    "leaked versions are a list": ("rotation_planned", {"leak": {"reason": "x", "versions": [1]}}),
    "a leaked version is true": ("rotation_planned", {"leak": {"reason": "x", "versions": {"K": True}}}),
    "an origin of no kind": ("rotation_planned", {"origin": "\x1b[31mhere"}),
    "the unit is a list": ("rotation_planned", {"unit": ["x"]}),
    "a version beyond integers": ("rotation_staged", {"secrets": [{"name": "K", "to_version": 2**31}]}),
    "a version with a fraction": ("rotation_staged", {"secrets": [{"name": "K", "to_version": 1.5}]}),
    "destinations are an object": ("rotation_staged", {"destinations": {"key": "x"}}),
    "a direction of no kind": ("destination_push_started", {"direction": "sideways"}),
    "writes are a list": ("destination_push_finished", {"destinations": [{"destination": "x", "writes": [1]}]}),
    "writes below zero": ("destination_push_failed", {"writes": {"K": -1}}),
    "markers are a list": ("destination_push_finished", {"destinations": [{"destination": "x", "markers": ["m"]}]}),
    "the meta is a list": ("deployment_requested", {"meta": [["a", "b"]]}),
    "the attempt is not a number": ("deployment_requested", {"attempt": "first"}),
    "a release that is an object": ("deployment_ready", {"release": {"a": 1}}),
    "a grade of no kind": ("rotation_proven", {"grade": "A+"}),
    "events are a number": ("rotation_proven", {"events": 3}),
    "missing is nested": ("rotation_unproven", {"missing": [deep(100)]}),
    "a time that is none": ("rotation_retired", {"revoked_at": "yesterday"}),
    "a time that is a number": ("rotation_retired", {"revoked_at": 1764000000}),
    "a time without an offset": ("rotation_retired", {"revoked_at": "2026-11-24T10:00:00"}),
    "old successes are a text": ("rotation_retired", {"old_successes": "many"}),
    "the rotation is a number": ("rotation_failed", {"rotation_id": 7}),
    "no rotation": ("rotation_failed", {"rotation_id": None}),
    "the holder is a list": ("rotation_lease_taken", {"holder": ["ada"]}),
    "no holder": ("rotation_lease_taken", {"holder": ""}),
    "another schema": ("rotation_proven", {"schema": 2}),
    "a schema that is not a number": ("rotation_proven", {"schema": [1]}),
    "a type that nobody knows": ("rotation_paid", {}),
}


@pytest.mark.parametrize(("event", "change"), MALFORMED.values(), ids=MALFORMED)
def test_a_field_that_is_not_of_its_type_makes_no_step(event: str, change: Mapping[str, Any]) -> None:
    row = BY_NAME.get(event, BY_NAME["rotation_proven"])
    broken = replace(row, event=event, detail={**row.detail, **change})
    problem = fault(broken)
    assert problem
    assert "\x1b" not in problem


@pytest.mark.parametrize(("event", "change"), MALFORMED.values(), ids=MALFORMED)
def test_a_malformed_step_that_fits_the_chain_is_foreign_and_changes_nothing(
    event: str, change: Mapping[str, Any]
) -> None:
    """Whoever can read the head and append: what he says is not a step, so the chain is as if he had not."""
    rows = rows_of(STORIES["open_leak"])
    before = fold(CHAIN_KEY, rows)
    detail = {key: value for key, value in BY_NAME.get(event, rows[0]).detail.items() if key not in MARKS}
    draft = Draft(event, {**detail, "rotation_id": before.rotations[0].id, **change})
    (forged,) = seal(
        CHAIN_KEY, head_of(rows), [draft], occurred_at=utc_now(), source="test", root=rows[0].detail["hash"]
    )
    after = fold(CHAIN_KEY, [*rows, forged])
    assert [one.event.id for one in after.foreign] == [forged.id]
    assert replace(after, foreign=()) == replace(before, foreign=())


@pytest.mark.parametrize("step", [2**53 - 1, 2**70, -1, 0, True, 1.0, "1", None, [1], {"a": 1}], ids=str)
@pytest.mark.parametrize("story", ["open_leak", None], ids=["a chain", "no chain yet"])
def test_a_step_without_a_number_of_its_own_is_foreign(step: object, story: str | None) -> None:
    rows = rows_of(STORIES[story]) if story else []
    before = fold(CHAIN_KEY, rows)
    row = BY_NAME["rotation_retired"]
    forged = replace(row, id=UUID(int=7), detail={**row.detail, "step": step, "rotation_id": "r1"})
    after = fold(CHAIN_KEY, [*rows, forged])
    assert replace(after, foreign=()) == replace(before, foreign=())
    assert len(after.foreign) == 1


def test_a_detail_of_ten_thousand_levels_is_foreign() -> None:
    rows = rows_of(STORIES["open_leak"])
    last = rows[-1]
    detail = {**last.detail, "step": len(rows) + 1, "previous": last.detail["hash"], "leak": deep(10_000)}
    forged = replace(last, id=step_id(CHAIN_KEY, len(rows) + 1), event="rotation_planned", detail=detail)
    assert [one.event.id for one in fold(CHAIN_KEY, [*rows, forged]).foreign] == [forged.id]


json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=12)
    | st.sampled_from([2**53 - 1, -1, "forward", "back", "A", "2026-11-24T10:00:00Z"]),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=6), inner, max_size=4),
    max_leaves=8,
)
KEYS = sorted({key for row in STORED for key in row.detail} | {"again", "root", "schema", "signature", "ids"})
details = st.dictionaries(st.sampled_from(KEYS) | st.text(max_size=6), json_values, max_size=8)
names = st.sampled_from([*said.TYPES, "rotation_paid", "release_deployed"])


@settings(max_examples=examples(200))
@given(names, details, details, st.uuids(), st.sampled_from(sorted(STORIES)), st.booleans())
def test_rows_that_do_not_fit_the_chain_change_nothing_whatever_they_hold(
    event: str, detail: dict[str, Any], other: dict[str, Any], id_: UUID, story: str, over: bool
) -> None:
    rows = rows_of(STORIES[story])
    before = fold(CHAIN_KEY, rows)
    base = BY_NAME.get(event, rows[0])
    marks = {"lane": str(CHAIN_KEY), "provider": "sendgrid"}
    forged = [
        replace(base, id=id_, event=event, detail={**(base.detail if over else {}), **marks, **detail}),
        replace(base, id=UUID(int=id_.int ^ 1), event=event, detail={**other, **marks, "step": len(rows) + 1}),
    ]
    after = fold(CHAIN_KEY, [*forged, *rows])
    assert replace(after, foreign=()) == replace(before, foreign=())
    assert {one.event.id for one in after.foreign} == {one.id for one in forged}
    assert all(one.sentence() and one.to_json() for one in after.foreign)


@settings(max_examples=examples(100))
@given(names, details, st.sampled_from(Outcome))
def test_what_is_read_as_a_step_can_be_folded(event: str, detail: dict[str, Any], outcome: Outcome) -> None:
    """Whoever can append to an unsigned chain can say anything, but break nothing."""
    rows = rows_of(STORIES["open_leak"])
    base = BY_NAME.get(event, rows[0])
    kept = {key: value for key, value in base.detail.items() if key not in MARKS}
    draft = Draft(event, {**kept, "rotation_id": rows[0].detail["rotation_id"], **detail}, outcome)
    try:
        appended = seal(CHAIN_KEY, head_of(rows), [draft], occurred_at=utc_now(), source="test")
    except ValueError:
        return
    view = fold(CHAIN_KEY, [*rows, *appended])
    assert len(view.rotations) >= 1
    assert to_json(RotationAccount([view]))


def test_the_direction_of_early_steps_is_forward() -> None:
    row = BY_NAME["rotation_pushed"]
    step = parse(replace(row, detail={key: row.detail[key] for key in ("rotation_id", "holder")}))
    assert isinstance(step, said.Pushed)
    assert step.direction is Direction.FORWARD


KEY = "SG." + "a1B2" * 6 + "." + "c3D4" * 10
"""What a reason may hold: the very key that leaked."""
IDENTIFIERS = frozenset(
    [
        "holder",
        "rotation_id",
        "unit",
        "name",
        "label",
        "from_label",
        "accepted",
        "fingerprint",
        "from_fingerprint",
        "uri",
        "destination",
        "place",
        "target",
        "names",
        "key",
        "secrets",
        "serves",
        "rewritten",
        "as_of",
        "since",
        "versions",
        "writes",
        "markers",
        "events",
        "ids",
        "meta",
        "secret_id",
        "from_secret_id",
        "seen_secret_id",
        "fingerprints",
        "before_id",
        "before_release",
        "deployment_id",
        "release",
        "revoked_at",
        "destinations",
        "runtimes",
        "leak",
    ]
)
"""Fields of texts that are nobody's words."""


def fields_of_texts(struct: type) -> set[str]:
    """The fields in which a text may stand, those of the parts included."""
    found: set[str] = set()
    for field in msgspec.structs.fields(struct):
        kind = repr(field.type)
        found |= {field.name} if "str" in kind or "Part" in kind or "events." in kind else set()
    return found


def test_every_field_of_texts_is_an_identifier_or_scrubbed() -> None:
    """A new field of words that nobody thought of fails here."""
    parts = [one for one in vars(said).values() if isinstance(one, type) and issubclass(one, Part)]
    texts = set().union(*(fields_of_texts(one) for one in [*said.TYPES.values(), *parts]))
    enums = {"origin", "direction", "grade", "cause"}
    assert texts - enums - IDENTIFIERS - SAID == set()
    assert texts >= {"reason", "problem"}


@pytest.mark.parametrize(
    "step",
    [
        said.Planned(rotation_id="r", unit="u", reason=f"key {KEY} in a gist"),
        said.Planned(rotation_id="r", unit="u", leak=LeakReport(reason=f"key {KEY} in a gist")),
        said.Aborted(rotation_id="r", reason=f"key {KEY} in a gist"),
        said.RotationFailed(rotation_id="r", reason=f"400: bad value key {KEY} in a gist"),
        said.RowsDisowned(ids=("x",), reason=f"key {KEY} in a gist"),
        said.PushFailed(rotation_id="r", destination="d", problem=f"400: key {KEY} in a gist"),
        said.Unproven(rotation_id="r", missing=("nothing", f"key {KEY} in a gist")),
        said.WaitingConsole(rotation_id="r", steps=f"key {KEY} in a gist"),
    ],
    ids=lambda step: type(step).__name__,
)
def test_no_step_keeps_a_key_that_somebody_wrote_into_its_words(step: said.ChainStep) -> None:
    draft = draft_of(step, "ada@laptop.example.com")
    stored = json.dumps(draft.detail)
    assert KEY not in stored
    assert "key [secret] in a gist" in stored
    assert draft.detail["holder"] == "ada@laptop.example.com"


def test_a_value_that_this_process_holds_is_kept_in_no_form() -> None:
    held = Secret("merchant-salt-of-no-known-form-x7")
    draft = draft_of(said.RotationFailed(rotation_id="r", reason=f"refused: {held.reveal().encode().hex()}"), "x")
    assert not held.shows_in(json.dumps(draft.detail))


def test_what_services_usually_say_is_kept() -> None:
    words = [
        "github:lovendo/app@production: 404 Not Found",
        "SENDGRID_API_KEY: 404 Not Found",
        "api.vercel.com did not answer within 30 s",
        "secret SENDGRID_API_KEY has no newer version than 7",
        "2 of 3 successes since 2026-11-24T10:15:00.000000Z",
    ]
    draft = draft_of(said.Unproven(rotation_id="r", missing=tuple(words)), "x")
    assert draft.detail["missing"] == words
