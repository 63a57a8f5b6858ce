"""The recipe of ``docs/development.md``: a folder and a line add a service, and nothing else has to be edited."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import threading
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from releaseguard.eventlog.stores.sqlite import SqliteEventLog
from releaseguard.model import Event, Outcome, new_id, utc_now
from releaseguard.sandbox.world import World
from tests.services.stand_ins import NetlifyStandIn

CHECKOUT = Path(__file__).parents[2]
RECIPE = (CHECKOUT / "docs" / "development.md").read_text(encoding="utf-8")

NETLIFY = """
[netlify]
account = "team"
[providers.sendgrid]
destinations = ["netlify:shop"]
"""
OPENBAO = """
[openbao]
url = "http://127.0.0.1:1"
mount = "kv"
[providers.sendgrid]
destinations = ["github:lovendo/app"]
"""


def steps_for(name: str) -> list[str]:
    """The shell's lines of the recipe for one of the examples."""
    return [line.strip() for line in RECIPE.splitlines() if line.startswith("    ") and name in line]


def contents(folder: Path) -> dict[str, str]:
    return {str(path.relative_to(folder)): path.read_text(encoding="utf-8") for path in sorted(folder.rglob("*.py"))}


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    for part in ("src/releaseguard", "writer/src/releaseguard_events", "checks", "tests/services/examples"):
        shutil.copytree(CHECKOUT / part, tmp_path / part, ignore=shutil.ignore_patterns("__pycache__"))
    return tmp_path


def added(copy: Path, name: str) -> None:
    """Carry the recipe out; it makes one folder and one line."""
    before = contents(copy / "src")
    steps = steps_for(name)
    assert len(steps) == 2
    for step in steps:
        subprocess.run(step, shell=True, cwd=copy, check=True)
    after = contents(copy / "src")
    new, changed = after.keys() - before.keys(), [path for path in before if before[path] != after[path]]
    assert all(path.startswith(f"releaseguard/services/{name}/") for path in new)
    assert changed == ["releaseguard/services/__init__.py"]
    lines = [line for line in after[changed[0]].splitlines() if line not in before[changed[0]].splitlines()]
    assert lines == [f'    "{name}",']


