"""The app's writer over the network: Postgres, and REST's stand-in; away and back; in a forked worker."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from releaseguard.eventlog.interface import Query

PRELUDE = "import os, sys\nfrom releaseguard import flush, log_integration_event as note\n"
FORKING = """
note('p', 'before', 'success')
assert flush(30)
child = os.fork()
note('p', 'child' if child == 0 else 'parent', 'success')
ok = flush(30)
if child == 0:
    sys.exit(0 if ok else 1)
assert os.waitpid(child, 0)[1] == 0
note('p', 'after the child has gone', 'success')
assert ok and flush(30)
"""


def run(code: str, folder: Path, **environ: str) -> subprocess.CompletedProcess[str]:
    kept = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    (folder / "releaseguard.toml").write_text("[network]\ntimeout = '2s'\npatience = '2s'\n")
    return subprocess.run(
        [sys.executable, "-c", PRELUDE + code],
        cwd=folder,
        env=kept | {"RELEASEGUARD_SPOOL_DIR": str(folder / "spool")} | environ,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def address(store: Any) -> dict[str, str]:
    if store.kind == "rest":
        return {"RELEASEGUARD_EVENTS_URL": store.project.url, "SUPABASE_SERVICE_ROLE_KEY": store.project.key}
    return {"RELEASEGUARD_EVENTS_URL": store.url}


@pytest.fixture(params=["postgres_store", "rest_store"])
def remote(request: pytest.FixtureRequest) -> Any:
    made = request.getfixturevalue(request.param)
    made.log()
    return made


def test_parent_and_forked_child_write_without_disturbing_each_other(remote: Any, tmp_path: Path) -> None:
    done = run(FORKING, tmp_path, **address(remote))
    assert done.returncode == 0, done.stderr
    assert sorted(row.event for row in remote.log().select(Query())) == [
        "after the child has gone", "before", "child", "parent",
    ]  # fmt: skip


def test_what_waited_while_the_store_was_away_is_replayed_once(remote: Any, tmp_path: Path) -> None:
    log = remote.log()
    remote.sql("ALTER TABLE integration_events RENAME TO gone")
    done = run(
        "for n in range(20): note('p', f'e{n:02}', 'success')\nassert not flush(30)", tmp_path, **address(remote)
    )
    assert done.returncode == 0, done.stderr
    assert "kept in" in done.stderr
    remote.sql("ALTER TABLE gone RENAME TO integration_events")
    for _ in range(2):
        assert run("note('p', 'next', 'success')\nassert flush(30)", tmp_path, **address(remote)).returncode == 0
    assert [row.event for row in log.select(Query())] == [f"e{n:02}" for n in range(20)] + ["next", "next"]


def test_a_wrong_password_is_not_in_what_is_said(postgres_store: Any, tmp_path: Path) -> None:
    done = run(
        "note('p', 'e', 'success')\nassert not flush(30)",
        tmp_path,
        RELEASEGUARD_EVENTS_URL="postgresql://nobody:Hunter2Hunter2@127.0.0.1:1/none",
    )
    assert done.returncode == 0, done.stderr
    assert "does not take events" in done.stderr
    assert "Hunter2" not in done.stderr
