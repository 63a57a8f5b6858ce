"""The document that ``coverage --json`` prints, and the page that its renderings are made of."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypedDict


class CoverageFindingRow(TypedDict):
    """One thing to look at."""

    rule: str
    provider: str | None
    file: str
    line: int
    column: int
    missing: Sequence[str]
    message: str
    fix: str | None


class WaivedRow(TypedDict):
    """A finding that a comment in the code waives, and why."""

    finding: CoverageFindingRow
    reason: str


class ClientRow(TypedDict):
    """A client that several calls without a log share, and where it is made."""

    file: str
    line: int
    calls: int


class ProviderRow(TypedDict):
    """One provider that the app calls."""

    provider: str
    name: str
    calls: int
    covered: int
    waived: int
    tested: bool
    tests: Sequence[str]
    clients: Sequence[ClientRow]


class ReceivedRow(TypedDict):
    """A function that receives a webhook, or the set-up of a library that captures events by itself."""

    provider: str
    kind: str
    file: str
    line: int
    logged: bool


class SeenRow(TypedDict):
    """A call site, held against the log."""

    provider: str
    file: str
    line: int
    source: str | None
    state: str
    since_release: int
    within_30_days: int
    last: str | None


class SeenConsumerRow(TypedDict):
    """A writer that uses a provider: what a rotation's certificate waits for."""

    provider: str
    source: str | None
    state: str
    calls: int
    last: str | None


class SeenDocument(TypedDict):
    """The call sites, held against one environment's log (``--seen``)."""

    environment: str
    release: str | None
    deployed_at: str | None
    calls: Sequence[SeenRow]
    consumers: Sequence[SeenConsumerRow]
    silent_sources: Sequence[str]
    without_source: int


class CoverageDocument(TypedDict):
    """What ``coverage --json`` prints; findings in the order of files and lines."""

    ok: bool
    path: str
    summary: str
    findings: Sequence[CoverageFindingRow]
    """What is missing or wrong."""
    unknown: Sequence[CoverageFindingRow]
    """What could not be judged."""
    waived: Sequence[WaivedRow]
    providers: Sequence[ProviderRow]
    received: Sequence[ReceivedRow]
    counts: Mapping[str, int]
    """``calls``, ``logged``, ``not_judged``, ``waived``, ``gaps``."""
    seen: SeenDocument | None
    """``None`` where it was not asked for."""
    files: int
    test_files: int


@dataclass(frozen=True, slots=True)
class CoveragePage:
    """A document with ``prefix``, the way from the repository to the searched folder."""

    document: CoverageDocument
    prefix: str = ""
    fingerprints: Mapping[str, Mapping[int, str]] = field(default_factory=dict)
    """By file and line: what tells the line from others wherever it moves."""
    folders: frozenset[str] = frozenset()
    """What is told of and is not a file."""


def rows_of(document: CoverageDocument) -> Sequence[CoverageFindingRow]:
    """All that is told of a place, waived or not."""
    return [*document["findings"], *document["unknown"], *(one["finding"] for one in document["waived"])]
