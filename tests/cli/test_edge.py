from __future__ import annotations

import json
import shlex
import subprocess
import sys
from pathlib import Path

import click
import pytest

from releaseguard.cli import edge, main
from releaseguard.errors import ConfigError, ExitCode, LeaseHeld, Unreachable
from releaseguard.secret import Secret


@pytest.fixture
def failing(monkeypatch):
    """A command that fails in the way a test asks for."""

    def install(error: BaseException) -> None:
        @click.command("fail")
        @click.option("--json", is_flag=True)
        def fail(json: bool) -> None:
            raise error

        monkeypatch.setattr(main._Lazy, "resolve_command", lambda self, ctx, args: ("fail", fail, args[1:]))

    return install


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (ConfigError("c"), 2),
        (LeaseHeld("l"), 4),
        (Unreachable("u"), 5),
        (KeyboardInterrupt(), 130),
        (click.Abort(), 130),
        (click.UsageError("u"), 2),
        (RuntimeError("r"), 70),
    ],
)
def test_each_kind_of_failure_has_its_exit_code_and_no_traceback(failing, capsys, error, code):
    failing(error)
    assert edge.run(["fail"]) == code
    output = capsys.readouterr()
    assert "Traceback" not in output.out + output.err
    assert output.out == ""


def test_an_error_says_what_where_and_what_next(failing, capsys):
    failing(ConfigError("is not a known key", where="x.toml:3", next_step="Did you mean 'lease'?"))
    edge.run(["fail"])
    assert capsys.readouterr().err.splitlines() == [
        "releaseguard: is not a known key",
        "  where: x.toml:3",
        "  next:  Did you mean 'lease'?",
    ]


def test_with_json_stdout_is_one_document_also_in_failure(failing, capsys):
    failing(Unreachable("no answer", where="api.github.com", next_step="Try again."))
    edge.run(["fail", "--json"])
    assert json.loads(capsys.readouterr().out)["error"] == {
        "what": "no answer",
        "where": "api.github.com",
        "next_step": "Try again.",
        "exit_code": 5,
    }


def test_a_bugs_trace_goes_to_a_file_without_the_values_the_process_holds(failing, capsys, tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    held = Secret("canary-trace-9917")
    failing(RuntimeError(f"unforeseen {held.reveal()}"))
    assert edge.run(["fail"]) == ExitCode.BUG
    (trace,) = tmp_path.glob("*.trace")
    assert "unforeseen ********" in trace.read_text()
    assert held.reveal() not in capsys.readouterr().err


def test_the_help_of_all_has_an_example(capsys):
    assert edge.run(["--help"]) == 0
    assert "Example: releaseguard demo" in capsys.readouterr().out


def test_an_unknown_command_names_the_nearest(capsys):
    assert edge.run(["rotat"]) == 2
    assert "Did you mean 'rotate'?" in capsys.readouterr().err


def test_help_loads_click_and_little_else():
    code = (
        "import sys; from releaseguard.cli import edge; edge.run(['--help']);"
        "heavy = {'httpx', 'requests', 'github', 'nacl', 'psycopg', 'infisical_sdk', 'rich', 'jinja2', 'msgspec'};"
        "print(sorted(heavy & set(sys.modules)), file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stderr.strip() == "[]"
    assert "rotate" in done.stdout


@pytest.mark.parametrize("stream", ["1", "2"])
def test_a_closed_stream_is_no_bug(cli, stream):
    done = subprocess.run(
        f"exec {stream}>&-; exec {shlex.quote(sys.executable)} -m releaseguard health",
        check=False,
        shell=True,
        cwd=cli.folder,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 3
    assert "bug" not in done.stdout + done.stderr


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full here")
def test_a_full_disk_is_no_bug(cli):
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [sys.executable, "-m", "releaseguard", "health"],
            check=False,
            cwd=cli.folder,
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
        )
    assert done.returncode == 2
    assert "no space is left" in done.stderr
    assert "Traceback" not in done.stderr
