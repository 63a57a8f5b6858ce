"""Which runs of GitHub Actions may use credentials: one table of events, refs and payloads."""

from __future__ import annotations

import json
from typing import Any

import pytest

from releaseguard.errors import ExitCode
from releaseguard.safemode.checkout import payload_of, refusal

OURS = {"full_name": "lovendo/app", "default_branch": "main"}
MAIN = "refs/heads/main"


def run(event: str, ref: str, payload: dict[str, Any] | None = None, **environ: str) -> bool:
    """Whether such a run may use credentials."""
    given = {"GITHUB_ACTIONS": "true", "GITHUB_EVENT_NAME": event, "GITHUB_REF": ref, **environ}
    return refusal(given, {"repository": OURS} if payload is None else {"repository": OURS, **payload}) is None


def deployed(environment: str, *, production: bool | None = None) -> dict[str, Any]:
    flag = {} if production is None else {"production_environment": production}
    return {
        "deployment": {"environment": environment, "ref": "0123abc", **flag},
        "deployment_status": {"state": "success"},
    }


def transient(payload: dict[str, Any]) -> dict[str, Any]:
    """The same for an environment that is made for one deployment, as for a pull request."""
    return {**payload, "deployment": {**payload["deployment"], "transient_environment": True}}


def after(event: str, branch: str | None, repository: str = "lovendo/app") -> dict[str, Any]:
    return {"workflow_run": {"event": event, "head_branch": branch, "head_repository": {"full_name": repository}}}


@pytest.mark.parametrize(
    ("event", "ref", "payload"),
    [
        ("push", MAIN, None),
        ("workflow_dispatch", MAIN, None),
        ("schedule", MAIN, None),
        ("schedule", MAIN, {"repository": {}}),
        ("repository_dispatch", MAIN, None),
        ("repository_dispatch", MAIN, {"repository": {}}),
        ("deployment_status", "", deployed("Production")),
        ("deployment_status", "", deployed("production")),
        ("deployment_status", "refs/heads/anything", deployed("Production – web")),
        ("deployment_status", "", deployed("live", production=True)),
        ("deployment_status", MAIN, deployed("Preview")),
        ("workflow_run", MAIN, after("push", "main")),
        ("workflow_run", MAIN, after("workflow_dispatch", "main")),
        ("workflow_run", MAIN, after("push", "main", "Lovendo/App")),
        ("workflow_run", MAIN, {"workflow_run": {"event": "push", "head_branch": "main"}}),
        ("issue_comment", MAIN, {"issue": {"number": 1}}),
        ("release", MAIN, None),
    ],
)
def test_runs_of_what_the_team_has_merged_use_credentials(event: str, ref: str, payload: dict[str, Any] | None) -> None:
    assert run(event, ref, payload)


@pytest.mark.parametrize(
    ("event", "ref", "payload"),
    [
        ("pull_request", "refs/pull/7/merge", None),
        ("pull_request", MAIN, None),
        ("pull_request_target", MAIN, None),
        ("pull_request_review", "refs/pull/7/merge", None),
        ("pull_request_review_comment", MAIN, None),
        ("pull_request_anything_new", MAIN, None),
        ("push", "refs/pull/7/head", None),
        ("push", "refs/heads/feature", None),
        ("push", "refs/tags/main", None),
        ("push", "refs/heads/main/x", None),
        ("push", "main", None),
        ("push", MAIN, {"repository": {}}),
        ("push", MAIN, {"repository": {"default_branch": None}}),
        ("push", "refs/heads/None", {"repository": {"default_branch": None}}),
        ("push", "", None),
        ("", "refs/heads/feature", None),
        ("schedule", "refs/heads/feature", None),
        ("workflow_dispatch", "refs/heads/feature", None),
        ("merge_group", "refs/heads/gh-readonly-queue/main/pr-7-0123", None),
        ("release", "refs/tags/v1", None),
        ("deployment_status", "", deployed("Preview")),
        ("deployment_status", "", deployed("Preview – production")),
        ("deployment_status", "refs/heads/feature", deployed("preproduction", production=False)),
        ("deployment_status", "", deployed("production-pr-7")),
        ("deployment_status", "", deployed("production/feature")),
        ("deployment_status", "", transient(deployed("Production", production=True))),
        ("deployment", "refs/heads/feature", deployed("Production")),
        ("workflow_run", MAIN, after("pull_request", "main")),
        ("workflow_run", MAIN, after("pull_request_target", "main")),
        ("workflow_run", MAIN, after("push", "feature")),
        ("workflow_run", MAIN, after("push", "main", "stranger/app")),
        ("workflow_run", MAIN, {"workflow_run": {"event": "push", "head_branch": "main", "head_repository": None}}),
        ("workflow_run", MAIN, after("push", None)),
        ("workflow_run", MAIN, {}),
        ("issue_comment", MAIN, {"issue": {"number": 7, "pull_request": {}}}),
        ("issue_comment", MAIN, {"issue": {"number": 7, "pull_request": {"url": "https://api.github.com/x"}}}),
    ],
)
def test_runs_of_what_anybody_may_have_written_use_none(event: str, ref: str, payload: dict[str, Any] | None) -> None:
    assert not run(event, ref, payload)


