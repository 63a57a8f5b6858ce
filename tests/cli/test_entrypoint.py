from __future__ import annotations

import base64
import json
import os
import shlex
import signal
import stat
import subprocess
import sys
import threading
from pathlib import Path
from urllib.parse import quote

import click
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from releaseguard.cli import entrypoint, main
from releaseguard.errors import ConfigError, ExitCode, LeaseHeld, Unreachable
from releaseguard.secret import Secret
from tests.support.extent import examples


def caused_by_ctrl_c() -> RuntimeError:
    """As Python 3.11 says it where a class was just being made."""
    error = RuntimeError("Error calling __set_name__ on 'cached_property' instance 'x' in 'X'")
    error.__cause__ = KeyboardInterrupt()
    return error


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
    "words",
    [
        ["rotate", "sendgrid", "--from", "{}"],
        ["rotate", "sendgrid", "--prove-within", "{}"],
        ["rotate", "sendgrid", "--from={}", "--json"],
        ["{}"],
        ["fail", "{}"],
    ],
)
def test_a_key_that_was_typed_where_none_belongs_is_not_repeated(failing, capsys, words):
    key = "SG." + "aB3dE5gH7jK9mN1p" * 2 + "." + "qR4tU6wX8zA2cE5g" * 2
    if words[0] == "fail":
        failing(ConfigError(f"there is no provider {key!r}"))
    assert entrypoint.run([word.format(key) for word in words]) == 2
    shown = "".join(capsys.readouterr())
    assert "********" in shown
    assert key[:12] not in shown


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (ConfigError("c"), 2),
        (LeaseHeld("l"), 4),
        (Unreachable("u"), 5),
        (KeyboardInterrupt(), 130),
        (click.Abort(), 130),
        (caused_by_ctrl_c(), 130),
        (click.UsageError("u"), 2),
        (RuntimeError("r"), 70),
    ],
)
def test_each_kind_of_failure_has_its_exit_code_and_no_traceback(failing, capsys, error, code):
    failing(error)
    assert entrypoint.run(["fail"]) == code
    output = capsys.readouterr()
    assert "Traceback" not in output.out + output.err
    assert output.out == ""


def test_an_error_says_what_where_and_what_next(failing, capsys):
    failing(ConfigError("is not a known key", where="x.toml:3", next_step="Did you mean 'lease'?"))
    entrypoint.run(["fail"])
    assert capsys.readouterr().err.splitlines() == [
        "releaseguard: is not a known key",
        "  where: x.toml:3",
        "  next:  Did you mean 'lease'?",
    ]


def test_with_json_stdout_is_one_document_also_in_failure(failing, capsys):
    failing(Unreachable("no answer", where="api.github.com", next_step="Try again."))
    entrypoint.run(["fail", "--json"])
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
    assert entrypoint.run(["fail"]) == ExitCode.BUG
    (trace,) = tmp_path.glob("*.trace")
    assert "unforeseen ********" in trace.read_text()
    assert held.reveal() not in capsys.readouterr().err


def _raised(error: BaseException) -> Exception:
    """As the edge sees it: with a traceback, and with local variables that hold things."""

    def fail() -> None:
        local = "-".join(("local", "canary", "7731"))
        assert local
        raise error

    with pytest.raises(Exception) as caught:
        fail()
    return caught.value


def _chained(text: str, how: str) -> Exception:
    error = RuntimeError("unforeseen")
    match how:
        case "argument":
            error = RuntimeError("unforeseen", {"sent": text})
        case "key":
            error = KeyError(text)
        case "cause":
            error.__cause__ = ValueError(text)
        case "context":
            error.__context__ = _raised(OSError(5, text, text))
        case "note":
            error.add_note(f"while sending {text}")
        case "group":
            error = ExceptionGroup(text, [ValueError(text), ExceptionGroup("more", [KeyError(text)])])
    return _raised(error)


FORMS = {
    "itself": str,
    "upper": str.upper,
    "address": lambda value: quote(value, safe=""),
    "JSON": json.dumps,
    "hex": lambda value: value.encode().hex(),
    "bytes": str.encode,
    "base64": lambda value: base64.b64encode(f"user:{value}".encode()).decode(),
}


