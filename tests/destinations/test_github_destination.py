"""What only GitHub does: sealed boxes, one public key, whole seconds, visibility, scopes, queued runs."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from releaseguard.compose.known.configuration import ADDRESSES
from releaseguard.errors import AccessDenied, ConfigError, Failed, NotFound, Refused, ServiceError
from releaseguard.model import utc_now
from releaseguard.sandbox.github.stand_in import GitHubStandIn
from releaseguard.sandbox.serving import faults
from releaseguard.secret import Secret
from releaseguard.services.github import keys as keys_module
from releaseguard.services.github.app import GitHubApp, GitHubInstallation
from releaseguard.services.github.destination import GitHubDestination
from releaseguard.services.github.keys import PublicKeys, sealed
from releaseguard.services.github.requests import headers as github_headers
from releaseguard.services.github.runs import GitHubRuns
from tests.support import contracts
from tests.support.adapters import Connections, FakeTime, StepClock, companion_item, secret_item

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.destinations.conftest import Place


@pytest.fixture
def github() -> Iterator[GitHubStandIn]:
    with GitHubStandIn(StepClock()) as stand_in:
        stand_in.add_organization("lovendo")
        stand_in.add_repository("lovendo/app", ["production"])
        yield stand_in
        assert stand_in.crashes == []
        if contracts.available():
            contracts.check("github", stand_in.requests)


def test_the_public_key_is_fetched_once_per_place_and_each_secret_put_once(
    github: GitHubStandIn, connect: Connections
) -> None:
    client = connect(github, github.token)
    keys = PublicKeys(client)
    for _ in range(2):
        destination = GitHubDestination(client, ADDRESSES.parse("github:lovendo/app"), keys=keys)
        destination.push([secret_item(f"KEY_{number}", "v") for number in range(12)])
    sent = [f"{sent.method} {sent.path}" for sent in github.requests]
    assert len([line for line in sent if line.endswith("public-key")]) == 1
    assert len([line for line in sent if line.startswith("PUT")]) == 24


def test_a_changed_public_key_is_fetched_again_once(github: GitHubStandIn, connect: Connections) -> None:
    client = connect(github, github.token)
    destination = GitHubDestination(client, ADDRESSES.parse("github:lovendo/app"))
    destination.push([secret_item("KEY", "one")])
    github.place("lovendo/app").rotate_key()
    receipt = destination.push([secret_item("KEY", "two")])[0]
    assert github.value("lovendo/app", "KEY") == "two"
    assert receipt.writes == 2


def test_what_a_plan_has_sealed_is_what_the_push_sends_as_long_as_value_and_key_are_the_same(
    github: GitHubStandIn, connect: Connections, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[str] = []
    monkeypatch.setattr(keys_module, "sealed", lambda key, value: made.append(value.reveal()) or sealed(key, value))
    destination = GitHubDestination(connect(github, github.token), ADDRESSES.parse("github:lovendo/app"))
    destination.estimate([secret_item("KEY", "one")])
    destination.push([secret_item("KEY", "one")])
    assert made == ["one"]
    destination.push([secret_item("KEY", "two")])
    github.place("lovendo/app").rotate_key()
    destination.push([secret_item("KEY", "two")])
    assert made == ["one", "two", "two"]
    assert github.value("lovendo/app", "KEY") == "two"


def test_an_archived_repository_is_seen_before_anything_is_written(github: GitHubStandIn, connect: Connections) -> None:
    destination = GitHubDestination(connect(github, github.token), ADDRESSES.parse("github:lovendo/app"))
    assert destination.estimate([secret_item("KEY", "v")]).create == ["KEY"]
    github.repositories["lovendo/app"].archived = True
    with pytest.raises(AccessDenied, match="archived") as caught:
        destination.estimate([secret_item("KEY", "v")])
    assert "Unarchive it" in str(caught.value.next_step)


def test_a_refused_box_is_not_sent_for_ever(repository: Place) -> None:
    repository.stand_in.fail_next("PUT", "secrets", faults.answer(422, {"message": "no"}), times=9)
    with pytest.raises(ServiceError, match="422"):
        repository.destination.push([secret_item("KEY", "the value")])
    assert len(repository.writes) == 1


def test_a_key_that_is_no_key_is_said_to_be(repository: Place) -> None:
    body = {"key_id": "1", "key": "bm90IGEga2V5"}
    repository.stand_in.fail_next("GET", "public-key", faults.answer(200, body))
    with pytest.raises(ServiceError, match="not a key"):
        repository.destination.push([secret_item("KEY", "the value")])


def test_a_server_that_only_lists_is_read_back_from_its_listings(repository: Place) -> None:
    nothing = faults.answer(404, {"message": "Not Found"})
    repository.stand_in.fail_next("GET", "(secrets|variables)/KEY", nothing, times=99)
    for value, version in (("one", 1), ("two", 2)):
        receipts = repository.destination.push([secret_item("KEY", value), companion_item("KEY_VERSION", version)])
        assert [receipt.observed.present for receipt in receipts] == [True, True]
        assert (repository.value("KEY"), repository.value("KEY_VERSION")) == (value, str(version))


@pytest.mark.parametrize("answer", [{}, [], {"key_id": "1"}, {"key": None, "key_id": None}])
def test_an_answer_without_its_members_is_the_services_fault(repository: Place, answer: object) -> None:
    repository.stand_in.fail_next("GET", "public-key", faults.answer(200, answer))
    with pytest.raises(ServiceError, match="the answer has no 'key"):
        repository.destination.push([secret_item("KEY", "the value")])
    assert repository.writes == []


def test_sealing_takes_any_text() -> None:
    from nacl.encoding import Base64Encoder
    from nacl.public import PrivateKey, SealedBox

    key = PrivateKey.generate()
    for value in ("", "ü\U0001f511", "line\nline\n"):
        box = sealed(key.public_key.encode(Base64Encoder).decode(), Secret(value))
        assert SealedBox(key).decrypt(box.encode(), Base64Encoder).decode() == value
    assert sealed(key.public_key.encode(Base64Encoder).decode(), Secret("\ud800"))


@pytest.fixture
def today() -> Iterator[GitHubStandIn]:
    with GitHubStandIn(utc_now) as stand_in:  # the answers' Date and updated_at are of the same clock
        stand_in.add_repository("o/r")
        yield stand_in


def _frozen(stand_in: GitHubStandIn, at: datetime) -> None:
    stand_in.clock = lambda: at


def test_a_second_write_in_the_same_second_is_accepted_and_said_to_be_unprovable(
    today: GitHubStandIn, connect: Connections
) -> None:
    now = utc_now().replace(microsecond=0)
    _frozen(today, now)
    client = connect(today, today.token)
    destination = GitHubDestination(client, ADDRESSES.parse("github:o/r"))
    first = destination.push([secret_item("KEY", "one")])[0]
    second = destination.push([secret_item("KEY", "two")])[0]
    assert first.observed.remarks == ()
    assert "same second" in second.observed.remarks[0]


def test_an_unmoved_time_long_after_the_last_write_is_a_failure(today: GitHubStandIn, connect: Connections) -> None:
    _frozen(today, utc_now() - timedelta(minutes=1))
    client = connect(today, today.token)
    time = FakeTime()
    destination = GitHubDestination(client, ADDRESSES.parse("github:o/r"), sleep=time.sleep)
    destination.push([secret_item("KEY", "one")])
    with pytest.raises(Failed, match="updated_at"):
        destination.push([secret_item("KEY", "two")])


def test_a_late_replica_is_waited_for(repository: Place) -> None:
    repository.put("KEY", "old")
    stale = faults.answer(200, {"name": "KEY", "updated_at": "2026-01-01T00:00:00Z"})
    items = [secret_item("KEY", "new")]
    repository.destination.estimate(items)  # the key is there: the next GETs of KEY are before and after the write
    repository.stand_in.after.append(
        lambda sent: repository.stand_in.fail_next("GET", "secrets/KEY", stale) if sent.method == "PUT" else None
    )
    repository.destination.push(items)
    assert repository.time.slept == [1.0]


@pytest.mark.parametrize("name", ["GITHUB_KEY", "github_key", "1KEY", "A-B", "", "Ü"])
def test_a_name_that_github_refuses_is_refused_before_anything_is_sent(repository: Place, name: str) -> None:
    with pytest.raises(ConfigError, match="name"):
        repository.destination.push([secret_item(name, "the value")])
    assert list(repository.stand_in.requests) == []


def test_48_kilobytes_fit_and_one_byte_more_does_not(repository: Place) -> None:
    repository.destination.push([secret_item("KEY", "x" * 49152)])
    with pytest.raises(Refused, match="48 KB"):
        repository.destination.push([secret_item("KEY", "x" * 49151 + "ü")])


def test_dependabot_has_no_place_for_a_companion(github: GitHubStandIn, connect: Connections) -> None:
    destination = GitHubDestination(connect(github, github.token), ADDRESSES.parse("github-dependabot:lovendo/app"))
    with pytest.raises(ConfigError, match="variables"):
        destination.push([companion_item("KEY_VERSION")])


def test_the_token_of_actions_is_told_apart_and_the_way_out_is_named(
    github: GitHubStandIn, connect: Connections
) -> None:
    github.tokens["ghs_actions"] = False
    client = connect(github, "ghs_actions")
    with pytest.raises(AccessDenied) as raised:
        GitHubDestination(client, ADDRESSES.parse("github:lovendo/app")).push([secret_item("KEY", "the value")])
    assert "GitHub Actions" in (raised.value.next_step or "")
    assert "RELEASEGUARD_GITHUB_TOKEN" in (raised.value.next_step or "")


def test_a_fine_grained_token_without_the_permission_is_told_which(repository: Place) -> None:
    body = {"message": "Resource not accessible by personal access token"}
    repository.stand_in.fail_next("PUT", "secrets", faults.answer(403, body))
    with pytest.raises(AccessDenied) as raised:
        repository.destination.push([secret_item("KEY", "the value")])
    assert "Secrets" in (raised.value.next_step or "")


def test_a_missing_environment_comes_with_the_command_that_makes_it(repository: Place) -> None:
    with pytest.raises(NotFound) as raised:
        repository.reopen("github:lovendo/app@pro duction").push([secret_item("KEY", "the value")])
    assert "environment" in str(raised.value)
    assert "gh api -X PUT repos/lovendo/app/environments/pro%20duction" in (raised.value.next_step or "")


@pytest.mark.parametrize(("visibility", "selected"), [("all", ()), ("private", ()), ("selected", tuple(range(1, 121)))])
def test_who_may_use_an_organisations_secret_stays_as_it_is(
    organisation: Place, visibility: str, selected: tuple[int, ...]
) -> None:
    github = organisation.stand_in
    assert isinstance(github, GitHubStandIn)
    for number in selected:
        github.add_repository(f"lovendo/r{number}").id = number
    organisation.put("KEY", "old")
    store = github.place("lovendo")
    store.secrets["KEY"] = replace(store.secrets["KEY"], visibility=visibility, selected=selected)
    organisation.destination.push([secret_item("KEY", "new"), companion_item("KEY_VERSION")])
    written = store.secrets["KEY"]
    assert (written.value, written.visibility, set(written.selected)) == ("new", visibility, set(selected))
    posted = next(sent for sent in github.requests if sent.method == "POST")
    assert f'"visibility":"{visibility}"'.encode() in posted.body


def test_a_new_organisation_secret_is_for_private_repositories(organisation: Place) -> None:
    organisation.destination.push([secret_item("KEY", "the value")])
    github = organisation.stand_in
    assert isinstance(github, GitHubStandIn)
    assert github.place("lovendo").secrets["KEY"].visibility == "private"


def test_a_repositorys_secret_is_reported_as_shadowed_by_an_environments(repository: Place) -> None:
    github = repository.stand_in
    assert isinstance(github, GitHubStandIn)
    repository.put("KEY", "v")
    github.put("lovendo/app", "KEY", "other", "production")
    seen = repository.destination.observe([secret_item("KEY", "the value"), secret_item("FREE", "v")])
    assert seen["KEY"].remarks == ("shadowed by github:lovendo/app@production",)
    assert seen["FREE"].remarks == ()


def test_environments_that_cannot_be_read_are_said_to_be(repository: Place) -> None:
    repository.put("KEY", "v")
    repository.stand_in.fail_next("GET", "/environments$", faults.answer(403, {"message": "no"}))
    seen = repository.destination.observe([secret_item("KEY", "the value")])
    assert "cannot be read" in seen["KEY"].remarks[0]


def test_copies_are_found_in_every_store_of_every_page_of_repositories(repository: Place) -> None:
    github = repository.stand_in
    assert isinstance(github, GitHubStandIn)
    for number in range(120):
        github.add_repository(f"someone/r{number:03}")
    github.put("someone/r119", "KEY", "v")
    github.put("lovendo/app", "KEY", "v", dependabot=True)
    github.put("lovendo/app", "key", "v", "production")
    github.put("lovendo", "KEY", "v")
    github.put("lovendo/app", "KEY", "v")
    assert repository.destination.copies(["KEY"]) == [
        "github-dependabot:lovendo/app",
        "github:lovendo",
        "github:lovendo/app@production",
        "github:someone/r119",
    ]


def test_stores_that_cannot_be_read_are_listed_as_unread(repository: Place) -> None:
    refusal = faults.answer(403, {"message": "no"})
    repository.stand_in.fail_next("GET", "/orgs/lovendo/", refusal, times=2)
    repository.stand_in.fail_next("GET", "/repos/lovendo/other/environments$", refusal)
    assert repository.destination.search(["KEY"]).unread == [
        "environments of github:lovendo/other (403)",
        "github-dependabot:lovendo (403)",
        "github:lovendo (403)",
    ]


def test_runs_queued_before_the_push_are_named_and_ended_or_later_ones_are_not(
    github: GitHubStandIn, connect: Connections
) -> None:
    github.add_repository("lovendo/second")
    before = [github.add_run("lovendo/app", status) for status in ("queued", "waiting", "pending", "requested")]
    before.append(github.add_run("lovendo/second", "in_progress", "nightly"))
    github.add_run("lovendo/app", "completed")
    pushed = github.clock()
    github.add_run("lovendo/app", "queued")
    client = connect(github, github.token)
    runs = GitHubRuns(client, [ADDRESSES.parse("github:lovendo/app"), ADDRESSES.parse("github:lovendo")])
    found = runs.waiting(pushed)
    assert [run.id for run in found] == before
    assert (found[-1].workflow, found[-1].status, found[-1].place) == ("nightly", "in_progress", "github:lovendo")
    assert found[0].place in {"github:lovendo", "github:lovendo/app"}


def test_a_repository_that_is_spelled_in_two_ways_has_its_runs_once(
    github: GitHubStandIn, connect: Connections
) -> None:
    queued = github.add_run("lovendo/app", "queued")
    places = [ADDRESSES.parse(f"github:{name}") for name in ("lovendo/app", "Lovendo/App", "LOVENDO")]
    found = GitHubRuns(connect(github, github.token), places).waiting(datetime.now(UTC))
    assert [run.id for run in found] == [queued]


def test_a_queued_run_reads_an_environments_secret_later(github: GitHubStandIn, connect: Connections) -> None:
    github.add_run("lovendo/app", "queued")
    running = github.add_run("lovendo/app", "in_progress")
    client = connect(github, github.token)
    found = GitHubRuns(client, [ADDRESSES.parse("github:lovendo/app@production")]).waiting(datetime.now(UTC))
    assert [run.id for run in found] == [running]


@pytest.fixture
def installed() -> Iterator[tuple[GitHubStandIn, GitHubApp]]:
    with GitHubStandIn() as stand_in:
        stand_in.add_organization("lovendo")
        stand_in.add_repository("lovendo/app")
        key = stand_in.add_app()
        yield stand_in, GitHubApp(key.app_id, Secret(key.pem))
        assert stand_in.crashes == []


def _asked_for_tokens(stand_in: GitHubStandIn) -> int:
    return sum(sent.path.endswith("/access_tokens") for sent in stand_in.requests)


@pytest.mark.parametrize("account", ["lovendo", "lovendo/app"])
def test_a_github_app_writes_with_its_installations_token(
    installed: tuple[GitHubStandIn, GitHubApp], account: str, connect: Connections
) -> None:
    stand_in, app = installed
    installation = GitHubInstallation(connect(stand_in, None, headers=github_headers(app.token)), account)
    client = connect(stand_in, None, headers=github_headers(installation.token))
    GitHubDestination(client, ADDRESSES.parse("github:lovendo/app")).push([secret_item("KEY", "the value")])
    assert stand_in.value("lovendo/app", "KEY") == "the value"
    assert _asked_for_tokens(stand_in) == 1


def test_a_token_about_to_expire_is_replaced(installed: tuple[GitHubStandIn, GitHubApp], connect: Connections) -> None:
    stand_in, app = installed
    client = connect(stand_in, None, headers=github_headers(app.token))
    later = GitHubInstallation(client, "lovendo", wall=lambda: utc_now() + timedelta(minutes=56))
    assert later.token() != later.token()
    assert _asked_for_tokens(stand_in) == 2


def test_an_app_that_is_not_installed_is_said_to_be(
    installed: tuple[GitHubStandIn, GitHubApp], connect: Connections
) -> None:
    stand_in, app = installed
    client = connect(stand_in, None, headers=github_headers(app.token))
    with pytest.raises(NotFound, match="not installed for somebody/else"):
        GitHubInstallation(client, "somebody/else").token()


def test_an_installation_without_a_user_still_finds_copies(
    installed: tuple[GitHubStandIn, GitHubApp], connect: Connections
) -> None:
    stand_in, _ = installed
    stand_in.add_repository("lovendo/other")
    stand_in.put("lovendo/other", "KEY", "the value")
    stand_in.fail_next("GET", "^/user/repos", faults.answer(403, {"message": "no"}))
    client = connect(stand_in, stand_in.token)
    assert GitHubDestination(client, ADDRESSES.parse("github:lovendo/app")).copies(["KEY"]) == ["github:lovendo/other"]


def test_a_private_key_that_is_none_is_named_and_not_shown() -> None:
    with pytest.raises(AccessDenied) as raised:
        GitHubApp("12345", Secret("-----BEGIN PRIVATE KEY-----\nbroken")).token()
    assert "broken" not in str(raised.value)
    assert raised.value.where == "RELEASEGUARD_GITHUB_APP_PRIVATE_KEY"
