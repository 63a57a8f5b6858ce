"""What a command loads before it does anything: a person waits for it, and a shell at every Tab."""

from __future__ import annotations

import subprocess
import sys

import pytest

from releaseguard.cli.main import COMMANDS

LIBRARIES = (
    "httpx2",
    "httpcore2",
    "requests",
    "github",
    "nacl",
    "jwt",
    "psycopg",
    "infisical_sdk",
    "jinja2",
    "dulwich",
)
"""Of services and documents: loaded where one is called or written."""
TOOLS = ("msgspec", "sqlite3", "json", "hashlib", "ipaddress", "urllib", "pathlib", "tempfile", "traceback", "logging")
OURS = (
    "releaseguard.secret",
    "releaseguard.settings",
    "releaseguard.services",
    "releaseguard.wiring",
    "releaseguard.http",
)
NOT_OF_HEALTH = (
    "releaseguard.compose.doctor",
    "releaseguard.compose.incident",
    "releaseguard.compose.rotation",
    "releaseguard.rotation.planning",
    "releaseguard.rotation.proof",
    "releaseguard.verification",
    "releaseguard.incident",
    "releaseguard.coverage",
    "releaseguard.sandbox",
    "releaseguard_events.stores.postgres",
    "email",
    "asyncio",
    "concurrent.futures.thread",
    "xml",
    "unittest",
    "pdb",
    "releaseguard.vault",
    "releaseguard.destinations.interface",
    "releaseguard.rotation.drift",
    "zoneinfo",
    "difflib",
    "statistics",
    "hmac",
    "hashlib",
    "releaseguard.http.client",
    "releaseguard.safemode.libpq",
    "releaseguard.eventlog.mapping.shares",
    "releaseguard.eventlog.mapping.view",
    "releaseguard_events.stores.postgres_shape",
)
"""What no table of a small log needs."""
STANDARD = ("email", "asyncio", "concurrent.futures.thread", "xml", "unittest", "multiprocessing", "subprocess")
NOT_OF = {
    "status": (
        *LIBRARIES,
        *STANDARD,
        "releaseguard.rotation.planning",
        "releaseguard.incident",
        "releaseguard.sandbox",
    ),
    "events list": (*LIBRARIES, *STANDARD, "releaseguard.stats", "releaseguard.rotation", "releaseguard.verification"),
    "audit show": (*LIBRARIES, *STANDARD, "releaseguard.stats", "releaseguard.verification", "releaseguard.incident"),
    "doctor": (
        *LIBRARIES,
        *STANDARD,
        "releaseguard.verification.judge",
        "releaseguard.health",
        "releaseguard.incident",
    ),
    "verify --no-flows --release r1 --deployed-at 2026-11-28T10:00:00Z": (
        *(*LIBRARIES, *STANDARD, "releaseguard.rotation.planning", "releaseguard.rotation.steps"),
        *("releaseguard.health", "releaseguard.incident", "releaseguard.sandbox", "releaseguard.coverage"),
    ),
}
"""What each command can do without, over a small log and with no service named."""
FOLDING = ("releaseguard.rotation.history.fold", "releaseguard.rotation.history.events", "email")


