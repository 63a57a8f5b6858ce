from __future__ import annotations

import base64
import subprocess

import pytest

from releaseguard.errors import ConfigError
from releaseguard.leaks.interface import Needle
from releaseguard.leaks.repository import GitRepository
from releaseguard.secret import Secret

VALUE = 'SG.can/ary+"value" 5521'
NEEDLES = [Needle("SENDGRID_API_KEY", 2, Secret(VALUE))]


@pytest.fixture
def repo(tmp_path):
    def git(*arguments: str) -> str:
        identity = ["-c", "user.name=t", "-c", "user.email=t@example.org", "-c", "commit.gpgsign=false"]
        done = subprocess.run(["git", *identity, *arguments], cwd=tmp_path, check=True, capture_output=True, text=True)
        return done.stdout.strip()

    git("init", "-q", "-b", "main")
    git.root = tmp_path
    (tmp_path / "readme").write_text("nothing here\n")
    git("add", ".")
    git("commit", "-qm", "first")
    return git


def commit(repo, name: str, text: str | None) -> str:
    path = repo.root / name
    path.unlink() if text is None else path.write_text(text)
    repo("add", "-A")
    repo("commit", "-qm", name)
    return repo("rev-parse", "HEAD")


def search(repo):
    return GitRepository(repo.root).search(NEEDLES)


def test_a_clean_repository_has_no_hit(repo):
    assert search(repo) == []


def test_a_value_in_the_working_tree_is_found_with_its_line(repo):
    (repo.root / "new.env").write_text(f"# first\nKEY={VALUE}\n")
    assert [(h.path, h.line, h.form, h.commit) for h in search(repo)] == [("new.env", 2, "plain", None)]


def test_a_value_that_was_committed_and_removed_is_found_with_the_commit_that_brought_it(repo):
    brought = commit(repo, "old.env", f"KEY={VALUE}\n")
    commit(repo, "old.env", None)
    assert [(h.path, h.line, h.commit) for h in search(repo)] == [("old.env", 1, brought)]


def test_it_is_found_in_a_packed_history_too(repo):
    brought = commit(repo, "old.env", f"KEY={VALUE}\n")
    commit(repo, "old.env", None)
    repo("gc", "-q", "--aggressive", "--prune=now")
    assert [h.commit for h in search(repo)] == [brought]


def test_a_value_on_a_branch_that_was_deleted_is_found(repo):
    repo("checkout", "-qb", "side")
    commit(repo, "side.env", VALUE)
    repo("checkout", "-q", "main")
    repo("branch", "-qD", "side")
    assert [h.commit for h in search(repo)] == ["unreachable"]


@pytest.mark.parametrize(
    ("form", "text"),
    [
        ("base64", base64.b64encode(VALUE.encode()).decode()),
        ("url", "SG.can%2Fary%2B%22value%22%205521"),
        ("json", 'SG.can/ary+\\"value\\" 5521'),
    ],
)
def test_other_ways_of_writing_the_value_are_found(repo, form, text):
    (repo.root / "f").write_text(f"x {text} y")
    assert [h.form for h in search(repo)] == [form]


def test_an_ignored_file_is_not_in_the_repository(repo):
    (repo.root / ".gitignore").write_text("*.local\nnode_modules/\n")
    (repo.root / "dev.local").write_text(VALUE)
    (repo.root / "node_modules").mkdir()
    (repo.root / "node_modules" / "x").write_text(VALUE)
    assert search(repo) == []


def test_a_value_that_came_in_with_a_merge_is_found(repo):
    repo("checkout", "-qb", "side")
    brought = commit(repo, "side.env", VALUE)
    repo("checkout", "-q", "main")
    commit(repo, "other", "x")
    repo("merge", "-q", "--no-ff", "-m", "merge", "side")
    (repo.root / "side.env").write_text("gone")
    assert {h.commit for h in search(repo)} == {brought}


def test_a_folder_that_is_no_repository_is_said_to_be_none(tmp_path):
    with pytest.raises(ConfigError, match="not a git repository"):
        GitRepository(tmp_path).search(NEEDLES)


def test_a_short_value_is_not_searched_for(repo):
    (repo.root / "f").write_text("short")
    assert GitRepository(repo.root).search([Needle("X", 1, Secret("short"))]) == []
