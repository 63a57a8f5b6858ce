from __future__ import annotations

import json
import signal

from support.commands import Commands


def test_the_sandbox_prints_what_points_a_command_at_it_and_stops_on_ctrl_c(tmp_path):
    cli = Commands(tmp_path, {"TMPDIR": str(tmp_path)})
    sandbox = cli.start("sandbox", "--folder", str(tmp_path / "play"), "--json")
    try:
        document = _first_document(sandbox.stdout)
        other = Commands(tmp_path, document["environment"])
        plan = other.run("rotate", "sendgrid", "--dry-run")
        done = other.run("rotate", "sendgrid", "--yes", "--json")
    finally:
        sandbox.send_signal(signal.SIGINT)
        _, errors = sandbox.communicate(timeout=60)
    assert plan.code == 0, plan.everything
    assert "version 1 -> version 2" in plan.out
    assert (done.code, done.json["state"]) == (0, "PROVEN"), done.everything
    assert done.json["lease_holder"] is None
    assert sandbox.returncode == 130
    assert "Traceback" not in errors
    gone = other.run("rotate", "sendgrid", "--yes")
    assert gone.code == 5
    assert "next:" in gone.err


def test_a_configuration_that_is_there_is_not_overwritten(tmp_path):
    (tmp_path / "releaseguard.toml").write_text("# mine\n")
    done = Commands(tmp_path, {}).run("sandbox", "--folder", str(tmp_path))
    assert done.code == 4
    assert (tmp_path / "releaseguard.toml").read_text() == "# mine\n"


def _first_document(stream):
    text = ""
    for line in stream:
        text += line
        if line == "}\n":
            return json.loads(text)
    raise AssertionError(f"the sandbox ended: {text}")
