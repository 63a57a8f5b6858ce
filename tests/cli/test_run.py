"""What every command prints goes through its run, which shows nothing that the environment holds confidentially."""

from __future__ import annotations

import json

import pytest

from releaseguard.cli.shared.options import Run
from releaseguard.clocks import REAL

ENVIRON = {"PGPASSWORD": "detail", "RELEASEGUARD_EVENTS_URL": "postgresql://u:Pw9Lm-Q7xW@db.example/log"}


def test_what_is_printed_shows_no_value_and_keeps_the_keys(capsys: pytest.CaptureFixture[str]) -> None:
    data = {"detail": [{"where": "https://pw9lm-q7xw.example"}, "detail", 1, None]}
    Run(None, True, 0, REAL, ENVIRON).emit("", data)
    assert json.loads(capsys.readouterr().out) == {
        "detail": [{"where": "https://********.example"}, "********", 1, None]
    }
    run = Run(None, False, 0, REAL, ENVIRON)
    run.emit("at PW9LM-Q7XW", {})
    run.tell("at Pw9Lm-Q7xW")
    run.warn("at pw9lm-q7xw, db.example")
    shown = capsys.readouterr()
    assert shown.out == "at ********\n"
    assert shown.err == "at ********\nat ********, db.example\n"