@settings(max_examples=examples(80), suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@example(value="00000://\xa0", form="JSON", how="argument")
@example(value="correcthorse\\battery\xe9", form="JSON", how="key")
@example(value='correct"horsebattery', form="JSON", how="argument")
@given(
    value=st.text(
        st.characters(min_codepoint=33, max_codepoint=0x17F, exclude_categories=("Cc",), exclude_characters="*ßİŉ"),
        min_size=9,
        max_size=50,
    ),
    form=st.sampled_from(sorted(FORMS)),
    how=st.sampled_from(["argument", "key", "cause", "context", "note", "group"]),
)
def test_no_trace_and_no_stream_shows_a_value_in_any_form(failing, capsys, tmp_path, monkeypatch, value, form, how):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    held = Secret(value)
    failing(_chained(str(FORMS[form](value)), how))
    assert entrypoint.run(["fail"]) == ExitCode.BUG
    (trace,) = tmp_path.glob("*.trace")
    text = trace.read_text(encoding="utf-8")
    trace.unlink()
    assert "Traceback" in text
    assert not held.shows_in(text)
    assert not held.shows_in(capsys.readouterr().err)


def test_a_trace_shows_no_local_variable_and_is_its_owners_alone(failing, capsys, tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    failing(_chained("nothing", "context"))
    entrypoint.run(["fail"])
    (trace,) = tmp_path.glob("*.trace")
    assert "local-canary-7731" not in trace.read_text()
    assert stat.S_IMODE(trace.stat().st_mode) == 0o600


def test_credentials_of_the_environment_are_masked_before_anything_has_read_them(
    failing, capsys, tmp_path, monkeypatch
):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    monkeypatch.setenv("SOME_VENDOR_API_KEY", "k3Qz81hwPbx0Tn5LrYvE")
    monkeypatch.setenv("SOME_DB_URL", "postgresql://app:hunter2hunter2@db.example.com/x")
    failing(ConfigError("K3QZ81HWPBX0TN5LRYVE and hunter2hunter2", where="db.example.com"))
    entrypoint.run(["fail"])
    failing(RuntimeError("k3Qz81hwPbx0Tn5LrYvE and hunter2hunter2"))
    entrypoint.run(["fail"])
    (trace,) = tmp_path.glob("*.trace")
    said = capsys.readouterr().err
    assert "********" in trace.read_text()
    for secret in ("k3qz81hwpbx0tn5lryve", "hunter2hunter2"):
        assert secret not in (trace.read_text() + said).lower()
    assert "db.example.com" in said


def test_wrong_usage_repeats_no_value(capsys):
    held = Secret("k3Qz81hwPbx0Tn5LrYvE")
    assert entrypoint.run(["health", f"--{held.reveal()}"]) == 2
    assert not held.shows_in(capsys.readouterr().err)


def test_what_a_thread_did_not_catch_is_masked(monkeypatch, capsys):
    held = Secret("k3Qz81hwPbx0Tn5LrYvE")

    def fail():
        raise ValueError(held.reveal())

    def start(*_):
        thread = threading.Thread(target=fail)
        thread.start()
        thread.join()
        return 0

    monkeypatch.setattr(entrypoint, "_ended", start)
    entrypoint.run([])
    said = capsys.readouterr().err
    assert "ValueError: ********" in said
    assert not held.shows_in(said)


def test_the_help_of_all_has_an_example(capsys):
    assert entrypoint.run(["--help"]) == 0
    assert "Example: releaseguard demo" in capsys.readouterr().out


def test_an_unknown_command_names_the_nearest(capsys):
    assert entrypoint.run(["rotat"]) == 2
    assert "Did you mean 'rotate'?" in capsys.readouterr().err


def test_help_loads_click_and_little_else():
    code = (
        "import sys; from releaseguard.cli import entrypoint; entrypoint.run(['--help']);"
        "heavy = {'httpx2', 'requests', 'github', 'nacl', 'psycopg', 'infisical_sdk', 'jinja2', 'msgspec'};"
        "print(sorted(heavy & set(sys.modules)), file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stderr.strip() == "[]"
    assert "rotate" in done.stdout


@pytest.mark.parametrize("stream", ["1", "2"])
def test_a_closed_stream_breaks_nothing(cli, stream):
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
@pytest.mark.parametrize("disk", ["exec {} >/dev/full", "ulimit -f 1; PYTHONUNBUFFERED=1 exec {} >cut"])
def test_a_full_disk_is_no_bug_and_nothing_is_cut_short_in_silence(cli, disk):
    """Unbuffered, as in many images, Python itself says nothing of what the disk did not take."""
    command = disk.format(f"{sys.executable} -m releaseguard schema config")
    done = subprocess.run(command, shell=True, check=False, cwd=cli.folder, capture_output=True, text=True)
    assert done.returncode == 2
    assert "no space is left" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_ctrl_c_that_falls_into_a_finalizer_is_not_lost():
    """Python drops what a finalizer or the callback of a weak reference raises: whoever pressed the keys would wait."""
    given_up = threading.Event()
    patience = threading.Timer(20, given_up.set)

    @click.command("fail")
    def unlucky() -> None:
        Unlucky()
        given_up.wait()

    class Unlucky:
        def __del__(self) -> None:
            raise KeyboardInterrupt

    patience.start()
    heard = signal.signal(signal.SIGINT, signal.default_int_handler)  # also where the tests were started without
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(main._Lazy, "resolve_command", lambda self, ctx, args: ("fail", unlucky, args[1:]))
        assert entrypoint.run(["fail"]) == ExitCode.INTERRUPTED
    signal.signal(signal.SIGINT, heard)
    patience.cancel()
    assert not given_up.is_set(), "it was told when the wait was over, and did not end it"


@pytest.mark.parametrize("name", ["SIGTERM", "SIGHUP"])
def test_a_cancelled_job_and_a_closed_terminal_interrupt_as_ctrl_c_does(monkeypatch, capsys, name: str) -> None:
    number = getattr(signal, name)

    def work(*_: object) -> int:
        os.kill(os.getpid(), number)
        raise AssertionError("it went on")

    monkeypatch.setattr(entrypoint, "_run", work)
    before = signal.signal(number, signal.SIG_DFL)  # ``nohup`` has whoever starts the tests ignore it
    try:
        assert entrypoint.run(["health"]) == ExitCode.INTERRUPTED
        assert "Interrupted." in capsys.readouterr().err
        assert signal.getsignal(number) is signal.SIG_DFL
    finally:
        signal.signal(number, before)


def test_a_closed_terminal_that_is_ignored_stays_ignored(monkeypatch) -> None:
    monkeypatch.setattr(entrypoint, "_run", lambda *_: os.kill(os.getpid(), signal.SIGHUP) or 0)
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        assert entrypoint.run(["health"]) == 0
    finally:
        signal.signal(signal.SIGHUP, before)
