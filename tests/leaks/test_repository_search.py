from __future__ import annotations

import base64
import os
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
    return GitRepository(repo.root).search(NEEDLES).hits


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


def test_a_short_value_is_not_searched_for_and_that_is_said(repo):
    (repo.root / "f").write_text("short")
    searched = GitRepository(repo.root).search([Needle("X", 1, Secret("short"))])
    assert searched.hits == []
    assert searched.left_out == ["X version 1 has fewer than 8 characters and was not looked for"]


def test_messages_and_names_are_searched_too(repo):
    plain = [Needle("KEY", 2, Secret("a1b2c3d4e5f6g7h8"))]
    (repo.root / "a1b2c3d4e5f6g7h8.txt").write_text("x")
    repo("add", "-A")
    repo("commit", "-qm", "title\n\nthe key was a1b2c3d4e5f6g7h8")
    repo("tag", "-a", "v1", "-m", "a1b2c3d4e5f6g7h8")
    repo("branch", "fix/a1b2c3d4e5f6g7h8")
    hits = GitRepository(repo.root).search(plain).hits
    assert sorted({hit.path for hit in hits}) == [
        "(commit message)",
        "(message of a tag)",
        "(name of a branch or tag)",
        "(name of a file)",
    ]
    assert [hit.line for hit in hits if hit.path == "(commit message)"] == [3]


def test_a_path_that_holds_the_value_is_not_printed(repo):
    plain = [Needle("KEY", 2, Secret("a1b2c3d4e5f6g7h8"))]
    commit(repo, "a1b2c3d4e5f6g7h8.env", "KEY=a1b2c3d4e5f6g7h8")
    assert "a1b2c3d4e5f6g7h8" not in str(GitRepository(repo.root).search(plain))


def test_a_tag_alone_reaches_the_commit_that_brought_it(repo):
    repo("checkout", "-qb", "side")
    brought = commit(repo, "side.env", VALUE)
    repo("tag", "-a", "v1", "-m", "one")
    repo("checkout", "-q", "main")
    repo("branch", "-qD", "side")
    assert [(h.path, h.commit) for h in search(repo)] == [("side.env", brought)]


def test_what_is_staged_and_never_committed_is_told_by_its_path(repo):
    (repo.root / "staged.env").write_text(VALUE)
    repo("add", "-A")
    (repo.root / "staged.env").unlink()
    assert [(h.path, h.commit) for h in search(repo)] == [("staged.env", "staged")]


def test_a_file_that_was_added_though_it_is_ignored_is_searched(repo):
    commit(repo, ".gitignore", "dist/\n")
    (repo.root / "dist").mkdir()
    (repo.root / "dist/bundle.js").write_text(VALUE)
    repo("add", "-f", "dist/bundle.js")
    assert "dist/bundle.js" in [h.path for h in search(repo) if h.commit is None]


def test_a_folder_of_the_repository_stands_for_all_of_it(repo):
    (repo.root / "app").mkdir()
    commit(repo, "old.env", VALUE)
    assert [h.path for h in GitRepository(repo.root / "app").search(NEEDLES).hits if h.commit is None] == ["old.env"]


def test_a_hundred_versions_of_a_file_are_one_finding_of_the_first(repo):
    first = commit(repo, "f.env", f"{VALUE}\n")
    for change in range(3):
        commit(repo, "f.env", f"{VALUE}\n{change}\n")
    commit(repo, "f.env", None)
    assert [h.commit for h in search(repo)] == [first]


def test_the_history_of_a_submodule_is_searched_and_one_that_is_not_here_is_told(repo, tmp_path_factory):
    other = tmp_path_factory.mktemp("other")
    subprocess.run(["git", "clone", "-q", str(repo.root), str(other)], check=True)
    brought = commit(repo, "old.env", VALUE)
    commit(repo, "old.env", None)
    add = ["-c", "protocol.file.allow=always", "submodule", "--quiet", "add", str(repo.root), "sub"]
    subprocess.run(["git", *add], cwd=other, check=True)
    assert [(h.path, h.commit) for h in GitRepository(other).search(NEEDLES).hits] == [("sub/old.env", brought)]
    subprocess.run(["git", "submodule", "--quiet", "deinit", "-f", "sub"], cwd=other, check=True)
    assert GitRepository(other).search(NEEDLES).left_out == ["submodule sub is not checked out"]


def test_a_pipe_and_a_link_in_a_circle_hold_nobody_up(repo):
    os.mkfifo(repo.root / "pipe")
    (repo.root / "up").symlink_to("..")
    (repo.root / "f").write_text(VALUE)
    assert [h.path for h in search(repo)] == ["f"]


def test_ignore_rules_that_cannot_be_read_keep_nothing_out(repo):
    (repo.root / ".gitignore").mkdir()
    (repo.root / "f").write_text(VALUE)
    assert [h.path for h in search(repo)] == ["f"]


@pytest.mark.parametrize(
    ("clone", "missing"),
    [
        (["--depth", "1"], "shallow"),
        (["--filter=blob:none"], "partial"),
        (["--filter=tree:0"], "partial"),
        (["--single-branch", "-b", "main"], "only some"),
    ],
)
def test_what_a_clone_left_behind_is_said(repo, tmp_path_factory, clone, missing):
    commit(repo, "old.env", VALUE)
    commit(repo, "old.env", None)
    repo("config", "uploadpack.allowfilter", "true")
    there = tmp_path_factory.mktemp("clone")
    subprocess.run(["git", "clone", "-q", *clone, f"file://{repo.root}", str(there)], check=True)
    searched = GitRepository(there).search(NEEDLES)
    assert not searched.whole
    assert missing in " ".join(searched.unread)
    assert searched.steps


def _break_an_object(repo) -> None:
    sha = repo("rev-parse", "HEAD:readme")
    path = repo.root / ".git/objects" / sha[:2] / sha[2:]
    path.chmod(0o644)
    path.write_bytes(b"junk")


def _break_a_pack(repo) -> None:
    repo("repack", "-adq")
    [pack] = (repo.root / ".git/objects/pack").glob("*.pack")
    pack.chmod(0o644)
    pack.write_bytes(pack.read_bytes()[:-40])


def _break_a_branch(repo) -> None:
    (repo.root / ".git/refs/heads/bad").write_text("1" * 40 + "\n")


def _garble_a_branch(repo) -> None:
    (repo.root / ".git/refs/heads/bad").write_text("garbage\n")


@pytest.mark.parametrize("break_it", [_break_an_object, _break_a_pack, _break_a_branch, _garble_a_branch])
def test_a_broken_repository_is_searched_as_far_as_it_goes_and_never_called_clean(repo, break_it):
    (repo.root / "f").write_text(VALUE)
    break_it(repo)
    searched = GitRepository(repo.root).search(NEEDLES)
    assert [hit.path for hit in searched.hits] == ["f"]
    assert not searched.whole


def test_a_format_that_cannot_be_read_is_said_with_what_to_do(repo):
    repo("config", "core.repositoryformatversion", "1")
    repo("config", "extensions.unheardof", "true")
    with pytest.raises(ConfigError, match="cannot be read here"):
        search(repo)
