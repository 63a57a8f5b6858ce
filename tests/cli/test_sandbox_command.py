"""``sandbox``: what it prints can be run as printed, and somebody in another terminal can play with it."""

from __future__ import annotations

import json
import os
import shlex
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from releaseguard.cli.setup.sandbox import ACTS, WITHOUT_PROVIDER
from releaseguard.sandbox import hands
from tests.support.commands import Commands


@contextmanager
def playing(folder: Path, *flags: str) -> Iterator[subprocess.Popen[str]]:
    """A sandbox with an hour behind it, stopped by Ctrl-C."""
    process = Commands(folder, {"TMPDIR": str(folder)}).start("sandbox", "--history", "1h", *flags)
    try:
        yield process
    finally:
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=60)
    assert (process.returncode, "Traceback" in errors) == (130, False), errors


def test_every_command_that_it_prints_works_as_printed(tmp_path: Path) -> None:
    with playing(tmp_path, "--folder", str(tmp_path / "my play")) as process:
        printed = _printed(process.stdout)
        source, *commands = printed
        there = Commands(tmp_path, environment := _environment_after(source))
        assert environment.keys().isdisjoint({"INFISICAL_TOKEN", "RELEASEGUARD_SIGNING_KEY"})
        assert shutil.which("releaseguard", path=environment["PATH"]) == str(
            Path(sys.executable).parent / "releaseguard"
        )
        for line in commands:
            program, *arguments = shlex.split(line)
            done = there.run(*arguments)
            assert program == "releaseguard"
            assert done.code in _WELL.get(arguments[-1], _WELL.get(arguments[0], {0})), f"{line}\n{done.everything}"
    gone = there.run("sandbox", "heal")
    assert (gone.code, "next:" in gone.err) == (5, True)


_WELL = {"verify": {0, 3}, "incident": {0, 1, 3}, "health": {0, 3}, "--confirm-revoked": {4}}
"""How the commands may end that say how the app is, which is all well but for what was broken; and the one that asks a
person, for the old key was used just now."""


def _printed(stream: Iterator[str]) -> list[str]:
    lines: list[str] = []
    for line in stream:
        if line.startswith("Ctrl-C"):
            return lines
        if line.startswith("  "):
            lines.append(line.strip())
    raise AssertionError("the sandbox ended")


def _environment_after(source: str) -> dict[str, str]:
    """What a shell's commands get that holds what the real thing needs, and has run the line."""
    show = "import json, os; print(json.dumps(dict(os.environ)))"
    line = f"{source} && {shlex.quote(sys.executable)} -c {shlex.quote(show)}"
    real = {"PATH": os.environ["PATH"], "INFISICAL_TOKEN": "a real one", "RELEASEGUARD_SIGNING_KEY": "ours"}
    done = subprocess.run(["sh", "-ec", line], env=real, capture_output=True, text=True, check=True)
    return json.loads(done.stdout)


def test_json_gives_the_same_environment_and_its_files_are_private(tmp_path: Path) -> None:
    with playing(tmp_path, "--folder", str(tmp_path / "play"), "--no-traffic", "--json") as process:
        document = _first_document(process.stdout)
        script = Path(document["folder"]) / "environment.sh"
        assert document["environment"].items() <= _environment_after(f". {script}").items()
        assert script.stat().st_mode & 0o077 == 0
        done = Commands(tmp_path, document["environment"]).run("sandbox", "new-key", "openai", "--json")
        assert done.json == {"act": "new-key", "provider": "openai", "done": done.json["done"]}
        wrong = Commands(tmp_path, document["environment"]).run("sandbox", "use", "opnai")
        assert (wrong.code, "openai" in wrong.err) == (2, True)


def _first_document(stream: Iterator[str]) -> dict[str, dict[str, str]]:
    text = ""
    for line in stream:
        text += line
        if line == "}\n":
            return json.loads(text)
    raise AssertionError(f"the sandbox ended: {text}")


def test_a_configuration_that_is_there_is_not_overwritten(tmp_path: Path) -> None:
    (tmp_path / "releaseguard.toml").write_text("# mine\n")
    done = Commands(tmp_path, {}).run("sandbox", "--folder", str(tmp_path))
    assert done.code == 4
    assert (tmp_path / "releaseguard.toml").read_text() == "# mine\n"


@pytest.mark.parametrize(
    "address", ["", "https://127.0.0.1:1", "http://example.com", "http://127.0.0.1.example.com:80"]
)
def test_no_other_place_is_told_what_to_do(tmp_path: Path, address: str) -> None:
    done = Commands(tmp_path, {"RELEASEGUARD_SANDBOX": address} if address else {}).run("sandbox", "heal")
    assert (done.code, "environment.sh" in done.err) == (2, True)


@pytest.mark.parametrize("arguments", [("use",), ("break",), ("dance",), ("heal", "sendgrid", "more")])
def test_what_makes_no_sense_is_a_usage_error(tmp_path: Path, arguments: tuple[str, ...]) -> None:
    assert Commands(tmp_path, {}).run("sandbox", *arguments).code == 2


def test_help_names_everything_that_can_be_asked_for(tmp_path: Path) -> None:
    told = Commands(tmp_path, {}).run("sandbox", "--help").out
    assert (set(ACTS), WITHOUT_PROVIDER) == (set(hands.ACTS), hands.WITHOUT_PROVIDER)
    assert [act for act in ACTS if f"  {act} " not in told] == []
