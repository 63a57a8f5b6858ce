"""Deployments at Vercel: what a target serves, a redeploy that is found again, phases and reasons."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from releaseguard.deployments.interface import Phase
from releaseguard.errors import AccessDenied, NotFound, ServiceError, Unreachable
from releaseguard.sandbox.serving import faults
from releaseguard.sandbox.vercel.stand_in import VercelStandIn
from releaseguard.sandbox.vercel.values import VercelProject
from releaseguard.services.vercel.deployer import VercelDeployer
from tests.support import contracts
from tests.support.adapters import Connections, StepClock

if TYPE_CHECKING:
    from collections.abc import Iterator

META = {"releaseguardRotation": "r-1"}


@pytest.fixture
def vercel() -> Iterator[VercelStandIn]:
    with VercelStandIn(StepClock()) as stand_in:
        yield stand_in
        assert stand_in.crashes == []
        if contracts.available():
            contracts.check("vercel", stand_in.requests)


@pytest.fixture
def project(vercel: VercelStandIn) -> VercelProject:
    return vercel.add_project("web", ["qa"])


@pytest.fixture
def connections() -> Iterator[Connections]:
    opened = Connections()
    yield opened
    opened.close()


@pytest.fixture
def deployer(vercel: VercelStandIn, project: VercelProject, connections: Connections) -> VercelDeployer:
    return VercelDeployer(connections(vercel, vercel.token), project.id, team_id=vercel.team_id)


def _posts(vercel: VercelStandIn) -> list[dict[str, object]]:
    return [json.loads(sent.body) for sent in vercel.requests if sent.method == "POST"]


def _qa(project: VercelProject) -> str:
    return next(iter(project.custom_environments))


def test_nothing_deployed_is_none(deployer: VercelDeployer) -> None:
    assert deployer.current("production") is None
    assert deployer.current("preview") is None


def test_the_newest_ready_deployment_of_the_target_is_served(
    vercel: VercelStandIn, project: VercelProject, deployer: VercelDeployer
) -> None:
    vercel.deploy(project, "old")
    newest = vercel.deploy(project, "new")
    vercel.deploy(project, "of a branch", "preview")
    found = deployer.current("production")
    assert found is not None
    assert (found.id, found.release, found.target, found.phase) == (newest.id, "new", "production", Phase.READY)
    assert found.url == f"https://{vercel._address(newest)}"
    preview = deployer.current("preview")
    assert preview is not None
    assert (preview.release, preview.target) == ("of a branch", "preview")


def test_a_custom_environment_is_a_target_by_its_slug(
    vercel: VercelStandIn, project: VercelProject, deployer: VercelDeployer
) -> None:
    made = vercel.deploy(project, "for qa", _qa(project))
    vercel.deploy(project, "of a branch", "preview")
    found = deployer.current("qa")
    assert found is not None
    assert (found.id, found.target) == (made.id, "qa")


def test_after_a_rollback_the_older_deployment_is_what_production_serves(
    vercel: VercelStandIn, project: VercelProject, deployer: VercelDeployer
) -> None:
    old = vercel.deploy(project, "old")
    vercel.deploy(project, "new")
    vercel.serve(project, old)
    found = deployer.current("production")
    assert found is not None
    assert found.id == old.id


def test_without_the_project_the_listing_says_what_was_promoted(
    vercel: VercelStandIn, project: VercelProject, deployer: VercelDeployer
) -> None:
    old = vercel.deploy(project, "old")
    vercel.deploy(project, "built and never promoted")
    vercel.serve(project, old)
    vercel.fail_next("GET", "/v9/projects/[^/]+$", faults.answer(404, {}))
    found = deployer.current("production")
    assert found is not None
    assert found.id == old.id


def test_a_wrong_token_is_access_denied(vercel: VercelStandIn, connections: Connections) -> None:
    with pytest.raises(AccessDenied):
        VercelDeployer(connections(vercel, "wrong"), "web", team_id=vercel.team_id).current("production")


@pytest.mark.parametrize(
    ("target", "aim"),
    [
        ("production", {"target": "production"}),
        ("preview", {}),
        ("qa", {"customEnvironmentSlugOrId": "qa"}),
    ],
)
def test_a_redeploy_is_of_the_same_code_to_the_same_target_with_our_meta(
    vercel: VercelStandIn, project: VercelProject, deployer: VercelDeployer, target: str, aim: dict[str, str]
) -> None:
    source = vercel.deploy(project, "sha", _qa(project) if target == "qa" else target)
    current = deployer.current(target)
    assert current is not None
    made = deployer.redeploy(current, META)
    assert _posts(vercel) == [{"name": "web", "deploymentId": source.id, "meta": META, **aim}]
    assert (made.target, made.release, made.phase) == (target, "sha", Phase.RUNNING)
    assert made.id != source.id


def test_a_redeploy_carries_the_environment_of_now_and_becomes_ready(
    vercel: VercelStandIn, project: VercelProject, deployer: VercelDeployer
) -> None:
    vercel.deploy(project, "sha")
    vercel.put(project, "KEY", "new")
    current = deployer.current("production")
    assert current is not None
    made = deployer.redeploy(current, META)
    phases = [deployer.get(made.id).phase for _ in range(3)]
    assert phases == [Phase.RUNNING, Phase.READY, Phase.READY]
    served = vercel.serving(project)
    assert served is not None
    assert (served.id, served.environment) == (made.id, {"KEY": "new"})


@pytest.mark.parametrize(
    "lost",
    [faults.reset(takes_effect=True), faults.half_answer(), faults.answer(502, b"bad gateway", takes_effect=True)],
    ids=["reset", "half", "502"],
)
def test_a_request_whose_answer_is_lost_is_sent_once_and_found_by_its_meta(
    vercel: VercelStandIn, project: VercelProject, deployer: VercelDeployer, lost: faults.Fault
) -> None:
    vercel.deploy(project, "sha")
    current = deployer.current("production")
    assert current is not None
    vercel.fail_next("POST", "deployments", lost)
    with pytest.raises(ServiceError):
        deployer.redeploy(current, META)
    found = deployer.find("production", META)
    assert found is not None
    assert found.id != current.id
    assert len(_posts(vercel)) == 1
    assert len(project.deployments) == 2


def test_a_request_that_never_arrived_is_not_found(
    vercel: VercelStandIn, project: VercelProject, deployer: VercelDeployer
) -> None:
    vercel.deploy(project, "sha")
    current = deployer.current("production")
    assert current is not None
    vercel.fail_next("POST", "deployments", faults.reset())
    with pytest.raises(Unreachable):
        deployer.redeploy(current, META)
    assert deployer.find("production", META) is None


def test_finding_needs_every_key_and_the_target(
    vercel: VercelStandIn, project: VercelProject, deployer: VercelDeployer
) -> None:
    vercel.deploy(project, "sha", meta={"releaseguardRotation": "r-1", "releaseguardSet": "a"})
    assert deployer.find("production", {**META, "releaseguardSet": "b"}) is None
    assert deployer.find("preview", META) is None
    assert deployer.find("production", META) is not None


def test_answers_that_leave_the_target_out_are_of_the_target_that_was_asked_for(
    vercel: VercelStandIn, project: VercelProject, deployer: VercelDeployer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The description requires no ``target`` of any deployment: production's must not be taken for a preview."""
    vercel.deploy(project, "sha")
    common = vercel._common
    monkeypatch.setattr(vercel, "_common", lambda one: {k: v for k, v in common(one).items() if k != "target"})
    current = deployer.current("production")
    assert current is not None
    assert deployer.redeploy(current, META).target == "production"
    assert _posts(vercel)[0]["target"] == "production"
    found = deployer.find("production", META)
    assert found is not None
    assert found.target == "production"


