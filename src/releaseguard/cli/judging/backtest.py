"""``releaseguard backtest``: what ``verify`` would have said of past releases, and when."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from releaseguard.cli.shared.options import FilePath, Run, Span, check_spans, command
from releaseguard.cli.shared.streams import line_width
from releaseguard.cli.shared.traces import write_trace
from releaseguard.errors import ConfigError, ExitCode, ReleaseguardError

if TYPE_CHECKING:
    from releaseguard.cards.spec import Card
    from releaseguard.report.backtest.document import BacktestDocument
    from releaseguard.settings import Settings
    from releaseguard.verification.backtesting.comparing import ComparedMeasure
    from releaseguard.verification.backtesting.measuring import Measured
    from releaseguard.wiring import Wiring


@command("backtest", example="releaseguard backtest --environment all --json")
@click.option("--environment", metavar="E|all", help="Environment, or all  [default: the project's own]")
@click.option("--window", type=Span(), metavar="30m", help="How long after each deployment to look.")
@click.option("--baseline", type=Span(), metavar="28d", help="How long before it to compare with.")
@click.option("--every", type=Span(), default="1m", metavar="1m", help="How often to look.")
@click.option("--labels", type=FilePath(exists=True), help='Which were good, as JSON {"RELEASE": true}.')
@click.option("--plant", is_flag=True, help="Plant harms into copies of the history, in memory: which show, how soon.")
@click.option("--against", type=FilePath(exists=True), metavar="FILE", help="Compare with the settings in this file.")
def backtest(
    run: Run, environment: str | None, window: timedelta | None, baseline: timedelta | None, **flags: Any
) -> ExitCode:
    """Replay `verify` over every release in the log, minute by minute, each look with only the rows that had been
    recorded by then: the checks of errors and volumes, which are judged by statistics. Checks that look at single
    rows, at the present or at flows are verify's alone. Where release_outcome events or --labels say which releases
    were good, false alarms are counted, and what other thresholds would have done. Exit code 70 where a check broke.

    --plant puts harms into copies of the history and says which are found and how soon; the result is kept in the log
    and shown by later verdicts. --against FILE, another releaseguard.toml with the cards beside it (the main branch's,
    for a pull request that changes cards), replays both settings over the same history: exit code 1 where those of
    this run are worse by any measure.
    """
    from releaseguard.report.backtest.document import broken
    from releaseguard.report.backtest.text import render
    from releaseguard.report.layout.text import fitting

    check_spans(window=window, baseline=baseline, every=flags["every"])
    everywhere = environment == "all"
    with run.wiring(None if everywhere else environment) as wiring:
        asked = _Replay(None if everywhere else wiring.settings.environment, window, baseline, **flags)
        document = _documented(run, wiring, asked)
    run.emit(lambda: fitting(render(document), line_width()), document)
    if broken(document):
        return ExitCode.BUG
    return ExitCode.BAD if any(one["worse"] for one in document["compared"]) else ExitCode.OK


@dataclass(frozen=True, slots=True)
class _Replay:
    """The flags of one call."""

    environment: str | None
    window: timedelta | None
    baseline: timedelta | None
    every: timedelta
    labels: Path | None
    plant: bool
    against: Path | None


def _documented(run: Run, wiring: Wiring, asked: _Replay) -> BacktestDocument:
    """What is said of the past, after the gate's record was kept and what could not be read was told."""
    from releaseguard.verification.backtesting.document import backtest_document_of

    measured = _measured(wiring, wiring.settings, list(wiring.cards), asked)
    against = _against(run, wiring, measured, asked)
    _keep(run, wiring, measured)
    run.warn_of(measured.backtest.set_aside)
    return backtest_document_of(measured, against)


def _measured(wiring: Wiring, settings: Settings, cards: Sequence[Card], asked: _Replay) -> Measured:
    """The past under some settings."""
    from releaseguard.compose.verification import population_of, promise_of
    from releaseguard.verification.backtesting.measuring import measured_of
    from releaseguard.verification.backtesting.replays import BacktestRequest

    request = BacktestRequest(
        environment=asked.environment,
        promise=promise_of(settings, asked.window, asked.baseline),
        every=asked.every,
        outcomes=_labels(asked.labels),
        population=population_of(settings),
    )
    plant = asked.plant or asked.against is not None
    return measured_of(wiring.stores.log, cards, request, write_trace, plant=plant)


def _against(run: Run, wiring: Wiring, measured: Measured, asked: _Replay) -> Sequence[ComparedMeasure]:
    """This run's settings beside the others, over this run's log. Raises ``ConfigError`` for the other file."""
    from releaseguard.compose.known import configuration
    from releaseguard.verification.backtesting.comparing import compared

    if asked.against is None:
        return ()
    others = configuration.load(asked.against, environment=asked.environment, environ=run.environ)
    return compared(measured, _measured(wiring, others, list(configuration.cards_of(others)), asked))


def _keep(run: Run, wiring: Wiring, measured: Measured) -> None:
    """Write the gate's record into the log, for later verdicts; one that takes no rows undoes nothing."""
    from releaseguard.verification.backtesting.record import record_of, recorded_row

    log = wiring.stores.log
    promised = wiring.settings.verify.false_alarm_rate
    try:
        for name in measured.planted:
            record = record_of(measured, name, promised, log.now())
            log.append([recorded_row(record, name, log.now())])
    except ReleaseguardError as error:
        if error.exit_code is ExitCode.REFUSED:
            raise
        run.warn(f"What was measured could not be written to the event log: {error}")


def _labels(path: Path | None) -> Mapping[str, bool]:
    if path is None:
        return {}
    try:
        given = json.loads(path.read_text(encoding="utf-8-sig"))
    except (OSError, ValueError) as error:
        raise ConfigError(f"cannot be read as JSON: {error}", where=str(path)) from error
    if not isinstance(given, dict) or not all(isinstance(good, bool) for good in given.values()):
        raise ConfigError("is not an object of releases and true or false", where=str(path))
    return given
