"""What is published: under which names, from which files, and with which list of parts."""

from __future__ import annotations

import importlib.util
import re
import tomllib
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[2]
_spec = importlib.util.spec_from_file_location("release", ROOT / "release.py")
assert _spec is not None
assert _spec.loader is not None
release = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(release)

WRITER = "./writer"
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]


def test_only_the_version_that_the_code_has_is_built_for_a_tag():
    version = release.version_of(ROOT)
    assert release.problem_with(f"v{version}") is None
    assert release.problem_with(None) is None
    assert version in release.problem_with("v99.0.0")


def test_a_name_that_belongs_to_others_is_never_built(monkeypatch):
    for name in ("releaseguard", "releaseguard-cli"):
        monkeypatch.setattr(release, "name_of", lambda _folder, name=name: name)
        assert "another project" in release.problem_with(None)


def test_the_list_of_parts_has_every_pin_with_its_digests():
    pins = (ROOT / "requirements.txt").read_text(encoding="utf-8")
    parts = {part["name"]: part for part in release.sbom(pins, "1.0")["components"]}
    assert len(parts) == len(re.findall(r"^[A-Za-z0-9].*==", pins, re.MULTILINE))
    assert all(part["hashes"] and part["purl"] == f"pkg:pypi/{name}@{part['version']}" for name, part in parts.items())
    assert {"click", "httpx2", "pynacl"} <= set(parts)


def test_every_python_that_is_tested_is_promised_and_the_other_way_round():
    workflow = yaml.safe_load((ROOT / ".github" / "workflows" / "test.yml").read_text(encoding="utf-8"))
    tested = workflow["jobs"]["pythons"]["strategy"]["matrix"]["python"]
    promised = [line.rsplit(" ", 1)[1] for line in PROJECT["classifiers"] if re.search(r":: 3\.\d+$", line)]
    assert promised == tested
    assert PROJECT["requires-python"] == f">={tested[0]}"


def test_nothing_is_published_with_a_stored_token_and_all_of_it_is_attested():
    workflow = yaml.safe_load((ROOT / ".github" / "workflows" / "publish.yml").read_text(encoding="utf-8"))
    build, publish = workflow["jobs"]["build"], workflow["jobs"]["publish"]
    assert publish["permissions"] == {"id-token": "write"}
    assert publish["environment"] == "pypi"
    used = [step.get("uses", "").partition("@")[0] for step in [*build["steps"], *publish["steps"]]]
    assert {"actions/attest-build-provenance", "actions/attest-sbom", "pypa/gh-action-pypi-publish"} <= set(used)
    assert "secrets." not in (ROOT / ".github" / "workflows" / "publish.yml").read_text(encoding="utf-8")


@pytest.mark.parametrize("path", sorted((ROOT / ".github" / "workflows").glob("*.yml")), ids=lambda path: path.name)
def test_every_action_of_ours_is_pinned_to_a_commit(path):
    uses = re.findall(r"uses: (\S+)", path.read_text(encoding="utf-8"))
    assert all(re.search(r"@[0-9a-f]{40}$", one) for one in uses)


def test_each_hook_runs_a_command_that_there_is():
    from releaseguard.cli.main import COMMANDS

    hooks = yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text(encoding="utf-8"))
    assert {hook["entry"].split()[1] for hook in hooks} <= set(COMMANDS)
    wanted = [re.split(r"[><=]", one)[0] for one in PROJECT["optional-dependencies"]["coverage"]]
    assert hooks[0]["additional_dependencies"] == [WRITER, *wanted]
    assert hooks[1]["additional_dependencies"] == [WRITER]


def test_a_hook_finds_all_of_the_project_in_its_own_clone():
    """No index need have the writer: pre-commit runs `pip install . ./writer` at the top of the clone."""
    wanted = tomllib.loads((ROOT / WRITER / "pyproject.toml").read_text(encoding="utf-8"))["project"]["name"]
    assert wanted in {re.split(r"[><=]", one)[0] for one in PROJECT["dependencies"]}


def test_the_container_installs_what_is_pinned_as_a_user_without_rights():
    lines = (ROOT / "Containerfile").read_text(encoding="utf-8").splitlines()
    installs = [line for line in lines if line.startswith("RUN") and "pip install" in line]
    assert "--require-hashes --requirement requirements.txt" in installs[0]
    assert "--no-deps --no-build-isolation ./writer ." in installs[1]
    assert lines.index("USER 10001") > max(n for n, line in enumerate(lines) if line.startswith(("RUN", "COPY")))
