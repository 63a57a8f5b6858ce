"""A place that a GitHub workflow deploys: dispatched once, found by its mark, waited for."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from releaseguard.deployments.interface import Phase
from releaseguard.deployments.workflow import read_workflow
from releaseguard.errors import ConfigError, ServiceError, Unreachable
from releaseguard.sandbox.github.stand_in import GitHubStandIn
from releaseguard.services.github.ci import GitHubWorkflowDeployer
from tests.support.adapters import Connections, StepClock

META = {"releaseguardRotation": "01a2", "releaseguardAttempt": "forward-1"}


@pytest.fixture
def github() -> Iterator[GitHubStandIn]:
    with GitHubStandIn(StepClock()) as stand_in:
        stand_in.add_organization("lovendo")
        stand_in.add_repository("lovendo/app", [])
        stand_in.add_workflow("lovendo/app", "deploy-supabase")
        yield stand_in
        assert stand_in.crashes == []


@pytest.fixture
def deployer(github: GitHubStandIn, connect: Connections) -> GitHubWorkflowDeployer:
    workflow = read_workflow("workflow:lovendo/app/deploy-supabase.yml@main")
    client = connect(github, github.token)
    return GitHubWorkflowDeployer(client, "supabase:x", workflow, sleep=lambda _: None)


def dispatches(github: GitHubStandIn) -> int:
    return len([one for one in github.requests if one.method == "POST" and one.path.endswith("/dispatches")])


def ended(github: GitHubStandIn, conclusion: str) -> None:
    github.repositories["lovendo/app"].runs[-1] |= {"status": "completed", "conclusion": conclusion}


@pytest.mark.parametrize(("conclusion", "phase"), [("success", Phase.READY), ("failure", Phase.FAILED)])
def test_it_is_dispatched_once_and_its_end_is_the_deployments(
    github: GitHubStandIn, deployer: GitHubWorkflowDeployer, conclusion: str, phase: Phase
) -> None:
    source = deployer.current("production")
    assert source is not None
    made = deployer.redeploy(source, META)
    assert (made.phase, dispatches(github)) == (Phase.RUNNING, 1)
    ended(github, conclusion)
    assert deployer.get(made.id).phase is phase


def test_a_run_whose_answer_was_lost_is_found_by_its_mark(
    github: GitHubStandIn, deployer: GitHubWorkflowDeployer
) -> None:
    source = deployer.current("production")
    assert source is not None
    made = deployer.redeploy(source, META)
    found = deployer.find("production", META)
    assert found is not None
    assert found.id == made.id
    assert deployer.find("production", {**META, "releaseguardAttempt": "forward-2"}) is None


def test_without_the_mark_in_its_name_the_first_run_since_the_request_is_meant(
    github: GitHubStandIn, deployer: GitHubWorkflowDeployer
) -> None:
    github.shows_the_mark = False
    source = deployer.current("production")
    assert source is not None
    first = deployer.redeploy(source, {**META, **deployer.seen_before()})
    second = {**META, "releaseguardAttempt": "forward-2", **deployer.seen_before()}
    assert deployer.redeploy(source, second).id != first.id


def test_a_lost_answer_without_a_mark_is_found_by_what_was_there_before_and_never_dispatched_again(
    github: GitHubStandIn, deployer: GitHubWorkflowDeployer
) -> None:
    github.shows_the_mark = False
    github.add_run("lovendo/app", "completed", "deploy-supabase")
    source = deployer.current("production")
    assert source is not None
    meta = {**META, **deployer.seen_before()}
    assert deployer.find("production", meta) is None
    made = deployer.redeploy(source, meta)
    found = deployer.find("production", meta)
    assert found is not None
    assert found.id == made.id


def test_a_run_of_somebody_elses_is_not_taken_for_one_that_shows_its_mark(
    github: GitHubStandIn, connect: Connections
) -> None:
    """It was dispatched since the request, and is listed before ours is."""
    slept: list[float] = []

    def sleep(seconds: float) -> None:
        slept.append(seconds)
        if len(slept) == 1:
            github.repositories["lovendo/app"].runs[-1]["display_title"] = "Deploy forward-1-01a2"

    workflow = read_workflow("workflow:lovendo/app/deploy-supabase.yml@main")
    deployer = GitHubWorkflowDeployer(connect(github, github.token), "supabase:x", workflow, sleep=sleep)
    meta = {**META, **deployer.seen_before()}
    for title in ("Deploy somebody's", "not listed yet"):
        github.add_run("lovendo/app", "in_progress", "deploy-supabase")
        github.repositories["lovendo/app"].runs[-1] |= {"event": "workflow_dispatch", "display_title": title}
    found = deployer.find("production", meta)
    assert found is not None
    assert found.id == str(github.repositories["lovendo/app"].runs[-1]["id"])


def test_a_workflow_that_takes_no_mark_is_told_what_it_lacks(
    github: GitHubStandIn, deployer: GitHubWorkflowDeployer
) -> None:
    github.takes_a_mark = False
    source = deployer.current("production")
    assert source is not None
    with pytest.raises(ServiceError, match="422") as caught:
        deployer.redeploy(source, META)
    assert "workflow_dispatch" in str(caught.value.next_step)
    assert not isinstance(caught.value, Unreachable)


def test_the_newest_run_that_succeeded_is_what_is_there(
    github: GitHubStandIn, deployer: GitHubWorkflowDeployer
) -> None:
    before = deployer.current("production")
    assert before is not None
    assert before.id == "deploy-supabase.yml"
    number = github.add_run("lovendo/app", "completed", "deploy-supabase")
    github.add_run("lovendo/app", "completed", "deploy-supabase", conclusion="failure")
    after = deployer.current("production")
    assert after is not None
    assert after.id == str(number)


@pytest.mark.parametrize(
    "text", ["workflow:lovendo/app@main", "workflow:lovendo/app/deploy.sh@main", "lovendo/app", ""]
)
def test_what_names_no_workflow_is_said(text: str) -> None:
    with pytest.raises(ConfigError, match="names no workflow"):
        read_workflow(text)


def test_a_workflow_that_takes_no_dispatch_is_known_before_anything_is_written(
    github: GitHubStandIn, deployer: GitHubWorkflowDeployer, connect: Connections
) -> None:
    assert deployer.why_not() is None
    github.workflow_states["deploy-supabase"] = "disabled_manually"
    disabled = deployer.why_not()
    assert "is disabled at GitHub" in str(disabled)
    assert disabled is not None
    assert "gh workflow enable deploy-supabase.yml --repo lovendo/app" in str(disabled.next_step)
    elsewhere = read_workflow("workflow:lovendo/app/other.yml@main")
    absent = GitHubWorkflowDeployer(connect(github, github.token), "supabase:x", elsewhere)
    assert "is not there" in str(absent.why_not())
