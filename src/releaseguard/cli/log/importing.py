"""``releaseguard events import``: a team's history from a file."""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import tzinfo
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import click

from releaseguard.cli.shared.options import Run, command, environment_option
from releaseguard.cli.shared.progress import shown
from releaseguard.errors import ExitCode, ReleaseguardError, UsageError

if TYPE_CHECKING:
    from releaseguard.eventlog.imports.files import Problem, Row
    from releaseguard.eventlog.imports.tally import ImportTally
    from releaseguard.eventlog.imports.translation import Translation
    from releaseguard.eventlog.watching import Watch
    from releaseguard.model import Event
    from releaseguard.wiring import Wiring

STDIN = "-"
TOLD_EVERY = 500
"""Rows between two words about how far it is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Flags:
    """The command's flags as they were given."""

    form: str | None
    columns: Sequence[str]
    constants: Sequence[str]
    values: Sequence[str]
    timezone: str | None
    dry_run: bool
    strict: bool


@command(
    "import",
    example="releaseguard events import mails.csv --column occurred_at=created_at --set provider=sendgrid",
)
@click.argument("file", metavar="FILE")
@environment_option
@click.option("--format", "form", type=click.Choice(["jsonl", "csv"]), help="Of the file (else by its name).")
@click.option("--column", "columns", multiple=True, metavar="COLUMN=THEIRS", help="What the file calls our column.")
@click.option("--set", "constants", multiple=True, metavar="COLUMN=VALUE", help="Our column in every row.")
@click.option("--value", "values", multiple=True, metavar="COLUMN:THEIRS=OURS", help="What a value of theirs means.")
@click.option("--timezone", metavar="ZONE", help="Of times without an offset (Europe/Istanbul).")
@click.option("--dry-run", is_flag=True, help="Read and report, write nothing.")
@click.option("--strict", is_flag=True, help="Stop at the first line that cannot be read.")
def import_(run: Run, file: str, environment: str | None, **flags: Any) -> ExitCode:
    """Import a team's history from FILE (- is stdin), so that a first verdict has something to compare with.

    JSON Lines as `events export` writes them, or CSV with a heading; columns under other names are found with
    [events.columns] and --column. A row needs occurred_at, provider, event and outcome, keeps its recorded_at (else its
    occurred_at) and is scrubbed like an app's. Times are as in 2026-11-24T10:15:00Z, or a number since 1970: seconds
    (10 digits), milliseconds (13) or microseconds (16). Importing twice adds nothing: a row keeps its id where that is
    a UUID, else its id is made from all of its content. detail.import of each row names the batch. Rows of provider
    releaseguard are left out. A bad row is reported by line and column, and the rest is imported.

    Needs the table's owner; over a REST interface it is refused.

    JSON: {"file", "batch", "dry_run", "rows", "new", "since", "until", "broken": {"rows", "first": [{"line", "column",
    "problem"}]}, "emptied": {column: fields}, "own_rows", "unknown_events": [{"provider", "event", "rows"}],
    "unused_columns"}; "new" is null with --dry-run.
    """
    return _import_file(run, file, environment, Flags(**flags))


def _import_file(run: Run, name: str, environment: str | None, flags: Flags) -> ExitCode:
    """Read, write, report. Raises ``UsageError`` for flags and files that do not fit."""
    from releaseguard.cli.log.import_report import as_text, document
    from releaseguard.eventlog.imports.tally import ImportTally

    with run.wiring(environment) as wiring, _opened(name) as file, shown(run) as watch:
        if not flags.dry_run:
            wiring.stores.log.restore(())  # a refusal comes before a long file is read
        translation = _translation(wiring, flags)
        tally = ImportTally(strict=flags.strict)
        events = _watched(_events(run, wiring, _rows(name, file, flags), translation, tally), file, watch)
        with _located(name):
            new = _taken(run, wiring, name, events, tally, dry_run=flags.dry_run)
    _refuse_nothing(name, tally)
    run.emit(lambda: as_text(name, tally, translation.batch, new), document(name, tally, translation.batch, new))
    return ExitCode.OK


@contextmanager
def _opened(name: str) -> Iterator[io.BufferedReader]:
    if name == STDIN:
        reader = io.BufferedReader(cast("Any", sys.stdin.buffer))
        try:
            yield reader
        finally:
            reader.detach()  # or stdin would be closed with it
        return
    try:
        with Path(name).open("rb") as file:
            yield file
    except OSError as error:
        raise UsageError(
            f"cannot be read: {error.strerror}", where=name, next_step="Name a file, or - for stdin."
        ) from None


