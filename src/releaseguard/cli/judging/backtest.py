"""``releaseguard backtest``: what ``verify`` would have said of past releases, and when."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from releaseguard import readable
from releaseguard.cli.shared.options import Run, Span, check_spans, command
from releaseguard.cli.shared.traces import write_trace
from releaseguard.errors import ConfigError, ExitCode
from releaseguard.model import Verdict, to_text

if TYPE_CHECKING:
    from releaseguard.verification.backtest import Replayed, Threshold
    from releaseguard.verification.values import Finding

RATES = (0.001, 0.005, 0.01, 0.02, 0.05, 0.1)


@command("backtest", example="releaseguard backtest --environment all --json")
@click.option("--environment", metavar="E|all", help="Environment, or all  [default: the project's own]")
@click.option("--window", type=Span(), metavar="30m", help="How long after each deployment to look.")
@click.option("--baseline", type=Span(), metavar="7d", help="How long before it to compare with.")
@click.option("--every", type=Span(), default="1m", metavar="1m", help="How often to look.")
@click.option(
    "--labels", type=click.Path(path_type=Path, exists=True), help='JSON: {"RELEASE": true} says which were good.'
)
def backtest(
    run: Run,
    environment: str | None,
    window: timedelta | None,
    baseline: timedelta | None,
    every: timedelta,
    labels: Path | None,
) -> ExitCode:
    """Replay `verify` over every release in the log, minute by minute, each look with only the rows that had been
    recorded by then: the checks of errors and volumes, which are judged by statistics. Checks that look at single
    rows, at the present or at flows are verify's alone. Where release_outcome events or --labels say which releases
    were good, false alarms are counted, and what other thresholds would have done. Exit code 70 where a check broke.
    """
    from releaseguard.eventlog.interface import Query
    from releaseguard.eventlog.rows.aside import tally_of
    from releaseguard.verification.backtest import backtest as replay
    from releaseguard.verification.backtest import histories, other_thresholds, with_truth

    check_spans(window=window, baseline=baseline, every=every)
    everywhere = environment == "all"
    with run.wiring(None if everywhere else environment) as wiring:
        known = _labels(labels)
        chosen, promise = (
            None if everywhere else wiring.settings.environment,
            wiring.verification.promise(window, baseline),
        )
        past = histories(wiring.stores.log, chosen, promise.window)
        run.warn_of(tally_of(wiring.stores.log.set_aside(Query(environment=chosen))))
        found = replay(wiring.stores.log, past, list(wiring.cards), promise, every, write_trace)
    replayed = [with_truth(one, {**past[one.deployment.environment].outcomes, **known}) for one in found]
    thresholds = other_thresholds(replayed, RATES)
    run.emit(lambda: _text(replayed, thresholds), _document(replayed, thresholds))
    return ExitCode.BUG if any(_broken(replayed)) else ExitCode.OK


def _broken(replayed: Sequence[Replayed]) -> Iterator[tuple[Replayed, Finding]]:
    """The checks that could not be judged because they broke, each once."""
    told = set()
    for one in replayed:
        for finding in one.findings:
            if finding.verdict is Verdict.ERROR and finding.id not in told:
                told.add(finding.id)
                yield one, finding


def _labels(path: Path | None) -> Mapping[str, bool]:
    if path is None:
        return {}
    try:
        given = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ConfigError(f"cannot be read as JSON: {error}", where=str(path)) from error
    if not isinstance(given, dict) or not all(isinstance(good, bool) for good in given.values()):
        raise ConfigError("is not an object of releases and true or false", where=str(path))
    return given


def _document(replayed: Sequence[Replayed], thresholds: Sequence[Threshold]) -> Mapping[str, Any]:
    return {
        "releases": [_row(one) for one in replayed],
        "false_alarms": _false_alarms(replayed),
        "thresholds": [
            {
                "false_alarm": one.false_alarm,
                "failed": one.failed,
                "failed_good": one.failed_good,
                "failed_bad": one.failed_bad,
            }
            for one in thresholds
        ],
    }


def _row(one: Replayed) -> Mapping[str, Any]:
    from releaseguard.verification.document import row_of

    return {
        "release": one.deployment.release,
        "environment": one.deployment.environment,
        "deployed_at": to_text(one.deployment.deployed_at),
        "verdict": one.verdict.value,
        "failed_after_s": one.failed_after_s,
        "decided_after_s": one.decided_after_s,
        "good": one.good,
        "checks": [row_of(finding) for finding in one.findings],
    }


def _false_alarms(replayed: Sequence[Replayed]) -> Mapping[str, int] | None:
    good = [one for one in replayed if one.good is True]
    bad = [one for one in replayed if one.good is False]
    if not good and not bad:
        return None
    return {
        "good": len(good),
        "good_failed": sum(one.failed_after_s is not None for one in good),
        "bad": len(bad),
        "bad_failed": sum(one.failed_after_s is not None for one in bad),
        "bad_passed": sum(one.verdict.value == "pass" for one in bad),
    }


def _text(replayed: Sequence[Replayed], thresholds: Sequence[Threshold]) -> str:
    if not replayed:
        return "No release_deployed event is in the log.\nnext: releaseguard events deployed --release SHA"
    lines = [f"{'verdict':<13} {'after':>6}  {'deployed':<17} {'environment':<12} release"]
    lines += [_line(one) for one in replayed]
    if alarms := _false_alarms(replayed):
        lines += [
            "",
            f"good releases: {alarms['good']}, of them failed (false alarms): {alarms['good_failed']}",
            f"bad releases: {alarms['bad']}, of them failed: {alarms['bad_failed']}, passed: {alarms['bad_passed']}",
        ]
    lines += [f"{one.deployment.release}: {finding.id} {finding.reason}" for one, finding in _broken(replayed)]
    lines += ["", "other promises of false alarms ([verify] false_alarm_rate) would have failed:"]
    return "\n".join([*lines, *(_threshold(one) for one in thresholds)])


def _line(one: Replayed) -> str:
    minutes = "-" if one.verdict is Verdict.INCONCLUSIVE else readable.minutes(timedelta(seconds=one.decided_after_s))
    deployed = to_text(one.deployment.deployed_at)[:16]
    truth = {True: "  (good)", False: "  (bad)", None: ""}[one.good]
    place = f"{deployed:<17} {one.deployment.environment:<12} {one.deployment.release}{truth}"
    return f"{one.verdict.value.upper():<13} {minutes:>6}  {place}"


def _threshold(one: Threshold) -> str:
    known = "" if one.failed_good is None else f" ({one.failed_good} good, {one.failed_bad} bad)"
    return f"  {one.false_alarm:>6.1%}  {one.failed} releases{known}"
