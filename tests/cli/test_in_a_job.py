"""What a command leaves in a job of GitHub Actions, however it ends."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from releaseguard.cli.shared.job import CUT, LARGEST, LARGEST_TEXT, MOST_ANNOTATIONS, Annotation, Job, summarize
from releaseguard.errors import ExitCode
from releaseguard.eventlog.stores.sqlite import SqliteEventLog
from tests.support.commands import Commands, Done

EVENT = {"repository": {"full_name": "lovendo/app", "default_branch": "main"}}


class Runner:
    """A job's files around commands in one folder."""

    def __init__(self, folder: Path) -> None:
        self.summary, self.output = folder / "summary.md", folder / "output"
        (folder / "event.json").write_text(json.dumps(EVENT))
        self.cli = Commands(
            folder,
            {
                "GITHUB_ACTIONS": "true",
                "GITHUB_EVENT_NAME": "schedule",
                "GITHUB_REF": "refs/heads/main",
                "GITHUB_EVENT_PATH": str(folder / "event.json"),
                "GITHUB_STEP_SUMMARY": str(self.summary),
                "GITHUB_OUTPUT": str(self.output),
            },
        )

    def run(self, *arguments: str, **more: str) -> Done:
        return self.cli.run(*arguments, **more)


def annotations(done: Done) -> list[str]:
    return [line for line in done.err.splitlines() if line.startswith("::")]


@pytest.fixture
def runner(tmp_path: Path) -> Runner:
    with SqliteEventLog(tmp_path / "releaseguard.db") as log:
        log.migrate()
    return Runner(tmp_path)


ENDS = [
    (("events", "migrate"), 0),
    (("events", "list"), 0),
    (("audit", "show"), 0),
    (("audit", "verify"), 0),
    (("schema", "config"), 0),
    (("health",), 3),
    (("status",), 3),
    (("drift",), 2),
    (("leaks",), 2),
    (("verify",), 2),
    (("verify", "--frm"), 2),
    (("rotate", "sendgrid"), 2),
    (("rotat",), 2),
    (("incident", "nobody"), 2),
    (("backtest",), 0),
    (("coverage", "."), 2),
    (("doctor",), 0),
]


@pytest.mark.parametrize(("arguments", "code"), ENDS, ids=[" ".join(words) for words, _ in ENDS])
def test_every_command_leaves_a_summary_and_every_bad_end_an_annotation(runner, arguments, code):
    done = runner.run(*arguments)
    assert done.code == code, done.everything
    assert runner.summary.read_text().strip()
    assert bool(annotations(done)) == bool(code)
    assert len(annotations(done)) <= MOST_ANNOTATIONS
    assert not any(line.startswith("::") for line in done.out.splitlines())


def test_a_bug_leaves_both(runner, monkeypatch):
    monkeypatch.setattr("releaseguard.compose.known.configuration.load", lambda *_, **__: 1 / 0)
    done = runner.run("status", TMPDIR=str(runner.cli.folder))
    assert done.code == 70
    assert "ZeroDivisionError" in runner.summary.read_text()
    assert len(annotations(done)) == 1


def test_an_interruption_leaves_both(runner, monkeypatch):
    def stop(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("releaseguard.compose.known.configuration.load", stop)
    done = runner.run("status")
    assert done.code == 130
    assert "nterrupted" in runner.summary.read_text()
    assert annotations(done) == ["::error title=releaseguard status::Interrupted."]


def test_outside_of_a_job_nothing_is_left(tmp_path):
    done = Commands(tmp_path, {}).run("verify")
    assert done.code == 2
    assert annotations(done) == []


def test_an_annotation_is_one_command_whatever_is_in_it(capsys):
    one = Annotation(level="error", title="a: b, c::d", message="50%\n::set-output name=x::y\r", file="a,b.ts", line=3)
    assert one.command().splitlines() == [one.command()]
    assert one.command().startswith("::error file=a%2Cb.ts,line=3,title=a%3A b%2C c%3A%3Ad::50%25%0A")


@pytest.mark.parametrize(("found", "shown"), [(3, 3), (10, 10), (11, 10), (400, 10)])
def test_of_many_findings_the_last_annotation_says_how_many_more(capsys, found, shown):
    job = Job({"GITHUB_ACTIONS": "true"}, print)
    job.annotate(Annotation(level="error", title="t", message=str(n)) for n in range(found))
    job.annotate([Annotation(level="error", title="t", message="one more")])
    said = capsys.readouterr().err.splitlines()
    assert len(said) == min(found + 1, 10) if found < 10 else shown
    assert (f"and {found - 9} more" in said[-1]) == (found > 10)


def test_a_summary_stays_below_what_a_step_may_hold_and_its_code_is_closed(tmp_path):
    path = tmp_path / "summary.md"
    environ = {"GITHUB_STEP_SUMMARY": str(path)}
    summarize(environ, "````text\n" + "ş a line of it\n" * 100_000 + "````", print)
    summarize(environ, "## another\n" * 200, print)
    text = path.read_text()
    assert path.stat().st_size <= LARGEST + len(CUT)
    assert text.count("\n````") == 1
    assert "did not fit" in text


@pytest.mark.parametrize("most", [LARGEST_TEXT, 40])
def test_a_document_that_is_printed_in_pieces_is_in_the_summary_as_far_as_it_fits(runner, monkeypatch, most):
    monkeypatch.setattr("releaseguard.cli.shared.job.LARGEST_TEXT", most)
    printed = runner.run("backtest", "--json").out.strip()
    summary = runner.summary.read_text()
    assert printed[:most] in summary
    assert (CUT in summary) is (len(printed) > most)


def test_a_place_that_takes_no_file_is_said_and_changes_no_exit_code(runner):
    done = runner.run("events", "list", GITHUB_STEP_SUMMARY="/nowhere/s", GITHUB_OUTPUT="/nowhere/o")
    assert done.code == 0
    assert "could not be written" in done.err


def test_every_meaning_of_an_exit_code_is_told():
    from releaseguard.cli.shared.job import MEANING

    assert set(MEANING) == set(ExitCode)