def _translation(wiring: Wiring, flags: Flags) -> Translation:
    from releaseguard.eventlog.imports.translation import Translation
    from releaseguard.model import new_id

    mapped = wiring.settings.events.columns
    return Translation(
        columns={
            **{ours: theirs for ours, theirs in mapped.items() if theirs and isinstance(theirs, str)},
            **_pairs("column", flags.columns),
        },
        constants=_pairs("set", flags.constants),
        values={_of_column(left): right for left, right in _pairs("value", flags.values).items()},
        timezone=_zone(flags.timezone),
        environment=wiring.settings.environment,
        batch=str(new_id()),
        now=wiring.stores.log.now() if not flags.dry_run else _now(),
    )


def _now() -> Any:
    from releaseguard.model import utc_now

    return utc_now()


def _pairs(flag: str, texts: Sequence[str]) -> Mapping[str, str]:
    pairs = {}
    for text in texts:
        left, separator, right = text.partition("=")
        if not (left and separator):
            raise UsageError(f"--{flag} {text!r} is not {_FORMS[flag]}", next_step=f"Example: {_EXAMPLES[flag]}")
        pairs[left] = right
    return pairs


_FORMS = {"column": "COLUMN=THEIRS", "set": "COLUMN=VALUE", "value": "COLUMN:THEIRS=OURS"}
_EXAMPLES = {
    "column": "--column occurred_at=created_at",
    "set": "--set provider=sendgrid",
    "value": "--value outcome:failure=error",
}


def _of_column(text: str) -> tuple[str, str]:
    column, separator, theirs = text.partition(":")
    if not separator:
        raise UsageError(f"--value {text!r} names no column", next_step=f"Example: {_EXAMPLES['value']}")
    return column, theirs


def _zone(name: str | None) -> tzinfo | None:
    from zoneinfo import ZoneInfo

    if name is None:
        return None
    try:
        return ZoneInfo(name)
    except (ValueError, KeyError, OSError):
        raise UsageError(f"--timezone {name!r} is none", next_step="Example: --timezone Europe/Istanbul") from None


def _rows(name: str, file: io.BufferedReader, flags: Flags) -> Iterator[Row | Problem]:
    from releaseguard.eventlog.imports.files import READERS, form_of
    from releaseguard.eventlog.imports.tally import with_columns

    form = flags.form or form_of(name, file)
    rows = READERS[form](file)
    wanted = _pairs("column", flags.columns).values() if form == "csv" else ()
    try:
        yield from with_columns(rows, wanted)
    except OSError as error:
        raise UsageError(f"cannot be read: {error.strerror}", where=name) from None


@contextmanager
def _located(name: str) -> Iterator[None]:
    """What is wrong with the file is said of the file."""
    try:
        yield
    except UsageError as error:
        error.where = f"{name}: {error.where}" if error.where else name
        raise


def _events(
    run: Run, wiring: Wiring, rows: Iterable[Row | Problem], translation: Translation, tally: ImportTally
) -> Iterator[Event]:
    from releaseguard.eventlog.imports.tally import events_in
    from releaseguard_events.scrub.scrubber import Scrubber, secrets_of

    known = {card.id: frozenset((*card.events.success, *card.events.error)) for card in wiring.cards}
    return events_in(rows, translation, Scrubber(secrets_of(run.environ)), known, tally)


def _size(file: io.BufferedReader) -> int:
    """How many bytes it has; 0 where that is not known, as of a pipe."""
    with suppress(OSError):  # what is not a file of the system's has no descriptor
        return os.fstat(file.fileno()).st_size if file.seekable() else 0
    return 0


def _watched(events: Iterable[Event], file: io.BufferedReader, watch: Watch) -> Iterator[Event]:
    """The events, and how far they are by the bytes of the file, where it is one."""
    from releaseguard.eventlog.watching import Progress

    size = _size(file)
    for number, event in enumerate(events, 1):
        if number % TOLD_EVERY == 0:
            watch(Progress(f"{number:,} rows", file.tell() / size if size else None))
        yield event


def _taken(
    run: Run, wiring: Wiring, name: str, events: Iterable[Event], tally: ImportTally, *, dry_run: bool
) -> int | None:
    """Write them; returns how many were new, ``None`` where none was to be written."""
    if dry_run:
        for _ in events:
            pass
        return None
    try:
        return wiring.stores.log.restore(events, beside_others=True)
    except ReleaseguardError:
        if tally.rows:
            run.warn(
                f"Stopped after {tally.rows} rows of {name}; what is written counts once when it is imported again."
            )
        raise


def _refuse_nothing(name: str, tally: ImportTally) -> None:
    """A file of which no row is an event was read wrongly."""
    if tally.broken and not tally.rows:
        raise UsageError(
            f"none of its {tally.broken} rows is an event ({tally.first_broken[0]})",
            where=name,
            next_step="Say where our columns are: --column occurred_at=created_at, --set provider=sendgrid,"
            " --value outcome:failure=error.",
        )
