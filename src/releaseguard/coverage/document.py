"""The result of a search as the document that every format shows."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from releaseguard import readable
from releaseguard.coverage.seen import SeenCall, SeenCalls
from releaseguard.coverage.values import CoverageFinding, ProviderCoverage, Received, Report
from releaseguard.model import to_text
from releaseguard.report.coverage.document import (
    CoverageDocument,
    CoverageFindingRow,
    ProviderRow,
    ReceivedRow,
    SeenConsumerRow,
    SeenDocument,
    SeenRow,
)


def document_of(report: Report, path: str, held: SeenCalls | None = None) -> CoverageDocument:
    """What was found under ``path``."""
    return {
        "ok": not report.gaps,
        "path": path,
        "summary": summary(report),
        "findings": [_finding(one) for one in report.gaps],
        "unknown": [_finding(one) for one in report.unknown],
        "waived": [{"finding": _finding(one.finding), "reason": one.reason} for one in report.waived],
        "providers": [_provider(one, report.waived_calls(one.provider)) for one in report.providers],
        "received": [_received(one) for one in report.received],
        "counts": _counts(report),
        "seen": _seen(held) if held is not None else None,
        "files": report.files,
        "test_files": report.test_files,
    }


def summary(report: Report) -> str:
    """One sentence for people."""
    calls = sum(row.calls for row in report.providers)
    if not report.files:
        return "No source was found to look at: TypeScript, JavaScript and Python are read."
    if not calls:
        return f"No call of a provider was found in {readable.count(report.files, 'file')}."
    covered = sum(row.covered for row in report.providers)
    tested = sum(row.tested for row in report.providers)
    parts = [
        f"{covered} of {readable.count(calls, 'call')} log success and error",
        f"{tested} of {readable.count(len(report.providers), 'provider')} tested",
    ]
    if report.waived:
        parts.append(f"{readable.count(len(report.waived), 'finding')} waived")
    unknown = len(report.unknown)
    if unknown:
        parts.append(f"{unknown} not judged")
    return f"{', '.join(parts)}; {readable.count(report.files, 'file')} read."


def _counts(report: Report) -> dict[str, int]:
    return {
        "calls": sum(row.calls for row in report.providers),
        "logged": sum(row.covered for row in report.providers),
        "not_judged": len(report.unknown),
        "waived": len(report.waived),
        "gaps": len(report.gaps),
    }


def _seen(held: SeenCalls) -> SeenDocument:
    return {
        "environment": held.environment,
        "release": held.release,
        "deployed_at": _text(held.deployed_at),
        "calls": [_seen_call(one) for one in held.calls],
        "consumers": _consumers(held.calls),
        "silent_sources": list(held.silent),
        "without_source": held.nameless,
    }


def _seen_call(one: SeenCall) -> SeenRow:
    return {
        "provider": one.place.provider,
        "file": one.place.file,
        "line": one.place.line,
        "source": one.source,
        "state": one.state,
        "since_release": one.since,
        "within_30_days": one.month,
        "last": _text(one.last),
    }


def _consumers(calls: Sequence[SeenCall]) -> list[SeenConsumerRow]:
    """Provider by writer: any of its calls speaks for it, since they share the key."""
    groups: dict[tuple[str, str | None], list[SeenCall]] = {}
    for one in calls:
        groups.setdefault((one.place.provider, one.source), []).append(one)
    rows: list[SeenConsumerRow] = []
    for (provider, source), own in sorted(groups.items(), key=lambda item: (item[0][0], item[0][1] or "")):
        best = max(own, key=lambda one: (one.since, one.month, one.nameless))
        last = max((one.last for one in own if one.last is not None), default=None)
        rows.append(
            {"provider": provider, "source": source, "state": best.state, "calls": len(own), "last": _text(last)}
        )
    return rows


def _text(moment: datetime | None) -> str | None:
    return to_text(moment) if moment is not None else None


def _received(one: Received) -> ReceivedRow:
    return {"provider": one.provider, "kind": one.kind, "file": one.file, "line": one.line, "logged": one.logged}


def _finding(one: CoverageFinding) -> CoverageFindingRow:
    return {
        "rule": one.rule,
        "provider": one.provider,
        "file": one.file,
        "line": one.line,
        "column": one.column,
        "missing": list(one.missing),
        "message": one.message,
        "fix": one.fix,
    }


def _provider(row: ProviderCoverage, waived: int) -> ProviderRow:
    return {
        "provider": row.provider,
        "name": row.name,
        "calls": row.calls,
        "covered": row.covered,
        "waived": waived,
        "tested": row.tested,
        "tests": list(row.tests),
        "clients": [{"file": one.file, "line": one.line, "calls": one.calls} for one in row.clients],
    }