@pytest.mark.parametrize(
    ("listed", "ref", "named"),
    [
        ("develop", "refs/heads/develop", True),
        ("main, refs/heads/develop ", "refs/heads/develop", True),
        ("develop", "refs/tags/develop", False),
        ("refs/tags/v*", "refs/tags/v1.2.3", True),
        ("refs/tags/v*", "refs/tags/v1/evil", False),
        ("release/*", "refs/heads/release/1.2", True),
        ("release/**", "refs/heads/release/1/2", True),
        ("release", "refs/heads/release/1.2", False),
        ("rel.ase", "refs/heads/release", False),
        ("refs/**", "refs/pull/7/merge", False),
        ("", "refs/heads/feature", False),
        (" , ", "", False),
    ],
)
def test_a_ref_is_trusted_where_the_environment_names_it(listed: str, ref: str, named: bool) -> None:
    assert run("push", ref, RELEASEGUARD_TRUSTED_REFS=listed) is named


def test_no_list_of_refs_lets_a_pull_request_in() -> None:
    listed = "main,refs/pull/**,refs/**"
    assert not run("pull_request", "refs/pull/7/merge", RELEASEGUARD_TRUSTED_REFS=listed)
    assert not run("pull_request_target", MAIN, RELEASEGUARD_TRUSTED_REFS=listed)
    assert not run("workflow_run", MAIN, after("pull_request", "main"), RELEASEGUARD_TRUSTED_REFS=listed)


def test_outside_of_github_actions_nothing_is_refused() -> None:
    assert refusal({"GITHUB_EVENT_NAME": "pull_request", "GITHUB_REF": "refs/pull/7/merge"}, {}) is None
    assert refusal({"GITHUB_ACTIONS": "true"}, {}) is None


def test_the_refusal_names_ref_and_the_exact_variable() -> None:
    environ = {"GITHUB_ACTIONS": "true", "GITHUB_EVENT_NAME": "push", "GITHUB_REF": "refs/heads/develop"}
    error = refusal({**environ, "RELEASEGUARD_TRUSTED_REFS": "staging"}, {"repository": OURS})
    assert error is not None
    assert error.exit_code is ExitCode.REFUSED
    assert "refs/heads/develop" in error.what
    assert "RELEASEGUARD_TRUSTED_REFS=staging,develop" in str(error.next_step)
    assert refusal({**environ, "RELEASEGUARD_TRUSTED_REFS": "staging,develop"}, {"repository": OURS}) is None


@pytest.mark.parametrize("text", ["", "[1]", "{", "null", "[" * 100_000])
def test_a_payload_that_is_none_says_nothing(tmp_path, text: str) -> None:
    path = tmp_path / "event.json"
    path.write_text(text)
    assert payload_of({"GITHUB_EVENT_PATH": str(path)}) == {}
    assert payload_of({"GITHUB_EVENT_PATH": str(tmp_path)}) == {}
    assert payload_of({}) == {}
    path.write_text(json.dumps({"repository": OURS}))
    assert payload_of({"GITHUB_EVENT_PATH": str(path)}) == {"repository": OURS}
