"""``releaseguard events log``."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

import click

from releaseguard.cli.shared.options import Moment, Run, command, environment_option
from releaseguard.errors import UsageError

if TYPE_CHECKING:
    from releaseguard.cards.load import Cards
    from releaseguard.model import Event
    from releaseguard.report.answers import WrittenDocument

BY_HAND = frozenset({"release_outcome"})
"""The only events of releaseguard's own that a person may write with ``events log``."""


@command(
    "log",
    example="releaseguard events log sendgrid sendgrid_email_sent success --source web --detail secret_version=7",
)
@click.argument("provider")
@click.argument("event")
@click.argument("outcome", type=click.Choice(["success", "error"]))
@environment_option
@click.option("--error-code", metavar="CODE", help="401, timeout, rls_denied ...")
@click.option("--latency-ms", type=click.IntRange(0, 2**31 - 1), metavar="N")
@click.option("--release", metavar="ID", help="The release that did it.")
@click.option("--source", metavar="NAME", help="Function or service that did it.")
@click.option("--correlation-id", metavar="ID", help="Ties the events of one user action.")
@click.option("--synthetic", is_flag=True, help="Done on behalf of a test user.")
@click.option("--detail", multiple=True, metavar="KEY=VALUE", help="One entry of detail; VALUE may be JSON.")
@click.option("--at", type=Moment(), metavar="TIME", help="When it happened (else now).")
def log_(
    run: Run,
    provider: str,
    event: str,
    outcome: str,
    environment: str | None,
    detail: Sequence[str],
    at: datetime | None,
    **columns: Any,
) -> None:
    """Write one event, scrubbed like an app's. JSON: {"event": columns}."""
    from releaseguard.eventlog.entries import by_hand
    from releaseguard.report.answers import columns_of

    with run.wiring(environment) as wiring:
        _check_names(run, wiring.cards, provider, event)
        given = columns | {"detail": _details(detail)}
        written = by_hand(
            provider, event, outcome, environment=wiring.settings.environment, at=at, environ=run.environ, **given
        )
        wiring.stores.log.append([written])
    _say_what_was_taken_out(run, written)
    document: WrittenDocument = {"event": columns_of(written)}
    run.emit(f"{written.id}", document)


def _say_what_was_taken_out(run: Run, written: Event) -> None:
    from releaseguard.eventlog.export import line
    from releaseguard_events.scrub.rules import MARK

    marks = ", ".join(sorted({f"[{kind}]" for kind in MARK.findall(line(written))}))
    if marks:
        run.warn(f"Something looks like a secret or a person's data, and is stored as {marks}.")


def _check_names(run: Run, cards: Cards, provider: str, event: str) -> None:
    from releaseguard.model import OURSELVES
    from releaseguard.tomlfile import did_you_mean
    from releaseguard_events.ours import OUR_EVENTS

    if provider == OURSELVES:
        if event not in BY_HAND:
            raise UsageError(
                f"{event} of {OURSELVES} is written by its own commands only",
                next_step="Mark a deployment with: releaseguard events deployed --release SHA",
            )
        return
    if event in OUR_EVENTS:
        raise UsageError(
            f"{event} is a name of {OURSELVES}'s own rows", next_step=f"See the card: checks/{provider}.toml"
        )
    expected = cards.get(provider).events
    known = [*expected.success, *expected.error]
    if event not in known:
        run.tell(f"The card {provider} lists no event {event}. {did_you_mean(event, known)}")


def _details(pairs: Sequence[str]) -> dict[str, Any]:
    detail = {}
    for pair in pairs:
        key, separator, value = pair.partition("=")
        if not key or not separator:
            raise UsageError(f"--detail {pair!r} is not KEY=VALUE", next_step="Example: --detail secret_version=7")
        try:
            detail[key] = json.loads(value)
        except (ValueError, RecursionError):
            detail[key] = value
    return detail
