from __future__ import annotations

import pytest

from tests.support.commands import Commands


@pytest.fixture
def cli(tmp_path):
    return Commands(tmp_path, {"TMPDIR": str(tmp_path)})


def test_the_demo_tells_its_whole_story_and_leaves_nothing_behind(cli, tmp_path):
    done = cli.run("demo", "--json")
    assert done.code == 0, done.everything
    told = [(step["result"].get("state") or step["result"].get("verdict")) for step in done.json["steps"]]
    assert told == ["PROVEN", "RETIRED", "pass", "fail", None]
    assert not list(tmp_path.glob("releaseguard-demo-*"))


def test_one_scenario_can_be_picked_and_its_files_kept(cli, tmp_path):
    done = cli.run("demo", "--scenario", "release", "--keep")
    assert done.code == 0, done.everything
    assert "PASS" in done.out
    assert "FAIL" in done.out
    (folder,) = tmp_path.glob("releaseguard-demo-*")
    assert {path.name for path in folder.iterdir()} >= {"releaseguard.toml", "releaseguard.db"}
    assert cli.run("events", "list", "--limit", "3", "--config", str(folder / "releaseguard.toml")).code == 0


def test_an_unknown_scenario_is_a_usage_error(cli):
    assert cli.run("demo", "--scenario", "lea").code == 2
