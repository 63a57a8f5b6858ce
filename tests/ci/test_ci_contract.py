"""What every implementation of the CI room keeps; each is one line in ``KINDS``."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from releaseguard.ci.interface import WorkflowHistory
from releaseguard.errors import AccessDenied, NotFound
from releaseguard.sandbox.github.stand_in import GitHubStandIn
from releaseguard.services.github.ci import GitHubWorkflows
from tests.support import contracts
from tests.support.adapters import Connections

NOW = datetime(2026, 11, 24, 10, 0, tzinfo=UTC)


@dataclass
class Side:
    history: WorkflowHistory
    stand_in: GitHubStandIn
    reopen: Any


@contextmanager
def github() -> Iterator[Side]:
    with GitHubStandIn() as stand_in:
        connections = Connections()
        stand_in.add_repository("lovendo/app")

        def reopen(repository: str = "lovendo/app", token: str = stand_in.token) -> WorkflowHistory:
            return GitHubWorkflows(connections(stand_in, token), repository)

        yield Side(reopen(), stand_in, reopen)
        connections.close()
        assert stand_in.crashes == []
        if contracts.available():
            contracts.check("github", stand_in.requests)


KINDS = {"github": github}


@pytest.fixture(params=sorted(KINDS))
def side(request):
    with KINDS[request.param]() as opened:
        yield opened


def ran(side: Side, minutes_ago: float, conclusion: str = "success", name: str = "db-migrations") -> int:
    at = NOW - timedelta(minutes=minutes_ago)
    return side.stand_in.add_run("lovendo/app", "completed", name, conclusion=conclusion, at=at)


def test_the_newest_runs_of_the_workflow_come_first(side):
    old, new = ran(side, 60, "failure"), ran(side, 5)
    ran(side, 1, name="deploy")
    runs = side.history.newest("db-migrations", 5)
    assert [run.id for run in runs] == [new, old]
    assert [run.went_wrong for run in runs] == [False, True]
    assert runs[0].started_at == NOW - timedelta(minutes=5)
    assert runs[0].place == "github:lovendo/app"


@pytest.mark.parametrize("name", ["db-migrations", "db-migrations.yml", "DB-Migrations"])
def test_a_workflow_is_found_by_file_or_name(side, name):
    ran(side, 5)
    assert len(side.history.newest(name, 5)) == 1


def test_a_workflow_that_is_not_there_and_one_that_never_ran_differ(side):
    side.stand_in.add_workflow("lovendo/app", "db-migrations")
    assert side.history.newest("db-migrations", 5) == []
    assert side.history.newest("migrate", 5) is None


def test_a_run_that_goes_on_has_no_conclusion(side):
    side.stand_in.add_run("lovendo/app", "in_progress", "db-migrations", at=NOW)
    [run] = side.history.newest("db-migrations", 5)
    assert run.conclusion is None
    assert not run.went_wrong


def test_no_more_runs_than_asked_for(side):
    for minute in range(8):
        ran(side, minute)
    assert len(side.history.newest("db-migrations", 3)) == 3


def test_a_repository_that_is_not_there_and_a_token_that_is_refused(side):
    with pytest.raises(NotFound):
        side.reopen("lovendo/nothing").newest("db-migrations", 5)
    with pytest.raises(AccessDenied):
        side.reopen(token="ghp_wrong").newest("db-migrations", 5)


def test_the_workflows_of_the_default_branch_are_read(side):
    assert side.history.files() == {}
    side.stand_in.repositories["lovendo/app"].files = {"deploy.yml": "on: push\n# ğ\n", "README.md": "no workflow"}
    assert side.history.files() == {".github/workflows/deploy.yml": "on: push\n# ğ\n"}
