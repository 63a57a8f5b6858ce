from __future__ import annotations

from datetime import timedelta

import pytest

from releaseguard.sandbox import seed
from tests.support import extent
from tests.support.commands import Commands


@pytest.fixture
def cli(tmp_path, monkeypatch):
    """A plain run has two days behind it, ``--full`` the whole week."""
    if not extent.is_whole():
        monkeypatch.setattr(seed, "WEEK", timedelta(days=2))
    return Commands(tmp_path, {"TMPDIR": str(tmp_path)})


def test_the_demo_tells_its_whole_story_and_leaves_nothing_behind(cli, tmp_path):
    done = cli.run("demo", "--json")
    assert done.code == 0, done.everything
    told = [(step["result"].get("state") or step["result"].get("verdict")) for step in done.json["steps"]]
    assert told == ["PROVEN", "RETIRED", "pass", "fail", None]
    assert not list(tmp_path.glob("releaseguard-demo-*"))


@pytest.mark.parametrize(
    ("scenario", "told"),
    [
        ("leak", {"PROVEN", "leak_exposure", "Sızan anahtar her yerde değiştirildi", "kanıt: derece A"}),
        pytest.param(
            "release",
            {"PASS", "FAIL", "İyi bir sürüm"},
            marks=pytest.mark.full("a week is seeded for two verdicts, which the whole story reaches as well"),
        ),
    ],
)
def test_one_scenario_can_be_picked_its_files_kept_and_all_of_it_told_in_turkish(cli, tmp_path, scenario, told):
    done = cli.run("demo", "--scenario", scenario, "--keep", "--lang", "tr")
    assert done.code == 0, done.everything
    assert {words for words in told if words in done.out} == told
    (folder,) = tmp_path.glob("releaseguard-demo-*")
    assert {path.name for path in folder.iterdir()} >= {"releaseguard.toml", "releaseguard.db"}
    assert cli.run("events", "list", "--limit", "3", "--config", str(folder / "releaseguard.toml")).code == 0


def test_an_unknown_scenario_is_a_usage_error(cli):
    assert cli.run("demo", "--scenario", "lea").code == 2
