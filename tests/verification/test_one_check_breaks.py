"""One check that breaks takes no other with it: it says that it was not judged, and the others stand."""

from __future__ import annotations

import json
import shutil
import stat
from pathlib import Path
from typing import Any

import pytest

from releaseguard.cli.judging import verify as command
from releaseguard.cli.shared.traces import write_trace
from releaseguard.errors import ExitCode, Refused, Unreachable
from releaseguard.eventlog.interface import Query
from releaseguard.eventlog.stores.sqlite import SqliteEventLog
from releaseguard.model import Outcome, Verdict
from releaseguard.report.formats import VERDICT
from releaseguard.report.layout.display import Display
from releaseguard.secret import Secret
from releaseguard.verification.backtesting import replays as backtests
from releaseguard.verification.backtesting.one_release import ReplaySettings
from releaseguard.verification.checks import row_checks
from releaseguard.verification.checks.live_checks import LiveChecks
from releaseguard.verification.explain import signals
from releaseguard.verification.isolated import judged_apart
from releaseguard.verification.judge import checklist, errors
from releaseguard.verification.judge import replay as judge
from releaseguard.verification.judge import verdicts as judgements
from releaseguard.verification.telling.document import document_of
from tests.support.verifying import PROMISE, SHIPPED, breaking, mark, row, steady, stored, verdicts
from tests.support.verifying import judge as judged_now

VICTIM = "sendgrid.errors"
BUG = ZeroDivisionError("nobody foresaw this")


@pytest.fixture(scope="module")
def healthy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("healthy") / "log.db"
    two = steady(every=0.5) + steady(("twilio_sms_sent",), every=0.5, provider="twilio")
    stored(path, [mark(), *two]).close()
    return path


@pytest.fixture
def log(tmp_path: Path, healthy: Path) -> Any:
    shutil.copy(healthy, tmp_path / "log.db")
    with SqliteEventLog(tmp_path / "log.db") as opened:
        yield opened


def for_one(original: Any, error: Exception, name: str = VICTIM) -> Any:
    """The function, which breaks for one rule."""

    def function(state: Any, rule: Any, *arguments: Any, **more: Any) -> Any:
        if rule.id == name:
            raise error
        return original(state, rule, *arguments, **more)

    return function


PLACES = {
    "before the first row": (errors, "_tests"),
    "at every look": (checklist, "_unease"),
    "in its verdict": (judgements, "verdict_of"),
    "in its words alone": (signals, "_evidence"),
}


@pytest.mark.parametrize("place", PLACES)
def test_wherever_a_check_breaks_the_others_say_what_they_said(log, monkeypatch, place):
    whole = {one.id: one for one in judged_now(log).findings}
    owner, name = PLACES[place]
    monkeypatch.setattr(owner, name, for_one(getattr(owner, name), BUG))
    traced: list[Exception] = []
    judged = judged_now(log, trace=lambda error: traced.append(error) or "/traces/1")
    found = {one.id: one for one in judged.findings}
    assert found[VICTIM].verdict is Verdict.ERROR
    assert "not judged" in found[VICTIM].reason
    assert "ZeroDivisionError" in found[VICTIM].reason
    assert "/traces/1" in found[VICTIM].reason
    assert traced == [BUG]
    assert {name: one.verdict for name, one in found.items() if name != VICTIM} == {
        name: one.verdict for name, one in whole.items() if name != VICTIM
    }
    assert (judged.verdict, command._exit_code(judged)) == (Verdict.INCONCLUSIVE, ExitCode.BUG)


def test_a_failure_beside_a_broken_check_is_a_failure(log, monkeypatch):
    log.restore(row(2 + m / 4, "twilio_error", provider="twilio", ok=False) for m in range(100))
    monkeypatch.setattr(errors, "_tests", for_one(errors._tests, BUG))
    judged = judged_now(log)
    assert verdicts(judged)["twilio.errors"] == "fail"
    assert (judged.verdict, command._exit_code(judged)) == (Verdict.FAIL, ExitCode.BAD)


def test_where_checks_break_only_together_each_is_judged_alone_with_its_share_of_the_promise(log, monkeypatch):
    original, promised = judge.Replay.__init__, set()

    def alone(self: Any, ledger: Any, rules: Any, deployment: Any, promise: Any, *more: Any) -> None:
        if len(rules) > 1:
            raise BUG
        original(self, ledger, rules, deployment, promise, *more)
        promised.add(promise.false_alarm)

    monkeypatch.setattr(judge.Replay, "__init__", alone)
    judged = judged_now(log)
    assert Verdict.ERROR not in {one.verdict for one in judged.findings}
    assert verdicts(judged)["twilio.errors"] == "pass"
    assert min(promised) == pytest.approx(PROMISE.false_alarm / 6)  # three checks of each provider


