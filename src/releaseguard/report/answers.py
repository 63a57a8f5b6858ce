"""What commands print with ``--json`` that have no page: their types, from which ``schema`` is made."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypedDict, cast

if TYPE_CHECKING:
    from releaseguard.model import Event


class ErrorPart(TypedDict):
    """What happened, where, and what to do next."""

    what: str
    where: str | None
    next_step: str | None
    exit_code: int


class ErrorDocument(TypedDict):
    """What any command prints in place of its own document where it could not do what it was asked."""

    error: ErrorPart


class EventColumns(TypedDict):
    """One row of ``integration_events``; times are text in UTC."""

    id: str
    occurred_at: str
    recorded_at: str | None
    provider: str
    event: str
    outcome: str
    error_code: str | None
    latency_ms: int | None
    environment: str
    release: str | None
    source: str | None
    correlation_id: str | None
    synthetic: bool
    detail: Any
    """An object."""


def columns_of(event: Event) -> EventColumns:
    """The event as the log's columns, in their order."""
    from releaseguard_events.pipeline import jsonl

    return cast("EventColumns", jsonl.document(event))


class WrittenDocument(TypedDict):
    """Of ``events log``."""

    event: EventColumns


class MarkedDocument(TypedDict):
    """Of ``events deployed``; ``new``: it was not there yet."""

    event: EventColumns
    new: bool


class EventsDocument(TypedDict):
    """Of ``events list``."""

    events: Sequence[EventColumns]


class ExportedDocument(TypedDict):
    """Of ``events export`` into a file; without one each line of what is printed is an event."""

    file: str
    events: int


class MigratedDocument(TypedDict):
    """Of ``events migrate``: what was done to which log."""

    done: Sequence[str]
    log: str


class SqlDocument(TypedDict):
    """Of ``events migrate --sql`` and ``--additions``."""

    sql: str


class PrunedDocument(TypedDict):
    """Of ``events prune``: how many events are older than ``before``, and how many of them are deleted."""

    before: str
    events: int
    deleted: int


class BrokenLine(TypedDict):
    """One line of an imported file that is not an event."""

    line: int
    column: str | None
    problem: str


class BrokenLines(TypedDict):
    """How many there are, and the first of them."""

    rows: int
    first: Sequence[BrokenLine]


class UnknownName(TypedDict):
    """An event that no card knows."""

    provider: str
    event: str
    rows: int


class ImportedDocument(TypedDict):
    """Of ``events import``; ``new`` is null where nothing was to be written."""

    file: str
    batch: str
    dry_run: bool
    rows: int
    new: int | None
    since: str | None
    until: str | None
    broken: BrokenLines
    emptied: Mapping[str, int]
    own_rows: int
    unknown_events: Sequence[UnknownName]
    unused_columns: Sequence[str]


class OpenAlertRow(TypedDict):
    """One alert, and the command that deals with it."""

    provider: str | None
    command: str | None
    revoked: bool
    rotation_id: str | None
    place: str
    number: int
    kind: str
    created_at: str
    url: str
    validity: str | None
    publicly_leaked: bool


class AlertsDocument(TypedDict):
    """Of ``leaks``."""

    open: Sequence[OpenAlertRow]
    closed: Sequence[OpenAlertRow]
    unread: Sequence[str]


class HitRow(TypedDict):
    """A managed value that stands in a repository; never the value itself."""

    name: str
    version: int
    path: str
    line: int
    form: str
    commit: str | None
    provider: str | None


class SearchedDocument(TypedDict):
    """Of ``leaks --repo``."""

    hits: Sequence[HitRow]
    whole_history: bool
    unread: Sequence[str]
    left_out: Sequence[str]


class DisownedDocument(TypedDict):
    """Of ``audit disown``."""

    lane: str
    disowned: Sequence[str]
    head: str


class PublishedDocument(TypedDict):
    """Of ``publish``."""

    state: str
    deployment: str | None
    pull_requests: Sequence[int]
    problems: Sequence[str]


class MarkingRow(TypedDict):
    """A part of the app, and the step that marks its deployments in the workflows named."""

    name: str
    workflows: Sequence[str]
    step: str


class InitDocument(TypedDict):
    """Of ``init``."""

    written: Sequence[str]
    answers: Any
    """An object: what the file was made from, each service's own settings among it; empty where it was there."""
    variables: Sequence[str]
    fill_in: Sequence[str]
    components: Sequence[MarkingRow]
    next: Sequence[str]


class DemoStep(TypedDict):
    """One step; ``result`` is the document that its command prints."""

    title: str
    command: str
    as_told: bool
    result: Any


class DemoDocument(TypedDict):
    """Of ``demo``; ``folder`` where it was to be kept."""

    as_told: bool
    folder: str | None
    steps: Sequence[DemoStep]


class SandboxDocument(TypedDict):
    """Of ``sandbox``: what points any command at it."""

    folder: str
    environment: Mapping[str, str]


class ActedDocument(TypedDict):
    """Of ``sandbox ACT``."""

    act: str
    provider: str | None
    done: str


class CompletionDocument(TypedDict):
    """Of ``completion``."""

    shell: str
    source: str
