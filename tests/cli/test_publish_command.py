"""A verdict where people see it: comments that are replaced, and a status that only what passed makes a success."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from releaseguard.eventlog.stores.sqlite import SqliteEventLog
from releaseguard.sandbox.world import World
from tests.report.documents import verdict_document
from tests.support.commands import Commands, Done

COMMIT = "5eed" * 10
STATES = [("pass", "success"), ("warn", "success"), ("fail", "failure"), ("inconclusive", "pending")]


class Board:
    """A repository with a deployment and a pull request."""

    def __init__(self, world: World, folder: Path) -> None:
        self.folder = folder
        self.name, self.repo = next(iter(world.github.repositories.items()))
        self.repo.pulls[COMMIT] = [7]
        token = world.environ()["RELEASEGUARD_GITHUB_TOKEN"]
        self.cli = Commands(folder, {"GITHUB_TOKEN": token, "GITHUB_REPOSITORY": self.name, "GITHUB_RUN_ID": "55"})

    def publish(self, verdict: str | None, *more: str, component: str | None = None) -> Done:
        file = self.folder / "verdict.json"
        file.unlink(missing_ok=True)
        if verdict is not None:
            given = {**verdict_document("plain"), "verdict": verdict, "release": COMMIT, "component": component}
            file.write_text(json.dumps(given))
        return self.cli.run("publish", "verdict.json", "--deployment", "99", *more)

    @property
    def bodies(self) -> list[str]:
        return [one["body"] for one in self.repo.comments.get("7", [])]


@pytest.fixture
def board(tmp_path: Path) -> Iterator[Board]:
    with World() as world, SqliteEventLog(tmp_path / "releaseguard.db") as log:
        log.migrate()
        world.write(tmp_path)
        yield Board(world, tmp_path)
    assert world.crashes == []


def test_each_verdict_replaces_the_comment_and_only_what_passed_is_a_success(board: Board) -> None:
    for verdict, state in STATES:
        done = board.publish(verdict)
        assert done.code == 0, done.everything
        assert board.repo.statuses["99"][-1]["state"] == state
        assert len(board.bodies) == 1
        assert verdict.upper() in board.bodies[0]
    last = board.repo.statuses["99"][-1]
    assert last["auto_inactive"] is False
    assert last["log_url"].endswith(f"/{board.name}/actions/runs/55")


@pytest.mark.parametrize("content", [None, "", "{", "[]", '{"error": {"what": "x"}}'])
def test_where_there_is_no_verdict_it_is_an_error_and_said_to_be(board: Board, content: str | None) -> None:
    board.publish(None)
    if content is not None:
        (board.folder / "verdict.json").write_text(content)
    done = board.cli.run("publish", "verdict.json", "--deployment", "99", "--release", COMMIT)
    assert done.code == 0, done.everything
    assert board.repo.statuses["99"][-1]["state"] == "error"
    assert "no verdict" in board.bodies[0]


def test_what_a_person_wrote_under_the_same_mark_stays(board: Board) -> None:
    assert board.publish("pass").code == 0
    theirs = {"id": 1, "user": {"type": "User"}, "body": board.bodies[0]}
    board.repo.comments["7"] = [theirs]
    assert board.publish("fail").code == 0
    assert board.repo.comments["7"][0] == theirs
    assert len(board.bodies) == 2


def test_components_have_a_comment_each(board: Board) -> None:
    for component in ("web", "functions", "web"):
        assert board.publish("pass", component=component).code == 0
    assert len(board.bodies) == 2


def test_a_place_that_refuses_keeps_no_other_from_hearing(board: Board) -> None:
    board.repo.pulls[COMMIT] = [7]
    done = board.publish("fail", "--json")
    assert done.json == {"state": "failure", "deployment": "99", "pull_requests": [7], "problems": []}
    board.cli = Commands(board.folder, {**board.cli.environ, "GITHUB_REPOSITORY": "lovendo/nowhere"})
    done = board.publish("fail", "--json")
    assert done.code == 5
    assert len(done.json["problems"]) == 1  # a commit that is of no repository has no pull request


def test_outside_of_a_job_or_for_a_pull_request_nothing_is_published(board: Board) -> None:
    event = board.folder / "event.json"
    event.write_text(json.dumps({"pull_request": {"head": {}}}))
    run = {"GITHUB_ACTIONS": "true", "GITHUB_EVENT_NAME": "pull_request", "GITHUB_EVENT_PATH": str(event)}
    board.publish(None)
    assert board.cli.run("publish", "verdict.json", "--deployment", "99", **run).code == 4
    board.cli = Commands(board.folder, {"GITHUB_TOKEN": board.cli.environ["GITHUB_TOKEN"]})
    done = board.publish("pass")
    assert (done.code, "GITHUB_REPOSITORY" in done.err) == (2, True)
    assert len(board.repo.statuses["99"]) == 1  # the first, before
