"""The parts of an app, as its folders and workflows show them, and the step that marks each deployment."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path

import pytest
import yaml

from releaseguard.compose.known.onboarding import service_parts
from releaseguard.init.answers import Answers, guess
from releaseguard.init.components import EXAMPLE, parts_of, section, step_for
from releaseguard.init.text import render
from tests.support.commands import Commands

PARTS = service_parts()
REST = "https://abcdefghijklmnopqrst.supabase.co"


def function(root: Path, *names: str) -> None:
    for name in names:
        (root / "supabase" / "functions" / name).mkdir(parents=True)
        (root / "supabase" / "functions" / name / "index.ts").write_text("Deno.serve(() => new Response());")


def package(root: Path, place: str, **said: dict[str, str]) -> None:
    (root / place).mkdir(parents=True)
    (root / place / "package.json").write_text(json.dumps(said))


def workflow(root: Path, name: str, run: str) -> None:
    folder = root / ".github" / "workflows"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_text(f"jobs:\n  a:\n    steps:\n      # - run: eas build\n      - run: {run}\n")


@pytest.fixture
def app(tmp_path: Path) -> Path:
    function(tmp_path, "sendgrid-email", "geocode", "_shared")
    (tmp_path / "supabase" / "functions" / "notes").mkdir()
    package(tmp_path, "apps/admin", dependencies={"next": "15"})
    package(tmp_path, "apps/mobile", dependencies={"expo": "52"})
    package(tmp_path, "services/job-queue", scripts={"start": "node ."})
    package(tmp_path, "services/shared", scripts={"build": "tsc"})
    workflow(tmp_path, "functions.yml", "supabase functions deploy geocode")
    workflow(tmp_path, "migrations.yaml", "supabase db push --linked")
    workflow(tmp_path, "app.yml", "eas build --platform ios")
    workflow(tmp_path, "test.yml", "pnpm test")
    return tmp_path


def test_functions_web_phones_and_services_are_parts(app):
    parts = {one.name: (one.sources, [Path(name).name for name in one.workflows]) for one in parts_of(app, PARTS)}
    assert parts == {
        "functions": (["geocode", "sendgrid-email"], ["functions.yml", "migrations.yaml"]),
        "admin": (("admin",), []),
        "client": (("client",), ["app.yml"]),
        "job-queue": (("job-queue",), []),
    }
    said = tomllib.loads(section(parts_of(app, PARTS)))["components"]
    assert said == {"functions": ["geocode", "sendgrid-email"], "admin": ["admin"], "job-queue": ["job-queue"]}


def test_one_part_alone_is_the_app(tmp_path):
    assert parts_of(tmp_path, PARTS) == ()
    function(tmp_path, "geocode")
    assert parts_of(tmp_path, PARTS) == ()


def test_a_source_of_two_parts_is_nobodys_to_guess(app):
    package(app, "apps/geocode", dependencies={"next": "15"})
    assert parts_of(app, PARTS) == ()


def test_the_step_is_yaml_with_what_the_log_needs(app):
    part = parts_of(app, PARTS)[0]
    [step] = yaml.safe_load(step_for(part, REST, PARTS.log))
    assert step["with"] == {"command": "events deployed --component functions --release ${{ github.sha }}"}
    assert step["env"]["SUPABASE_URL"] == REST
    [other] = yaml.safe_load(step_for(part, "${RELEASEGUARD_EVENTS_URL}", PARTS.log))
    assert list(other["env"]) == ["RELEASEGUARD_EVENTS_URL"]


def test_the_example_stands_where_nothing_is_known(tmp_path):
    services = guess(tmp_path, PARTS).answers("production")
    assert EXAMPLE in render(Answers(name="a", services=services), PARTS)


def test_init_writes_the_section_and_prints_each_step(app):
    cli = Commands(app, {})
    done = cli.run("init", "--yes")
    assert done.code == 0, done.everything
    assert "functions.yml, .github/workflows/migrations.yaml:" in done.out.replace("\n", " ")
    assert "--component admin|job-queue" in done.out.replace("\n", " ")
    (app / "releaseguard.toml").rename(app / "first.toml")
    rows = cli.run("init", "--yes", "--json").json["components"]
    assert [row["name"] for row in rows] == ["functions", "admin", "client", "job-queue"]
    assert cli.run("events", "migrate").code == 0
    assert cli.run("events", "deployed", "--component", "functions", "--release", "abcdef1").code == 0