def loaded(arguments: list[str], before: str = "pass") -> set[str]:
    code = (
        f"import sys; {before}; from releaseguard.cli import entrypoint; entrypoint.run({arguments!r});"
        "sys.stdout.flush(); print(*sys.modules, file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout
    return set(done.stderr.splitlines()[-1].split())


@pytest.mark.parametrize("arguments", [["--help"], ["--version"]])
def test_what_only_prints_loads_click_and_little_else(arguments):
    assert loaded(arguments).isdisjoint((*LIBRARIES, *TOOLS, *OURS))


@pytest.mark.parametrize("arguments", [["verify", "--help"], ["health", "--help"], ["completion", "--help"]])
def test_a_commands_own_help_loads_neither_services_nor_settings(arguments):
    modules = loaded(arguments)
    assert modules.isdisjoint((*LIBRARIES, "msgspec", "sqlite3", "hashlib", "tempfile", "traceback", *OURS))


def test_the_help_of_init_loads_what_services_ask_for_and_reads_no_file():
    readers = "releaseguard.settings.loading", "releaseguard_events.configuration", "tomllib", "releaseguard.wiring"
    modules = loaded(["init", "--help"])
    assert "releaseguard.services.vercel.onboarding" in modules
    assert modules.isdisjoint((*LIBRARIES, *readers, "sqlite3", "hashlib", "tempfile", "traceback"))


def test_a_tab_loads_no_command():
    asked = {"_RELEASEGUARD_COMPLETE": "bash_complete", "COMP_WORDS": "releaseguard ver", "COMP_CWORD": "1"}
    modules = loaded([], before=f"import os; os.environ |= {asked}")
    assert not {name for name in modules if name.startswith("releaseguard.cli.judging")}
    assert modules.isdisjoint((*LIBRARIES, "msgspec", "sqlite3", "json", "hashlib", *OURS))


def test_health_of_a_log_without_a_rotation_loads_nothing_that_folds_one(cli):
    assert cli.run("events", "migrate").code == 0
    modules = loaded(["health", "--config", str(cli.folder / "releaseguard.toml")])
    assert sorted(modules.intersection((*LIBRARIES, *FOLDING, *NOT_OF_HEALTH))) == []


MADE = """
import dataclasses, sys
found = {one for name, module in sys.modules.items() if name.startswith("releaseguard") for one in vars(module).values()
         if isinstance(one, type) and dataclasses.is_dataclass(one) and one.__module__.startswith("releaseguard")}
print(len(found), file=sys.stderr)
"""


def test_health_makes_few_classes_of_the_kind_that_takes_half_a_millisecond_each(cli):
    assert cli.run("events", "migrate").code == 0
    arguments = ["health", "--config", str(cli.folder / "releaseguard.toml")]
    code = f"from releaseguard.cli import entrypoint; entrypoint.run({arguments!r}){MADE}"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert int(done.stderr.split()[-1]) <= 12


@pytest.mark.parametrize("command", NOT_OF)
def test_a_command_loads_nothing_of_what_others_are_made_of(cli, command):
    assert cli.run("events", "migrate").code == 0
    modules = loaded([*command.split(), "--config", str(cli.folder / "releaseguard.toml")])
    assert sorted(modules.intersection(NOT_OF[command])) == []


TABS = {
    "bash": ({"COMP_WORDS": "releaseguard ver", "COMP_CWORD": "1"}, ["plain,verify"]),
    "zsh": ({"COMP_WORDS": "releaseguard ver", "COMP_CWORD": "1"}, ["plain", "verify", COMMANDS["verify"]]),
    "fish": ({"COMP_WORDS": "releaseguard ver", "COMP_CWORD": "ver"}, [f"plain,verify\t{COMMANDS['verify']}"]),
    "option": ({"COMP_WORDS": "releaseguard verify --bas", "COMP_CWORD": "2"}, ["plain,--baseline"]),
}


@pytest.mark.parametrize(("shell", "asked"), [(shell.replace("option", "bash"), TABS[shell]) for shell in TABS])
def test_a_tab_is_answered_with_commands_and_their_options(cli, shell, asked):
    words, answer = asked
    done = cli.run(**words, _RELEASEGUARD_COMPLETE=f"{shell}_complete")
    assert (done.code, done.out.split("\n")[:-1], done.err) == (0, answer, "")


NAMED = {
    "rotate sendg": ["sendgrid"],
    "health --provider=sendg": ["--provider=sendgrid"],
    "rotate paytr --secret PAYTR_MERCHANT_K": ["PAYTR_MERCHANT_KEY"],
    "rotate sendgrid --secret SENTRY": [],
    "verify --environment st": ["staging"],
    "verify --explain sendgrid.web": ["sendgrid.webhooks"],
    "verify --component w": ["web"],
    "events log sendgrid sendgrid_em": ["sendgrid_email_sent"],
    "rotate sendgrid --skip github:lo": ["github:lovendo/app"],
    "verify --format=ju": ["--format=junit"],
}


@pytest.mark.parametrize("typed", NAMED)
def test_a_tab_knows_the_names_of_the_configuration_and_the_cards(cli, typed):
    (cli.folder / "releaseguard.toml").write_text(
        '[components]\nweb = ["web"]\n[environments.staging.project]\nlanguage = "tr"\n'
        '[environments."st;id".project]\nlanguage = "tr"\n[providers.sendgrid]\ndestinations = ["github:lovendo/app"]\n'
    )
    assert _tab(cli, typed) == NAMED[typed]


def test_a_tab_beside_a_broken_configuration_knows_what_ships(cli):
    (cli.folder / "releaseguard.toml").write_text("[nonsense")
    assert _tab(cli, "rotate sendg") == ["sendgrid"]
    assert _tab(cli, "verify --component w") == []


def _tab(cli, typed):
    words = {"COMP_WORDS": f"releaseguard {typed}", "COMP_CWORD": "-1"}
    done = cli.run(**words, _RELEASEGUARD_COMPLETE="bash_complete")
    assert (done.code, done.err) == (0, "")
    return [line.removeprefix("plain,") for line in done.out.splitlines() if line]


@pytest.mark.parametrize(
    ("typed", "piece", "asked"),
    [
        ("rotate x --skip github:lo", "lovendo/app", "rotate x --skip github:lo"),
        ("rotate x --skip=github:lo", "lovendo/app", "rotate x --skip=github:lo"),
        ("rotate x --skip ", "github:lovendo/app", 'rotate x --skip ""'),
    ],
)
def test_bash_is_told_only_the_piece_of_a_word_that_it_replaces(cli, tmp_path, typed, piece, asked):
    line = f"releaseguard {typed}"
    program = tmp_path / "releaseguard"
    whole = "--skip=github:lovendo/app" if "=" in typed else "github:lovendo/app"
    program.write_text(f'#!/bin/sh\necho "plain,{whole}"; echo "$COMP_WORDS" >"$0.asked"\n')
    program.chmod(0o755)
    script = f"{cli.run('completion', 'bash').out}\nCOMP_LINE='{line}' COMP_POINT={len(line)}\n"
    script += f'_releaseguard_completion {program}; echo "${{COMPREPLY[0]}}"'
    done = subprocess.run(["bash", "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout == f"{piece}\n"
    assert program.with_suffix(".asked").read_text() == f"releaseguard {asked}\n"


@pytest.mark.parametrize("asked", ["tcsh_complete", "bash_source", "bash", ""])
def test_who_asks_like_no_shell_is_answered_with_nothing(cli, asked):
    done = cli.run(_RELEASEGUARD_COMPLETE=asked, COMP_WORDS="releaseguard ", COMP_CWORD="1")
    assert done.code in (0, 2)
    assert "this is a bug" not in done.err


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_a_shell_reads_what_it_needs_for_tab(cli, shell):
    done = cli.run("completion", shell)
    assert done.code == 0
    assert "_RELEASEGUARD_COMPLETE" in done.out
    assert cli.run("completion", shell, "--json").json["shell"] == shell


INTERRUPTED_WHILE_LOADING = """
import builtins, os, signal, time
signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background job ignores it
load = builtins.__import__
def interrupted(name, *rest):
    if name == "releaseguard.cli":
        os.kill(os.getpid(), signal.SIGINT)
        time.sleep(5)
    return load(name, *rest)
builtins.__import__ = interrupted
from releaseguard.__main__ import main
main()
"""


def test_ctrl_c_while_it_is_still_loading_leaves_no_traceback():
    command = [sys.executable, "-c", INTERRUPTED_WHILE_LOADING]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (130, "", "\nInterrupted.\n")
