"""Lines that a narrow terminal shows whole: broken where words end, but for what is to be copied."""

from __future__ import annotations

from pathlib import Path

import pytest

from releaseguard.cli.shared import streams
from releaseguard.messages import spoken
from releaseguard.report.findings.document import FindingsPage
from releaseguard.report.findings.text import render
from releaseguard.report.layout.display import Display
from releaseguard.report.layout.text import COPIED, fitting
from tests.cli.test_by_hand import CONFIGURATION
from tests.support.commands import Commands

NARROW = 40
SAID = "BROKEN        the history of sendgrid@production\n              step 4 was edited after it had been written"


@pytest.mark.parametrize("width", [20, NARROW, 60, 200])
def test_a_line_that_is_too_long_is_broken_where_words_end_and_no_word_is_lost(width: int) -> None:
    shown = fitting(SAID, width)
    assert shown.split() == SAID.split()
    assert all(len(line) <= max(width, 20) for line in shown.splitlines() if len(line.split()) > 1)
    assert shown == SAID or width < 60
    assert all(line.startswith(" ") for line in shown.splitlines() if not line.startswith("BROKEN"))


@pytest.mark.parametrize("begin", COPIED)
def test_what_is_to_be_copied_stays_in_a_line_of_its_own(begin: str) -> None:
    line = f"    {begin}{'sendgrid@production#12:9f2c ' * 4}"
    assert fitting(line, NARROW) == line


def test_what_was_found_is_shown_in_lines_that_fit() -> None:
    page = FindingsPage(title="drift", document={}, text=SAID, rows=[], rules={})
    assert render(page, Display(NARROW)) == fitting(page.text, NARROW)


@pytest.mark.parametrize("language", ["en", "tr"])
@pytest.mark.parametrize("arguments", [("rotate", "sendgrid", "--by-hand"), ("backtest",)])
def test_no_command_prints_a_line_that_is_wider_than_the_terminal(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: tuple[str, ...], language: str
) -> None:
    monkeypatch.setattr(streams, "PIPE_WIDTH", NARROW)
    (tmp_path / "releaseguard.toml").write_text(CONFIGURATION.replace("nowhere/", ""), encoding="utf-8")
    cli = Commands(tmp_path, {})
    assert cli.run("events", "deployed", "--release", "4f2c91a").code == 0
    done = cli.run(*arguments, "--lang", language)
    spoken.speak(spoken.ENGLISH)
    assert done.code == 0, done.everything
    said = [line for line in done.out.splitlines() if not line.lstrip().startswith(COPIED)]
    assert [line for line in said if len(line) > NARROW and len(line.split()) > 1] == []
