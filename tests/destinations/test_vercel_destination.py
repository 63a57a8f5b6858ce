"""What only Vercel does: records that serve several targets, sensitive values, a 201 with failures inside."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from releaseguard.compose.known.configuration import ADDRESSES
from releaseguard.destinations.interface import NotOurs, SyncStatus
from releaseguard.errors import ConfigError, Failed
from releaseguard.sandbox.serving import faults
from releaseguard.sandbox.vercel.stand_in import VercelStandIn
from releaseguard.sandbox.vercel.values import VercelProject
from releaseguard.secret import Secret
from releaseguard.services.vercel.destination import VercelDestination
from tests.support import contracts
from tests.support.adapters import Connections, FakeTime, StepClock, companion_item, secret_item

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

KEY = "SENDGRID_API_KEY"
VALUE = "the new value"


@pytest.fixture
def stand_in() -> Iterator[VercelStandIn]:
    with VercelStandIn(StepClock()) as vercel:
        yield vercel
        assert vercel.crashes == []
        if contracts.available():
            contracts.check("vercel", vercel.requests)


@pytest.fixture
def project(stand_in: VercelStandIn) -> VercelProject:
    return stand_in.add_project("web", ["qa", "staging"])


@pytest.fixture
def at(stand_in: VercelStandIn, project: VercelProject, connect: Connections) -> Callable[[str], VercelDestination]:
    """The destination for some targets of the project."""
    time = FakeTime()

    def opened(targets: str) -> VercelDestination:
        client = connect(stand_in, stand_in.token, time)
        address = ADDRESSES.parse(f"vercel:{project.id}/{targets}")
        return VercelDestination(client, address, team_id=stand_in.team_id, sleep=time.sleep)

    return opened


At = "Callable[[str], VercelDestination]"


def _bodies(stand_in: VercelStandIn, method: str) -> list[dict[str, object]]:
    return [json.loads(sent.body) for sent in stand_in.requests if sent.method == method]


def test_a_record_of_ours_gets_value_and_comment_and_keeps_the_rest(
    stand_in: VercelStandIn, project: VercelProject, at: At
) -> None:
    record = stand_in.put(project, KEY, "old", ["production", "preview"], "encrypted")
    at("production,preview").push([secret_item(KEY, VALUE, note="rotation 1 head abc")])
    assert _bodies(stand_in, "PATCH") == [{"value": VALUE, "comment": "rotation 1 head abc"}]
    kept = project.variables[record.id]
    assert (kept.value, kept.type, kept.target) == (VALUE, "encrypted", ("production", "preview"))
    assert len(project.variables) == 1


def test_the_value_that_a_branch_has_for_itself_is_told_as_the_branchs(
    stand_in: VercelStandIn, project: VercelProject, at: At
) -> None:
    value = "canary-of-the-branch-0123456789"
    stand_in.put(project, KEY, value, ["preview"], "encrypted", branch="feature")
    (held,) = at("preview").holding({KEY: Secret(value)}).found
    assert (held.name, held.uri) == (KEY, f"vercel:{project.id}/preview (branch feature)")


@pytest.mark.parametrize(
    ("there", "after"),
    [
        ("", "releaseguard 2 head b"),
        ("releaseguard 1 head a", "releaseguard 2 head b"),
        ("ask Defne before changing it", "ask Defne before changing it"),
        ("releaseguard writes this one", "releaseguard writes this one"),
    ],
)
def test_what_a_person_has_noted_beside_a_variable_stays(
    stand_in: VercelStandIn, project: VercelProject, at: At, there: str, after: str
) -> None:
    record = stand_in.put(project, KEY, "old", ["production"], "encrypted")
    project.variables[record.id].comment = there
    at("production").push([secret_item(KEY, VALUE, note="releaseguard 2 head b")])
    kept = project.variables[record.id]
    assert (kept.value, kept.comment) == (VALUE, after)


def test_missing_targets_get_one_sensitive_record(stand_in: VercelStandIn, project: VercelProject, at: At) -> None:
    stand_in.put(project, KEY, "old", ["production"], "sensitive")
    receipt = at("production,preview,qa").push([secret_item(KEY, VALUE)])[0]
    qa = next(id_ for id_, slug in project.custom_environments.items() if slug == "qa")
    assert _bodies(stand_in, "POST") == [
        {"key": KEY, "value": VALUE, "type": "sensitive", "target": ["preview"], "customEnvironmentIds": [qa]}
    ]
    assert receipt.writes == 2
    for target in ("production", "preview", qa):
        assert stand_in.environment(project, target)[KEY] == VALUE
    assert KEY not in stand_in.environment(project, "development")


def test_development_cannot_be_sensitive(stand_in: VercelStandIn, project: VercelProject, at: At) -> None:
    at("production,development").push([secret_item(KEY, VALUE)])
    assert [record.type for record in project.variables.values()] == ["encrypted"]


def test_the_companion_is_plain(stand_in: VercelStandIn, project: VercelProject, at: At) -> None:
    at("production").push([companion_item(f"{KEY}_VERSION", 7)])
    assert [(record.type, record.value) for record in project.variables.values()] == [("plain", "7")]


def test_a_note_longer_than_vercel_takes_is_cut(stand_in: VercelStandIn, project: VercelProject, at: At) -> None:
    at("production").push([secret_item(KEY, VALUE, note="x" * 600)])
    assert [len(record.comment) for record in project.variables.values()] == [500]


@pytest.mark.parametrize("verb", ["estimate", "push"])
def test_a_record_that_serves_another_target_too_is_left_whole(
    stand_in: VercelStandIn, project: VercelProject, at: At, verb: str
) -> None:
    record = stand_in.put(project, KEY, "old", ["production", "development"])
    with pytest.raises(NotOurs) as raised:
        getattr(at("production"), verb)([secret_item("FREE", VALUE), secret_item(KEY, VALUE)])
    assert f"{KEY} (variable {record.id}) serves production and also development" in str(raised.value)
    assert "take production off that variable" in (raised.value.next_step or "")
    assert not any(sent.writes for sent in stand_in.requests)


def test_a_record_shared_with_a_custom_environment_is_left_whole(
    stand_in: VercelStandIn, project: VercelProject, at: At
) -> None:
    qa, staging = project.custom_environments
    stand_in.put(project, KEY, "old", ["preview"], custom_environments=[qa, staging])
    with pytest.raises(NotOurs, match="serves preview and qa and also staging"):
        at("preview,qa").push([secret_item(KEY, VALUE)])
    at("preview,qa,staging").push([secret_item(KEY, VALUE)])
    assert stand_in.environment(project, staging)[KEY] == VALUE


def test_a_branchs_own_value_is_never_touched_and_reported(
    stand_in: VercelStandIn, project: VercelProject, at: At
) -> None:
    branch = stand_in.put(project, KEY, "of the branch", ["preview"], branch="feature")
    items = [secret_item(KEY, VALUE)]
    at("preview").push(items)
    assert project.variables[branch.id].value == "of the branch"
    assert at("preview").observe(items)[KEY].remarks == ("shadowed by a variable for the branch feature",)
    assert at("preview").copies([KEY]) == []


def test_what_an_integration_keeps_is_not_ours(stand_in: VercelStandIn, project: VercelProject, at: At) -> None:
    listed = {"id": "e1", "key": KEY, "value": "", "type": "encrypted", "target": "production", "configurationId": "i"}
    stand_in.fail_next("GET", "/env$", faults.answer(200, {"envs": [listed]}))
    with pytest.raises(NotOurs, match="kept by an integration"):
        at("production").push([secret_item(KEY, VALUE)])


def test_a_201_with_a_failure_inside_is_a_failure_that_names_the_variable(stand_in: VercelStandIn, at: At) -> None:
    stand_in.rejects[KEY] = "ENV_RESERVED"
    with pytest.raises(Failed) as raised:
        at("production").push([secret_item(KEY, VALUE)])
    assert KEY in str(raised.value)
    assert "ENV_RESERVED" in str(raised.value)


@pytest.mark.parametrize("type_", ["encrypted", "sensitive"])
def test_a_dropped_write_is_found_by_value_or_by_time(
    stand_in: VercelStandIn, project: VercelProject, at: At, type_: str
) -> None:
    stand_in.put(project, KEY, "old", ["production"], type_)
    stand_in.drops_writes = True
    with pytest.raises(Failed, match="does not show the new value"):
        at("production").push([secret_item(KEY, VALUE)])


def test_a_created_record_that_is_not_there_afterwards_is_a_failure(stand_in: VercelStandIn, at: At) -> None:
    stand_in.drops_writes = True
    with pytest.raises(Failed):
        at("production").push([secret_item(KEY, VALUE)])


def test_a_create_that_never_arrived_is_reported_and_not_repeated(stand_in: VercelStandIn, at: At) -> None:
    stand_in.fail_next("POST", "/env", faults.reset())
    with pytest.raises(Exception, match="unknown"):
        at("production").push([secret_item(KEY, VALUE)])
    assert len(_bodies(stand_in, "POST")) == 1


def test_a_comment_alone_is_not_taken_for_the_value(stand_in: VercelStandIn, project: VercelProject, at: At) -> None:
    record = stand_in.put(project, KEY, "old", ["production"], "encrypted")
    stand_in.after.append(lambda sent: setattr(record, "value", "old") if sent.method == "PATCH" else None)
    with pytest.raises(Failed):
        at("production").push([secret_item(KEY, VALUE)])


@pytest.mark.parametrize(
    ("type_", "value", "expected"),
    [
        ("encrypted", VALUE, SyncStatus.YES),
        ("encrypted", "old", SyncStatus.NO),
        ("plain", VALUE, SyncStatus.YES),
        ("sensitive", VALUE, SyncStatus.UNKNOWN),
        ("sensitive", "old", SyncStatus.UNKNOWN),
    ],
)
def test_what_can_be_read_is_compared(
    stand_in: VercelStandIn, project: VercelProject, at: At, type_: str, value: str, expected: SyncStatus
) -> None:
    stand_in.put(project, KEY, value, ["production"], type_)
    seen = at("production").observe([secret_item(KEY, VALUE)])[KEY]
    assert (seen.present, seen.sync) == (True, expected)
    assert ("not sensitive" in seen.remarks) is (type_ != "sensitive")


def test_a_target_without_the_variable_is_behind(stand_in: VercelStandIn, project: VercelProject, at: At) -> None:
    stand_in.put(project, KEY, VALUE, ["production"])
    seen = at("production,preview").observe([secret_item(KEY, VALUE)])[KEY]
    assert (seen.present, seen.sync) == (True, SyncStatus.NO)
    assert "missing in preview" in seen.remarks


def test_a_merged_record_is_observed_and_remarked_upon(stand_in: VercelStandIn, project: VercelProject, at: At) -> None:
    stand_in.put(project, KEY, VALUE, ["production", "development"])
    seen = at("production").observe([secret_item(KEY, VALUE)])[KEY]
    assert (seen.present, seen.sync) == (True, SyncStatus.YES)
    assert seen.remarks == ("one variable also serves development",)


def test_an_unknown_environment_is_named_with_the_nearest(at: At) -> None:
    with pytest.raises(ConfigError) as raised:
        at("prodution").observe([secret_item(KEY, VALUE)])
    assert "Did you mean 'production'?" in (raised.value.next_step or "")


def test_copies_in_other_projects_and_in_other_targets_of_this_one(
    stand_in: VercelStandIn, project: VercelProject, at: At
) -> None:
    others = [stand_in.add_project(f"p{number:03}") for number in range(130)]
    stand_in.put(others[129], KEY, "x", ["preview", "production"])
    stand_in.put(project, KEY, "x", ["production"])
    stand_in.put(project, KEY, "x", ["development"])
    assert at("production").copies([KEY]) == sorted(
        [f"vercel:{others[129].id}/{target}" for target in ("preview", "production")]
        + [f"vercel:{project.id}/development"]
    )


def test_a_copy_is_known_by_both_names_of_its_project_and_by_the_slug_of_its_environment(
    stand_in: VercelStandIn, at: At
) -> None:
    other = stand_in.add_project("other", ("qa",))
    (qa,) = other.custom_environments
    stand_in.put(other, KEY, "x", ["preview"], custom_environments=[qa])
    search = at("production").search([KEY])
    assert search.found == [f"vercel:{other.id}/preview", f"vercel:{other.id}/qa"]
    assert search.also == {f"vercel:{other.id}/{target}": f"vercel:other/{target}" for target in ("preview", "qa")}


def test_a_place_is_known_by_every_spelling(stand_in: VercelStandIn, project: VercelProject, at: At) -> None:
    qa = next(id_ for id_, slug in project.custom_environments.items() if slug == "qa")
    plain = {address.uri for address in at("production").also_called()}
    assert plain == {f"vercel:{project.id}/production", f"vercel:{project.name}/production"}
    for target in ("qa", qa):
        address, other = at(f"preview,{target}").also_called()
        assert {address.project, other.project} == {project.id, project.name}
        assert {*address.targets} == {*other.targets} == {"preview", "qa", qa}


def test_projects_that_cannot_be_read_are_listed_as_unread(stand_in: VercelStandIn, at: At) -> None:
    other = stand_in.add_project("closed")
    stand_in.fail_next("GET", f"{other.id}/env", faults.answer(403, {"error": {"code": "forbidden"}}))
    assert at("production").search([KEY]).unread == [f"vercel:{other.id} (403)"]


@pytest.mark.parametrize(
    ("answer", "found", "unread"),
    [
        (faults.answer(200, {"data": [{"id": "env_9", "key": KEY}]}), ["vercel:TEAM/shared"], []),
        (faults.answer(403, {}), [], ["the team's shared variables (403)"]),
        (faults.answer(404, {}), [], []),
    ],
)
def test_a_variable_that_the_team_shares_is_a_copy(
    stand_in: VercelStandIn, at: At, answer: faults.Fault, found: list[str], unread: list[str]
) -> None:
    stand_in.fail_next("GET", "^/v1/env$", answer)
    search = at("production").search([KEY])
    assert [place.replace(stand_in.team_id, "TEAM") for place in search.found] == found
    assert list(search.unread) == unread


def test_a_listing_in_pages_is_read_to_its_end(stand_in: VercelStandIn, project: VercelProject, at: At) -> None:
    record = stand_in.put(project, KEY, "old", ["production"])
    other = {"id": "e0", "key": "OTHER", "value": "", "type": "plain", "target": ["production"], "createdAt": 1}
    first = {"envs": [other], "pagination": {"count": 1, "next": 5, "prev": None}}
    stand_in.fail_next("GET", "/env$", faults.answer(200, first))
    at("production").push([secret_item(KEY, VALUE)])
    assert project.variables[record.id].value == VALUE
    assert len(project.variables) == 1


def test_a_server_without_the_single_record_is_read_back_from_the_listing(
    stand_in: VercelStandIn, project: VercelProject, at: At
) -> None:
    stand_in.fail_next("GET", "/v1/projects/.*/env/", faults.answer(404, {"error": {"code": "not_found"}}), times=99)
    for value in ("one", "two"):
        assert at("production").push([secret_item(KEY, value)])[0].observed.present
        assert [record.value for record in project.variables.values() if record.key == KEY] == [value]


def test_an_empty_pagination_ends_the_listing(stand_in: VercelStandIn, project: VercelProject, at: At) -> None:
    stand_in.fail_next("GET", "/v10/.*/env", faults.answer(200, {"envs": [], "pagination": None}))
    assert at("production").push([secret_item(KEY, VALUE)])[0].writes == 1


def test_a_record_that_an_answer_does_not_name_is_looked_up(
    stand_in: VercelStandIn, project: VercelProject, at: At
) -> None:
    answer = {"created": {"key": KEY, "type": "sensitive", "value": ""}, "failed": []}
    stand_in.fail_next("POST", "/v10/.*/env", faults.answer(201, answer, takes_effect=True))
    assert at("production").push([secret_item(KEY, VALUE)])[0].observed.present


def test_a_value_is_found_in_every_variable_that_can_be_read_back(
    stand_in: VercelStandIn, project: VercelProject, at: At
) -> None:
    admin = stand_in.add_project("admin")
    stand_in.put(project, KEY, VALUE, ["production"], "encrypted")
    stand_in.put(project, "MAIL_URL", f"smtp://x:{LONG}@mail", ["preview"], "plain")
    stand_in.put(admin, "MAIL", LONG, ["production"], "encrypted")
    stand_in.put(admin, "HIDDEN", LONG, ["production"], "sensitive")
    found = at("production").holding({KEY: Secret(LONG)})
    assert [(one.name, one.uri) for one in found.found] == [
        ("MAIL", f"vercel:{admin.id}/production"),
        ("MAIL_URL", f"vercel:{project.id}/preview"),
    ]
    assert found.unread == ["vercel: 1 sensitive variable, which shows nothing"]


LONG = "SG.canary-aaaaaaaaaaaa-0001"


@pytest.mark.parametrize("name", ["VERCEL_URL", "VERCEL_GIT_COMMIT_SHA", "TZ"])
@pytest.mark.parametrize("verb", ["estimate", "push"])
def test_a_name_that_vercel_keeps_for_itself_is_refused_before_anything_is_sent(
    stand_in: VercelStandIn, project: VercelProject, at: At, verb: str, name: str
) -> None:
    with pytest.raises(ConfigError, match="for itself"):
        getattr(at("production"), verb)([secret_item(name, VALUE)])
    assert not stand_in.requests
    at("production").push([secret_item("VERCEL_TOKEN", VALUE)])
