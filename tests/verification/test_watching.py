"""A watch is of one deployment, and outlives a log that stops answering for a while."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import timedelta

import pytest

from releaseguard.clocks import Clocks
from releaseguard.errors import Unreachable
from releaseguard.model import Verdict
from releaseguard.verification import watch
from releaseguard.verification.context import VerifyRequest
from releaseguard.verification.run import Verifier
from releaseguard.verification.values import Judged
from releaseguard.verification.watch import Watching, verify
from tests.support.verifying import NOON, mark, row, steady, stored, world_of


@dataclass
class Passing:
    """Time as the watch lets it pass, in minutes after noon, and what happens meanwhile."""

    minute: float = 1.0
    down: tuple[float, float] = (99.0, 99.0)
    """From when until when the log does not answer."""
    later: list[tuple[float, Callable[[], object]]] = field(default_factory=list)
    told: list[str] = field(default_factory=list)

    def sleep(self, seconds: float) -> None:
        self.minute += seconds / 60
        while self.later and self.later[0][0] <= self.minute:
            self.later.pop(0)[1]()

    def now(self):
        if self.down[0] <= self.minute < self.down[1]:
            raise Unreachable("the database does not answer")
        return NOON + timedelta(minutes=self.minute)

    def watch(self, log, *, within: float | None = None) -> Judged:
        clocks = Clocks(elapsed=lambda: self.minute * 60, sleep=self.sleep)
        waited = None if within is None else timedelta(minutes=within)
        watching = Watching(tell=self.told.append, warn=str, again=True, within=waited, clocks=clocks)
        return verify(replace(world_of(log), now=self.now), VerifyRequest(), watching)


@pytest.fixture(autouse=True)
def seldom(monkeypatch):
    """Looks that are as good as those of ten seconds, and cost a twelfth."""
    monkeypatch.setattr(watch, "LOOK_EVERY", 120.0)


@pytest.fixture
def log(tmp_path):
    """A release whose mails come too rarely to be judged."""
    return stored(tmp_path / "log.db", [mark(-600, "r0"), mark(), *steady(every=5, since=-600)])


def test_a_release_that_is_deployed_meanwhile_is_not_judged_in_its_place(log):
    its_rows = [row(5 + part / 9, "sendgrid_email_sent", release="r2") for part in range(200)]
    passing = Passing(later=[(5, lambda: log.restore([mark(5, "r2"), *its_rows]))])
    judged = passing.watch(log)
    assert (judged.deployment.release, judged.window_ended, judged.verdict) == ("r1", True, Verdict.INCONCLUSIVE)
    assert passing.minute < 8, "nothing more of it comes"


def test_a_log_that_stops_answering_for_ten_minutes_is_waited_for(log):
    passing = Passing(down=(6, 16))
    judged = passing.watch(log)
    fresh = Verifier(VerifyRequest(), world_of(log, now=passing.minute)).look()
    assert (judged.as_of, judged.verdict, judged.findings) == (fresh.as_of, fresh.verdict, fresh.findings)
    assert sum("the database does not answer" in told for told in passing.told) == 1


@pytest.mark.parametrize(
    ("down", "within", "until"), [((0, 99), None, 1), ((6, 99), 20, 21), ((6, 99), None, 40), ((29, 99), None, 40)]
)
def test_one_that_never_answers_ends_the_watch_in_its_time(log, down, within, until):
    passing = Passing(down=down)
    with pytest.raises(Unreachable):
        passing.watch(log, within=within)
    assert passing.minute == pytest.approx(until, abs=2.1)