def command(copy: Path, *words: str, **environ: str) -> subprocess.CompletedProcess[str]:
    """A command of the copy, in a process of its own."""
    sources = os.pathsep.join(str(copy / part) for part in ("src", "writer/src"))
    return subprocess.run(
        [sys.executable, "-m", "releaseguard", *words],
        cwd=copy,
        env={"PATH": os.environ["PATH"], "HOME": str(copy), "PYTHONPATH": sources, **environ},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def doctor(copy: Path, configuration: str, **environ: str) -> dict[str, dict[str, str]]:
    """What ``doctor`` of the copy finds, by the check's id."""
    (copy / "releaseguard.toml").write_text(configuration, encoding="utf-8")
    done = command(copy, "doctor", "--json", **environ)
    assert done.returncode == 1, done.stdout + done.stderr
    return {row["id"]: row for row in json.loads(done.stdout)["checks"]}


def test_a_destination_is_a_folder_and_a_line(copy: Path) -> None:
    added(copy, "netlify")
    found = doctor(copy, NETLIFY)
    assert found["configuration.providers.destinations"]["status"] == "ok"
    assert found["hosts.netlify"]["status"] == "ok"
    assert "NETLIFY_AUTH_TOKEN" in found["credentials.netlify"]["what"]
    assert found["netlify.netlify:shop"]["group"] == "netlify"


def first_configuration(copy: Path, *flags: str) -> tuple[dict[str, Any], str]:
    """What ``init`` of the copy answers, and the file that it writes."""
    done = command(copy, "init", "--yes", "--json", *flags)
    assert done.returncode == 0, done.stdout + done.stderr
    return json.loads(done.stdout), (copy / "releaseguard.toml").read_text(encoding="utf-8")


def test_init_recognises_a_destination_that_was_added(copy: Path) -> None:
    added(copy, "netlify")
    (copy / ".netlify").mkdir()
    (copy / ".netlify" / "state.json").write_text('{"siteId": "shop-1"}', encoding="utf-8")
    said, text = first_configuration(copy, "--netlify-account", "team", "--provider", "sendgrid")
    assert said["answers"]["netlify_account"] == "team"
    assert tomllib.loads(text)["netlify"] == {"url": "https://api.netlify.com", "account": "team"}
    assert tomllib.loads(text)["providers"]["sendgrid"]["destinations"] == ["netlify:shop-1"]
    assert '# "netlify:shop-1" = ["web"]' in text
    assert 'supabase:REF   netlify:SITE    each may end with " as NAME"' in text


def test_init_writes_the_section_of_a_vault_that_was_added(copy: Path) -> None:
    added(copy, "openbao")
    said, text = first_configuration(copy, "--openbao-mount", "kv")
    assert tomllib.loads(text)["openbao"]["mount"] == "kv"
    assert "SYNTHETIC_USER_PASSWORD in OpenBao" in text
    assert said["fill_in"] == ["[providers.NAME] destinations"]


SHOP = """
[project]
name = "shop"
environment = "production"
[events]
url = "sqlite:///releaseguard.db"
[infisical]
url = "{infisical}"
project_id = "{project}"
environment = "prod"
[netlify]
url = "{netlify}"
account = "team"
[providers.sendgrid]
destinations = ["netlify:shop"]
[providers.sendgrid.sources]
"netlify:shop" = ["shop"]
"""


@contextmanager
def mails(netlify: NetlifyStandIn, log: SqliteEventLog) -> Iterator[None]:
    """The shop sends mails with what its site holds, and logs each, while this lasts."""
    over = threading.Event()

    def send() -> None:
        while not over.wait(0.05):
            version = netlify.environment("shop")["SENDGRID_API_KEY_VERSION"]
            log.append([mail(version)])

    thread = threading.Thread(target=send)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def mail(version: str) -> Event:
    return Event(
        id=new_id(),
        occurred_at=utc_now(),
        provider="sendgrid",
        event="sendgrid_email_sent",
        outcome=Outcome.SUCCESS,
        environment="production",
        source="shop",
        detail={"secret_version": version},
    )


def test_a_leaked_key_is_rotated_at_a_destination_that_was_added(copy: Path) -> None:
    added(copy, "netlify")
    with World() as world, NetlifyStandIn() as netlify, SqliteEventLog(copy / "releaseguard.db") as log:
        log.migrate()
        netlify.sites["shop"] = {}
        netlify.put("shop", "SENDGRID_API_KEY", world.infisical.value("SENDGRID_API_KEY"))
        netlify.put("shop", "SENDGRID_API_KEY_VERSION", "1")
        world.new_key("SENDGRID_API_KEY")
        urls = {"infisical": world.infisical.url, "netlify": netlify.url}
        (copy / "releaseguard.toml").write_text(SHOP.format(project=world.infisical.project_id, **urls), "utf-8")
        environ = {**world.environ(), "NETLIFY_AUTH_TOKEN": netlify.token}
        with mails(netlify, log):
            flags = ("--leak", "--reason", "in a gist", "--yes", "--prove-within", "20s", "--json")
            done = command(copy, "rotate", "sendgrid", *flags, **environ)
        assert done.stdout, done.stderr
        assert json.loads(done.stdout)["state"] == "PROVEN", done.stdout + done.stderr
        held = netlify.environment("shop")
        assert held == {
            "SENDGRID_API_KEY": world.infisical.value("SENDGRID_API_KEY"),
            "SENDGRID_API_KEY_VERSION": "2",
        }


def test_a_credential_of_it_goes_to_its_own_host_alone(copy: Path) -> None:
    added(copy, "netlify")
    elsewhere = NETLIFY.replace("[netlify]", '[netlify]\nurl = "https://elsewhere.example"')
    problem = doctor(copy, elsewhere, NETLIFY_AUTH_TOKEN="t")["hosts.netlify"]
    assert problem["status"] == "fail"
    assert "NETLIFY_AUTH_TOKEN" in problem["what"]
    assert "RELEASEGUARD_TRUSTED_HOSTS=elsewhere.example" in problem["fix"]


def test_a_second_vault_is_a_folder_and_a_line(copy: Path) -> None:
    added(copy, "openbao")
    found = doctor(copy, OPENBAO)
    assert "BAO_TOKEN" in found["credentials.openbao"]["what"]
    assert found["openbao.login"]["group"] == "openbao"
    assert not [name for name in found if name.startswith("infisical.")]


def test_two_vaults_at_once_are_a_configuration_error(copy: Path) -> None:
    added(copy, "openbao")
    (copy / "releaseguard.toml").write_text(f'[infisical]\nproject_id = "p"\n{OPENBAO}', encoding="utf-8")
    done = command(copy, "drift", RELEASEGUARD_GITHUB_TOKEN="t")
    assert done.returncode == 2, done.stderr
    assert "infisical and openbao" in done.stderr
