"""``releaseguard audit``: who rotated what, whether the history is intact, and a post-mortem."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from releaseguard import readable
from releaseguard.cli.shared.help import SpokenGroup
from releaseguard.cli.shared.options import OutputPath, Run, command
from releaseguard.cli.shared.streams import line_width
from releaseguard.errors import ExitCode, UsageError
from releaseguard.harmless import harmless
from releaseguard.report.formats import POSTMORTEM
from releaseguard.report.layout.display import Display
from releaseguard_events.private import write_file

if TYPE_CHECKING:
    from releaseguard.audit.chain import ChainKey
    from releaseguard.report.answers import DisownedDocument
    from releaseguard.wiring import Wiring

_environment = click.option("--environment", metavar="E", help="Only this environment (else all).")


@click.group(
    "audit", cls=SpokenGroup, epilog="Example: releaseguard audit verify --head 'sendgrid@production#12:9f2c...'"
)
def audit() -> None:
    """Show who rotated what, when, why, and with which proof; check integrity; write a post-mortem."""


@command("show", group=audit, example="releaseguard audit show sendgrid")
@click.argument("provider", required=False)
@_environment
def show(run: Run, provider: str | None, environment: str | None) -> None:
    """Show every rotation: who, what, when, why, with which proof; first open leaks, and keys that are still in use
    although somebody confirmed that they are revoked; then histories that are broken, and rows that claim to be
    releaseguard's and are not (they change nothing).

    JSON: {"open_leaks": [...], "still_used": [...], "rotations": [...], "chains": [{"lane", "head"}],
    "foreign": [{"id", "recorded_at", "event", "lane", "problem"}],
    "broken": [{"lane", "step", "problem", "next_step"}]}.
    """
    from releaseguard.rotation.overview import document_of, overview_of, text_of

    with run.wiring(environment) as wiring:
        if provider is not None:
            wiring.cards.get(provider)
        found = overview_of(wiring.stores.log, wiring.cards, provider, environment)
    run.emit(lambda: text_of(found, line_width()), document_of(found))


@command("verify", group=audit, example="releaseguard audit verify --head 'sendgrid@production#12:9f2c...'")
@click.option(
    "--head",
    "heads",
    multiple=True,
    metavar="HEAD",
    help="A head that a run printed (may be repeated): finds cut tails.",
)
@_environment
def verify(run: Run, heads: Sequence[str], environment: str | None) -> ExitCode:
    """Check every chain in the log for edits, deletions and reordering, with --head also for cut tails and missing
    chains; and list every row that claims to be releaseguard's and is not.

    Exit code 0 intact, 1 not. JSON: {"intact", "chains": [{"lane", "head", "findings": [{"step", "problem"}]}],
    "foreign": [{"id", "recorded_at", "event", "lane", "problem"}]}.
    """
    from releaseguard.audit.chain import parse_head
    from releaseguard.audit.integrity import verify_log
    from releaseguard.audit.telling import document_of, text_of
    from releaseguard.report.layout.text import fitting
    from releaseguard.rotation.history.events import TYPES
    from releaseguard.rotation.history.rows import fault

    parsed = [parse_head(head) for head in heads]
    with run.wiring(environment) as wiring:
        found = verify_log(wiring.stores.log, parsed, _expected(wiring), fault=fault, names=TYPES)
    run.emit(lambda: fitting(text_of(found, parsed), line_width()), document_of(found))
    return ExitCode.OK if found.intact else ExitCode.BAD


def _expected(wiring: Wiring) -> Sequence[ChainKey]:
    """Every chain that the project may have: one of a single step that was defaced is looked for by its id."""
    from releaseguard.audit.chain import ChainKey

    environments = {wiring.settings.environment, *wiring.settings.siblings}
    return [ChainKey(card.id, environment) for card in wiring.cards for environment in sorted(environments)]


@command("disown", group=audit, example='releaseguard audit disown sendgrid@production --reason "forged, see 412"')
@click.argument("chain_key", metavar="LANE")
@click.option("--reason", required=True, metavar="TEXT", help="What a look at the rows showed.")
@click.option("--yes", is_flag=True, help="Do not ask.")
def disown(run: Run, chain_key: str, reason: str, yes: bool) -> None:
    """Record that rows which failed the check are not part of a lane's history, so that rotations go on from the last
    good step. LANE is a provider and an environment, as `audit verify` prints it.

    What only those rows say counts for nothing from then on: a leak that only they report counts as closed. Look first:
    releaseguard audit verify. Exit code 4 where there is no terminal to confirm it on.

    JSON: {"lane", "disowned": [ids], "head"}.
    """
    from releaseguard.audit.telling import foreign_lines
    from releaseguard.cli.shared.confirm import ask
    from releaseguard.rotation.history import disown as mend

    parsed = _lane(chain_key)
    reason = run.said("--reason", reason)
    with run.wiring(parsed.environment, declared=False) as wiring:
        journal = wiring.rotation.journal(parsed)
        rows = mend.unsettled(journal.load())
        if not yes:
            these = readable.agree(len(rows), "row here is", "rows here are")
            ask("\n".join([*foreign_lines(rows), f"Decide that {these} not part of {chain_key}?"]))
        view = mend.disown(journal, reason)
    ids = [str(one.event.id) for one in rows]
    document: DisownedDocument = {"lane": chain_key, "disowned": ids, "head": str(view.head)}
    run.emit(f"{readable.agree(len(ids), 'row is', 'rows are')} disowned.\n  head: {view.head}", document)


def _lane(text: str) -> ChainKey:
    from releaseguard.audit.chain import parse_chain_key

    chain_key = parse_chain_key(text)
    if chain_key is None:
        raise UsageError(
            f"{text!r} is not a lane", next_step="Copy it from releaseguard audit verify: sendgrid@production."
        )
    return chain_key


@command("report", group=audit, example="releaseguard audit report --format html -o postmortem.html")
@click.option("--rotation", metavar="ID", help="Which rotation (else the newest leak, else the newest of all).")
@_environment
@click.option("--format", "form", type=click.Choice(list(POSTMORTEM)), default="md", show_default=True)
@click.option("-o", "--output", type=OutputPath(), metavar="FILE", help="Write here instead of stdout.")
def report(run: Run, rotation: str | None, environment: str | None, form: str, output: Path | None) -> None:
    """Write a post-mortem: timeline, time to contain, exposure, what is still open. With --json: the report's data."""
    from releaseguard.rotation.exposure.lookup import postmortem_of

    with run.wiring(environment) as wiring:
        document = postmortem_of(wiring.stores.log, rotation, environment)
    if output is None:
        run.emit(lambda: POSTMORTEM[form](document, Display(zone=run.zone)).rstrip("\n"), document)
        return
    _write(output, POSTMORTEM[form](document, Display(zone=run.zone)))
    run.emit(f"The post-mortem is in {output}.", document)


def _write(output: Path, text: str) -> None:
    try:
        write_file(output, harmless(text))
    except OSError as error:
        raise UsageError(f"cannot write {output}: {error.strerror}", next_step="Name a file you may write.") from None
