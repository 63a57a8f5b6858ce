"""A sentence never contradicts its own numbers, and nobody is failed for what other releases did."""

from __future__ import annotations

import math
import random
import re
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime

from hypothesis import given, settings
from hypothesis import strategies as st

from releaseguard.model import Verdict
from releaseguard.stats.series import Cell, Ledger
from releaseguard.verification.explain.finding import explain
from releaseguard.verification.judge.replay import Replay
from releaseguard.verification.judge.verdicts import limit_of
from releaseguard.verification.values import Deployment, Finding, Promise, Rule
from tests.support.extent import examples

DEPLOYED = 29_000_000
WINDOW = 60
DAYS = 3
PROVIDERS = ("mail", "sms")
SERVES_NOBODY = re.compile("serve[sd] nobody")
ERRORS = re.compile(r"observed (\d+) errors of (\d+) events in (-?\d+) min")
VOLUME = re.compile(r"observed (\d+) events in (-?\d+) min.* where ([\d.]+) were expected")


def rules_of(provider: str, *, blocking: bool = True) -> list[Rule]:
    ok, error = frozenset({f"{provider}_ok"}), frozenset({f"{provider}_error"})
    return [
        Rule(id=f"{provider}.errors", provider=provider, kind="signal", success=ok, error=error, blocking=blocking),
        Rule(id=f"{provider}.volume", provider=provider, kind="volume", success=ok, max_rise=2.0, blocking=blocking),
    ]


RULES = [rule for name in PROVIDERS for rule in rules_of(name, blocking=name == "mail")]
Piece = tuple[int, float, float, str | None]
"""A stretch of minutes, the multiple of the usual volume in it, the share of errors, and who writes the rows."""


def cells_of(provider: str, per_minute: float, share: float, pieces: Sequence[Piece], seed: int) -> Iterator[Cell]:
    rng, owed = random.Random(f"{provider}{seed}"), 0.0
    plan = [(minute, 1.0, share, "old") for minute in range(-DAYS * 1440 - 300, 0)]
    plan += [(minute, factor, bad, release) for minute, factor, bad, release in _minutes(pieces)]
    for offset, factor, bad, release in plan:
        owed += per_minute * factor
        count, owed = int(owed), owed - int(owed)
        wrong = sum(rng.random() < bad for _ in range(count))
        for name, ok, total in (("ok", True, count - wrong), ("error", False, wrong)):
            if total:
                minute = DEPLOYED + offset
                yield Cell(minute, minute, provider, f"{provider}_{name}", ok, release, False, False, total, 0)


def _minutes(pieces: Sequence[Piece]) -> Iterator[tuple[int, float, float, str | None]]:
    minute = 0
    for length, factor, bad, release in pieces:
        for _ in range(length):
            yield minute, factor, bad, release
            minute += 1


def looked_at(cells: Sequence[Cell], minutes: int = WINDOW) -> Replay:
    ledger = Ledger([rule.reading for rule in RULES], [DEPLOYED], WINDOW)
    ledger.add(cells)
    at = datetime.fromtimestamp(DEPLOYED * 60, UTC)
    deployment = Deployment(release="new", environment="production", deployed_at=at)
    replay = Replay(ledger, RULES, deployment, Promise(window_minutes=WINDOW, baseline_minutes=DAYS * 1440))
    replay.look(DEPLOYED + minutes)
    return replay


def contradictions(replay: Replay, rule: Rule, finding: Finding) -> Iterator[str]:
    """What is wrong with a sentence, judged by its own numbers."""
    of_others = finding.verdict is Verdict.WARN and rule.id in {**replay.state.alike, **replay.state.harmed}
    said, against = finding.reason, finding.verdict in {Verdict.FAIL, Verdict.WARN} and not of_others
    # Rows without a tag count by time: what failed while they were the most of it stays, whatever comes later.
    if against and not replay.state.traffic.is_live and not replay.state.traffic.log.fresh:
        yield "held against a release that serves nobody"
    if against and (finding.evidence.silence_cause == "release_not_live" or SERVES_NOBODY.search(said)):
        yield "held against the release, though other releases made the events"
    if SERVES_NOBODY.search(said) and replay.state.traffic.log.tagged:
        yield "serves somebody"
    if finding.evidence.failed_at is not None and not (against or of_others):
        yield "failed, and is not held against the release"
    yield from (_of_errors if rule.kind == "signal" else _of_volume)(replay, rule, finding, against)


def _of_errors(replay: Replay, rule: Rule, finding: Finding, against: bool) -> Iterator[str]:
    found = ERRORS.search(finding.reason)
    if found is None:
        yield "tells no numbers"
        return
    errors, events, minutes = (int(number) for number in found.groups())
    share, usual = errors / events if events else 0.0, replay.state.known.errors[rule.id].share
    if errors > events or not 0 <= minutes <= WINDOW:
        yield "numbers that cannot be"
    if against and share <= usual:
        yield "no more errors than usual"
    harm = re.search(r"harm begins at ([\d.]+)%", finding.reason)
    if harm and share < float(harm[1]) / 100 - 0.0006:
        yield "below the harm that it names"
    if finding.verdict is Verdict.PASS and share >= limit_of(replay.state, rule):
        yield "passes with harm"