def test_a_custom_environment_is_a_target_by_its_id_too(
    vercel: VercelStandIn, project: VercelProject, deployer: VercelDeployer
) -> None:
    environment = _qa(project)
    vercel.deploy(project, "sha", environment)
    current = deployer.current(environment)
    assert current is not None
    assert deployer.redeploy(current, META).target == environment
    found = deployer.find(environment, META)
    assert found is not None
    assert found.target == environment


def test_a_deployment_is_found_although_the_service_does_not_filter_by_its_target(
    vercel: VercelStandIn, project: VercelProject, deployer: VercelDeployer, monkeypatch: pytest.MonkeyPatch
) -> None:
    ours = vercel.deploy(project, "sha", "preview", meta=META)
    asked_for = vercel._asked_for
    monkeypatch.setattr(vercel, "_asked_for", lambda one, query: "target" not in query and asked_for(one, query))
    found = deployer.find("preview", META)
    assert found is not None
    assert found.id == ours.id


def test_a_deployment_is_found_behind_many_newer_ones(
    vercel: VercelStandIn, project: VercelProject, deployer: VercelDeployer
) -> None:
    ours = vercel.deploy(project, "sha", meta=META)
    for number in range(230):
        vercel.deploy(project, f"later {number}")
    found = deployer.find("production", META)
    assert found is not None
    assert found.id == ours.id


@pytest.mark.parametrize(
    ("state", "phase"),
    [
        ("QUEUED", Phase.RUNNING),
        ("INITIALIZING", Phase.RUNNING),
        ("BUILDING", Phase.RUNNING),
        ("A_STATE_TO_COME", Phase.RUNNING),
        ("READY", Phase.READY),
        ("ERROR", Phase.FAILED),
        ("CANCELED", Phase.FAILED),
        ("BLOCKED", Phase.FAILED),
        ("DELETED", Phase.FAILED),
    ],
)
def test_every_state_has_a_phase(
    vercel: VercelStandIn, project: VercelProject, deployer: VercelDeployer, state: str, phase: Phase
) -> None:
    made = vercel.deploy(project, "sha")
    made.state = made.fate = state
    found = deployer.get(made.id)
    assert (found.phase, found.state) == (phase, state)


def test_a_failure_comes_with_vercels_reason(
    vercel: VercelStandIn, project: VercelProject, deployer: VercelDeployer
) -> None:
    vercel.deploy(project, "sha")
    vercel.next_fates = ["ERROR"]
    current = deployer.current("production")
    assert current is not None
    made = deployer.redeploy(current, META)
    vercel.finish_all()
    failed = deployer.get(made.id)
    assert failed.phase is Phase.FAILED
    assert failed.reason == 'Command "npm run build" exited with 1 (BUILD_FAILED)'
    served = deployer.current("production")
    assert served is not None
    assert served.id == current.id


def test_an_unknown_deployment_is_not_found(deployer: VercelDeployer) -> None:
    with pytest.raises(NotFound):
        deployer.get("dpl_nowhere")


def test_older_deployments_that_can_still_be_reached_are_those_of_before_that_production_does_not_serve(
    vercel: VercelStandIn, project: VercelProject, deployer: VercelDeployer
) -> None:
    vercel.deploy(project, "older")
    vercel.deploy(project, "of a branch", "preview")
    vercel.deploy(project, "serving")
    moment = vercel.clock()
    vercel.deploy(project, "later", "preview")
    kept = deployer.kept(moment)
    assert [(one.target, one.release) for one in kept] == [("preview", "of a branch"), ("production", "older")]
    assert all(one.url for one in kept)