def test_where_not_even_the_log_can_be_judged_nothing_passes(log, monkeypatch):
    monkeypatch.setattr(judge, "pre_deployment_of", breaking(BUG))
    judged = judged_now(log)
    assert set(verdicts(judged).values()) == {"error", "inconclusive"}
    assert "whether the log works" in next(one.reason for one in judged.findings if one.kind == "privacy")


def test_a_check_of_single_rows_and_one_of_the_present_break_alone(log, monkeypatch):
    monkeypatch.setattr(row_checks, "privacy", breaking(BUG))
    present = LiveChecks(secret_states=breaking(BUG), providers_with_destinations=frozenset({"twilio"}))
    said = verdicts(judged_now(log, live_checks=present))
    assert {name for name, verdict in said.items() if verdict == "error"} == {
        "sendgrid.privacy",
        "twilio.privacy",
        "twilio.secrets",
    }
    assert said["sendgrid.errors"] == said["twilio.volume"] == "pass"


@pytest.mark.parametrize("error", [Unreachable("the log does not answer"), Refused("not here")])
def test_what_is_no_bug_is_not_taken_for_one(log, monkeypatch, error):
    monkeypatch.setattr(row_checks, "privacy", breaking(error))
    with pytest.raises(type(error)):
        judged_now(log)


def test_every_format_tells_where_the_trace_is(log, monkeypatch):
    monkeypatch.setattr(errors, "_tests", for_one(errors._tests, BUG))
    document = document_of(judged_now(log, trace=lambda _error: "/traces/7.trace"))
    for name, render in VERDICT.items():
        shown = render(document, Display())
        assert VICTIM in shown, name
        assert "/traces/7.trace" in shown or name == "in-toto", name  # which names tests, and no reasons
    assert json.loads(VERDICT["json"](document, Display(0)))["verdict"] == "inconclusive"
    assert 'errors="' in VERDICT["junit"](document, Display(0))


def test_the_result_is_written_back_as_an_error(log, monkeypatch):
    monkeypatch.setattr(errors, "_tests", for_one(errors._tests, BUG))
    judged_now(log, write=True)
    [written] = [one for one in log.select(Query(events=["release_check"])) if one.detail["check"] == VICTIM]
    assert (written.outcome, written.error_code, written.detail["verdict"]) == (Outcome.ERROR, "error", "error")


def test_the_trace_is_masked_and_nobody_elses_to_read(tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    held = Secret("canary-of-a-check-5521")
    path = write_trace(RuntimeError(f"broke over {held.reveal()}"))
    assert path is not None
    assert held.reveal() not in Path(path).read_text()
    assert stat.S_IMODE(Path(path).stat().st_mode) == 0o600


def test_a_watch_writes_one_trace_however_often_it_looks(log, monkeypatch):
    from releaseguard.verification.context import VerifyRequest
    from releaseguard.verification.run import Verifier
    from tests.support.verifying import world_of

    monkeypatch.setattr(errors, "_tests", for_one(errors._tests, BUG))
    traced: list[Exception] = []
    verifier = Verifier(VerifyRequest(), world_of(log, trace=traced.append))
    assert [verifier.look().broken for _ in range(3)] == [True] * 3
    assert len(traced) == 1


def test_a_backtest_goes_on_without_it(log, monkeypatch):
    log.restore(row(2 + m / 4, "twilio_error", provider="twilio", ok=False) for m in range(100))
    monkeypatch.setattr(errors, "_tests", for_one(errors._tests, BUG))
    past = backtests.histories(log, None, PROMISE.window)
    [replayed] = backtests.backtest(log, past, SHIPPED, ReplaySettings(promise=PROMISE), lambda _error: "/traces/9")
    said = {one.id: one.verdict for one in replayed.findings}
    assert (said[VICTIM], said["twilio.errors"], said["sendgrid.volume"]) == (
        Verdict.ERROR,
        Verdict.FAIL,
        Verdict.PASS,
    )
    assert replayed.verdict is Verdict.FAIL
    assert replayed.failed_after_s is not None


def test_a_backtest_with_nothing_but_broken_checks_decides_nothing(log, monkeypatch):
    monkeypatch.setattr(judge, "pre_deployment_of", breaking(BUG))
    [replayed] = backtests.backtest(
        log, backtests.histories(log, None, PROMISE.window), SHIPPED, ReplaySettings(promise=PROMISE)
    )
    assert replayed.verdict is Verdict.INCONCLUSIVE
    assert {one.verdict for one in replayed.findings} == {Verdict.ERROR}


def test_nothing_is_judged_twice_where_nothing_breaks():
    asked: list[Any] = []
    judged_apart(lambda rules, _promise: asked.append(rules), [], PROMISE)
    assert len(asked) == 1