def _of_volume(replay: Replay, rule: Rule, finding: Finding, against: bool) -> Iterator[str]:
    found = VOLUME.search(finding.reason)
    if found is None:
        yield "tells no numbers"
        return
    seen, expected = int(found[1]), float(found[3])
    if against and "a loss of" in finding.reason and seen >= expected + 0.06:
        yield "a loss, and more than expected"
    if against and "times the usual" in finding.reason and seen <= expected - 0.06:
        yield "a spike, and fewer than expected"
    if against and ("a loss of" in finding.reason) == ("times the usual" in finding.reason):
        yield "both a loss and a spike, or neither"
    if against and seen > expected and "nothing of the new release" in finding.reason:
        yield "a spike by silence"
    if "users are away" in finding.reason and "nothing of the new release" not in finding.reason:
        yield "away, and not since when"
    if finding.verdict is Verdict.PASS and rule.max_drop and seen < (1 - rule.max_drop) * expected - 0.06:
        yield "passes with a loss"


def wrong_in(replay: Replay) -> list[str]:
    found = ((rule, explain(replay.state, rule)) for rule in RULES)
    return [f"{what}: {one.reason}" for rule, one in found for what in contradictions(replay, rule, one)]


pieces = st.lists(
    st.tuples(
        st.integers(1, 40),
        st.sampled_from([0.0, 0.1, 0.5, 1.0, 1.0, 1.5, 3.0, 8.0]),
        st.sampled_from([0.0, 0.01, 0.01, 0.05, 0.3, 1.0]),
        st.sampled_from(["new", "new", "old", None]),
    ),
    min_size=1,
    max_size=4,
)


@settings(max_examples=examples(60), derandomize=True)
@given(
    st.sampled_from([0.05, 0.5, 2.0, 12.0]),
    st.sampled_from([0.0, 0.01, 0.1, 0.6, 0.97]),
    pieces,
    pieces,
    st.integers(1, WINDOW + 20),
)
def test_no_sentence_contradicts_its_own_numbers(
    rate: float, share: float, mail: Sequence[Piece], sms: Sequence[Piece], minutes: int
) -> None:
    cells = [*cells_of("mail", rate, share, mail, 1), *cells_of("sms", rate, 0.01, sms, 2)]
    assert wrong_in(looked_at(cells, minutes)) == []


def findings(mail: Sequence[Piece], sms: Sequence[Piece], rate: float = 4.0, share: float = 0.01) -> dict[str, Finding]:
    replay = looked_at([*cells_of("mail", rate, share, mail, 1), *cells_of("sms", rate, 0.01, sms, 2)])
    assert wrong_in(replay) == []
    return {rule.id: explain(replay.state, rule) for rule in RULES}


def test_a_spike_of_other_releases_does_not_fail_one_that_serves_nobody():
    found = findings([(60, 6.0, 0.01, "old")], [(60, 1.0, 0.01, "old")])
    assert found["mail.volume"].verdict is Verdict.INCONCLUSIVE
    assert SERVES_NOBODY.search(found["mail.volume"].reason)


def test_a_loss_of_other_releases_does_not_either():
    found = findings([(20, 1.5, 0.01, "old"), (40, 0.0, 0.0, "old")], [(60, 1.0, 0.01, "old")])
    assert found["mail.volume"].verdict is Verdict.INCONCLUSIVE


def test_what_came_before_it_was_live_is_not_held_against_a_release_that_then_is():
    found = findings([(30, 0.0, 0.0, "old"), (30, 1.0, 0.01, "new")], [(30, 2.0, 0.01, "old"), (30, 1.0, 0.01, "new")])
    assert found["mail.volume"].verdict is not Verdict.FAIL


def test_a_silence_after_a_spike_is_told_by_its_own_numbers():
    found = findings([(20, 4.0, 0.01, "new"), (40, 0.0, 0.0, "new")], [(60, 1.0, 0.01, "new")])
    told = VOLUME.search(found["mail.volume"].reason)
    assert found["mail.volume"].verdict is Verdict.FAIL
    assert told is not None


def test_errors_after_calm_are_told_by_their_own_numbers():
    found = findings([(45, 1.0, 0.0, "new"), (15, 1.0, 0.4, "new")], [(60, 1.0, 0.01, "new")], share=0.2)["mail.errors"]
    told = ERRORS.search(found.reason)
    assert told is not None
    if found.verdict is Verdict.FAIL:
        assert int(told[1]) / int(told[2]) > 0.2


def test_a_failure_keeps_its_sentence_when_things_are_well_again():
    now = [(10, 1.0, 1.0, "new"), (50, 1.0, 0.0, "new")]
    found = findings(now, [(60, 1.0, 0.01, "new")])["mail.errors"]
    assert found.verdict is Verdict.FAIL
    told = ERRORS.search(found.reason)
    assert told is not None
    assert int(told[1]) / int(told[2]) > 0.9
    assert math.isclose(found.evidence.failed_on.errors, int(told[1]))
