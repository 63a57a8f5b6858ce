"""``releaseguard audit``: who rotated what, whether the history is intact, and a post-mortem."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from releaseguard import readable
from releaseguard.cli.shared.options import Run, command
from releaseguard.cli.shared.streams import line_width
from releaseguard.errors import ExitCode, UsageError
from releaseguard.harmless import harmless
from releaseguard.report.formats import POSTMORTEM
from releaseguard.report.layout.display import Display
from releaseguard_events.private import write_file

if TYPE_CHECKING:
    from releaseguard.audit.chain import ChainKey, Head
    from releaseguard.audit.histories import Foreign, Histories
    from releaseguard.audit.integrity import ChainReport
    from releaseguard.eventlog.interface import EventLog, SetAside
    from releaseguard.rotation.drift.revocation import StillUsed
    from releaseguard.rotation.history.account import RotationAccount
    from releaseguard.wiring import Wiring

COLUMNS = ("began", "provider", "state", "versions", "by", "proof", "environment", "why", "rotation")
"""Of the table of rotations, in order of importance."""

_environment = click.option("--environment", metavar="E", help="Only this environment (else all).")


@click.group("audit", epilog="Example: releaseguard audit verify --head 'sendgrid@production#12:9f2c...'")
def audit() -> None:
    """Who rotated what, when, why, and with which proof; integrity; a post-mortem."""


@command("show", group=audit, example="releaseguard audit show sendgrid")
@click.argument("provider", required=False)
@_environment
def show(run: Run, provider: str | None, environment: str | None) -> None:
    """Every rotation: who, what, when, why, with which proof; first open leaks, and keys that are still in use
    although somebody confirmed that they are revoked; then histories that are broken, and rows that claim to be
    releaseguard's and are not (they change nothing).

    JSON: {"open_leaks": [...], "still_used": [...], "rotations": [...], "chains": [{"lane", "head"}],
    "foreign": [{"id", "recorded_at", "event", "lane", "problem"}],
    "broken": [{"lane", "step", "problem", "next_step"}]}.
    """
    from releaseguard.rotation.history.account import account_of, to_json

    with run.wiring(environment) as wiring:
        if provider is not None:
            wiring.cards.get(provider)
        account = account_of(_histories(wiring.stores.log), provider, environment)
        still = _still_used(wiring, account)
    document = {**to_json(account), "still_used": [one.to_json() for one in still]}
    run.emit(lambda: _show_text(account, still), document)


def _still_used(wiring: Wiring, account: RotationAccount) -> Sequence[StillUsed]:
    from releaseguard.rotation.drift.revocation import still_used
    from releaseguard.rotation.drift.survey import companions_of

    cards = {card.id: card for card in wiring.cards}
    found: list[StillUsed] = []
    for view in account.chains:
        card = cards.get(view.chain_key.provider)  # a chain outlives the card of a provider that is not used any more
        found += still_used(wiring.stores.log, view, companions_of(card) if card else {})
    return found


def _histories(log: EventLog) -> Histories:
    from releaseguard.eventlog.interface import Query
    from releaseguard.rotation.history.reading import read_log

    return read_log(log, Query())


def _show_text(account: RotationAccount, still: Sequence[StillUsed]) -> str:
    from releaseguard.report.layout import table
    from releaseguard.rotation.history.account import leak_row, rotation_row

    lines = []
    for chain_key, leak in account.open_leaks:
        row = leak_row(chain_key, leak)
        lines += [f"OPEN LEAK  {row['provider']} in {row['environment']}: {leak.unit}, since {_minute(row['since'])}"]
        lines += [f"  why:  {row['reason']}", f"  next: {row['next_step']}"]
    for one in still:
        lines += [f"STILL USED  {one.chain_key.provider} in {one.chain_key.environment}: {one.unit}"]
        lines += [f"  why:  {one.sentence()}", f"  next: {one.next_step}"]
    lines += _distrusted(account)
    rows = [_cells(rotation_row(chain_key, rotation)) for chain_key, rotation in account.rotations]
    if rows:
        lines += [*([""] if lines else []), table.render(rows, COLUMNS, line_width())]
    return "\n".join(lines) or "No rotation is in the log."


def _distrusted(account: RotationAccount) -> Sequence[str]:
    from releaseguard.rotation.history.account import broken_row

    lines = []
    for view in account.broken:
        row = broken_row(view)
        lines += [f"BROKEN  {row['lane']}: step {row['step']} {row['problem']}", f"  next: {row['next_step']}"]
    return [*lines, *_foreign_lines(account.foreign)]


def _foreign_lines(rows: Sequence[Foreign]) -> Sequence[str]:
    """Rows that claim to be ours and are not; each, since whoever looks here wants to find them."""
    return [f"FOREIGN  {one.sentence()}" for one in rows]


def _cells(row: Mapping[str, Any]) -> Mapping[str, str]:
    proof = row["proof"]
    return {
        "began": _minute(row["began_at"]),
        "provider": row["provider"],
        "state": row["state"],
        "versions": ", ".join(
            f"{one['name']} {one['from_version'] or '?'}>{one['to_version'] or '?'}" for one in row["secrets"]
        ),
        "by": row["by"] or "",
        "proof": f"{proof['grade']}, {len(proof['events'])} events" if proof["grade"] else "",
        "environment": row["environment"],
        "why": row["reason"] or "",
        "rotation": row["rotation_id"],
    }


def _minute(text: str) -> str:
    return readable.date_and_clock(text)


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
    """Every chain in the log: edits, deletions, reordering; with --head also cut tails and missing chains. And every
    row that claims to be releaseguard's and is not.

    Exit code 0 intact, 1 not. JSON: {"intact", "chains": [{"lane", "head", "findings": [{"step", "problem"}]}],
    "foreign": [{"id", "recorded_at", "event", "lane", "problem"}]}.
    """
    from releaseguard.audit.chain import parse_head
    from releaseguard.audit.integrity import verify_log
    from releaseguard.rotation.history.events import TYPES
    from releaseguard.rotation.history.rows import fault

    parsed = [parse_head(head) for head in heads]
    with run.wiring(environment) as wiring:
        found = verify_log(wiring.stores.log, parsed, _expected(wiring), fault=fault, names=TYPES)
    document = {
        "intact": found.intact,
        "chains": [_chain_row(one) for one in found.chains],
        "foreign": [*(one.to_json() for one in found.foreign), *map(_unreadable_row, found.unreadable)],
    }
    lines = [*_foreign_lines(found.foreign), *map(_unreadable_line, found.unreadable)]
    run.emit(lambda: "\n".join([_verify_text(found.chains, parsed), *lines]), document)
    return ExitCode.OK if found.intact else ExitCode.BAD


def _unreadable_row(row: SetAside) -> Mapping[str, Any]:
    from releaseguard.model import to_text

    at = row.recorded_at or row.occurred_at
    problem = f"was edited: its {row.column} {row.problem}"
    return {"id": row.row, "recorded_at": at and to_text(at), "event": row.event, "lane": None, "problem": problem}


def _unreadable_line(row: SetAside) -> str:
    return f"FOREIGN  {row.event or 'a row'}, row {row.row}: was edited: its {row.column} {row.problem}"


def _expected(wiring: Wiring) -> Sequence[ChainKey]:
    """Every chain that the project may have: one of a single step that was defaced is looked for by its id."""
    from releaseguard.audit.chain import ChainKey

    environments = {wiring.settings.environment, *wiring.settings.siblings}
    return [ChainKey(card.id, environment) for card in wiring.cards for environment in sorted(environments)]


def _chain_row(report: ChainReport) -> Mapping[str, Any]:
    return {
        "lane": str(report.chain_key),
        "head": str(report.head) if report.head else None,
        "findings": [{"step": one.step, "problem": one.problem} for one in report.findings],
    }


def _verify_text(reports: Sequence[ChainReport], heads: Sequence[Head]) -> str:
    if not reports:
        return "No chain is in the log."
    anchored = {head.chain_key for head in heads}
    lines = []
    for report in reports:
        word = "CHANGED" if report.findings else "intact "
        length = f"{report.head.length} steps" if report.head else "no step"
        lines.append(f"{word}  {report.chain_key}, {length}")
        lines += [f"  step {finding.step} {finding.problem}" for finding in report.findings]
        if report.head:
            lines.append(f"  head: {report.head}")
    if {report.chain_key for report in reports} - anchored:
        lines.append("A cut tail shows only against a head from an earlier run: --head HEAD.")
    return "\n".join(lines)


@command("disown", group=audit, example='releaseguard audit disown sendgrid@production --reason "forged, see 412"')
@click.argument("chain_key", metavar="LANE")
@click.option("--reason", required=True, metavar="TEXT", help="What a look at the rows showed.")
@click.option("--yes", is_flag=True, help="Do not ask.")
def disown(run: Run, chain_key: str, reason: str, yes: bool) -> None:
    """Record that the rows which are not believed are no part of a lane's history, so that rotations go on where the
    history was last believed. LANE is a provider and an environment, as `audit verify` prints it.

    What those rows tell of is then done for nobody: a leak that only they speak of counts as closed. Look first:
    releaseguard audit verify. Exit code 4 where nobody is here to confirm it.

    JSON: {"lane", "disowned": [ids], "head"}.
    """
    from releaseguard.cli.shared.confirm import ask
    from releaseguard.rotation.history import disown as mend

    parsed = _lane(chain_key)
    reason = run.said("--reason", reason)
    with run.wiring(parsed.environment) as wiring:
        journal = wiring.rotation.journal(parsed)
        rows = mend.unsettled(journal.load())
        if not yes:
            ask("\n".join([*_foreign_lines(rows), f"Decide that these {len(rows)} rows are no part of {chain_key}?"]))
        view = mend.disown(journal, reason)
    ids = [str(one.event.id) for one in rows]
    run.emit(
        f"{len(ids)} rows are disowned.\n  head: {view.head}",
        {"lane": chain_key, "disowned": ids, "head": str(view.head)},
    )


def _lane(text: str) -> ChainKey:
    from releaseguard.audit.chain import parse_chain_key

    chain_key = parse_chain_key(text)
    if chain_key is None:
        raise UsageError(
            f"{text!r} is no lane", next_step="Copy it from releaseguard audit verify: sendgrid@production."
        )
    return chain_key


@command("report", group=audit, example="releaseguard audit report --format html -o postmortem.html")
@click.option("--rotation", metavar="ID", help="Which rotation (else the newest leak, else the newest of all).")
@_environment
@click.option("--format", "form", type=click.Choice(list(POSTMORTEM)), default="md", show_default=True)
@click.option("-o", "--output", type=click.Path(path_type=Path), metavar="FILE", help="Write here instead of stdout.")
def report(run: Run, rotation: str | None, environment: str | None, form: str, output: Path | None) -> None:
    """A post-mortem: timeline, time to contain, exposure, what is still open. With --json: the report's data."""
    from releaseguard.rotation.exposure.lookup import postmortem_of

    with run.wiring(environment) as wiring:
        document = postmortem_of(wiring.stores.log, rotation, environment)
    if output is None:
        run.emit(lambda: POSTMORTEM[form](document, Display()).rstrip("\n"), document)
        return
    _write(output, POSTMORTEM[form](document, Display()))
    run.emit(f"The post-mortem is in {output}.", document)


def _write(output: Path, text: str) -> None:
    try:
        write_file(output, harmless(text))
    except OSError as error:
        raise UsageError(f"cannot write {output}: {error.strerror}", next_step="Name a file you may write.") from None
