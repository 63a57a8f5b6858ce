"""``releaseguard backtest``: what ``verify`` would have said of past releases, and when."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path

import click

from releaseguard.cli.shared.options import FilePath, Run, Span, check_spans, command
from releaseguard.cli.shared.traces import write_trace
from releaseguard.errors import ConfigError, ExitCode


@command("backtest", example="releaseguard backtest --environment all --json")
@click.option("--environment", metavar="E|all", help="Environment, or all  [default: the project's own]")
@click.option("--window", type=Span(), metavar="30m", help="How long after each deployment to look.")
@click.option("--baseline", type=Span(), metavar="7d", help="How long before it to compare with.")
@click.option("--every", type=Span(), default="1m", metavar="1m", help="How often to look.")
@click.option("--labels", type=FilePath(exists=True), help='JSON: {"RELEASE": true} says which were good.')
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
    from releaseguard.report.backtest.document import broken
    from releaseguard.report.backtest.text import render
    from releaseguard.verification.backtesting.document import backtest_document_of
    from releaseguard.verification.backtesting.replays import BacktestRequest, backtest_of

    check_spans(window=window, baseline=baseline, every=every)
    everywhere = environment == "all"
    with run.wiring(None if everywhere else environment) as wiring:
        request = BacktestRequest(
            environment=None if everywhere else wiring.settings.environment,
            promise=wiring.verification.promise(window, baseline),
            every=every,
            outcomes=_labels(labels),
            population=wiring.verification.population,
        )
        found = backtest_of(wiring.stores.log, list(wiring.cards), request, write_trace)
    run.warn_of(found.set_aside)
    document = backtest_document_of(found.replayed)
    run.emit(lambda: render(document), document)
    return ExitCode.BUG if broken(document) else ExitCode.OK


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
