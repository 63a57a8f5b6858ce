"""The document that ``health --json`` prints and from which all formats are made."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from releaseguard import readable
from releaseguard.eventlog.rows.aside import SetAsideTally
from releaseguard.health.telling import health_message
from releaseguard.health.values import TROUBLED, HealthCondition, HealthState, Overview, ProviderHealth, Strip, Why
from releaseguard.messages.localizer import Localizer
from releaseguard.model import Event, to_text
from releaseguard.report.health.document import HealthDocument, HealthRow, LogRow, RecentRow, SetAsideRow, StripRow
from releaseguard.report.rows import CourseRow

if TYPE_CHECKING:
    from releaseguard.rotation.drift.ages import DueSecret


def document_of(overview: Overview, language: str = "en", due: Sequence[DueSecret] = ()) -> HealthDocument:
    """The overview as a document: times are RFC 3339 in UTC, shares between 0 and 1, reasons in ``language``.

    ``due`` are the secrets that, according to the vault, have passed their maximum age.
    """
    localizer = Localizer(language, overview.until)
    return {
        "environment": overview.environment,
        "language": language,
        "as_of": to_text(overview.until),
        "window": [to_text(overview.since), to_text(overview.until)],
        "summary": summary(overview),
        "log": log_row(overview),
        "set_aside": _set_aside(overview.set_aside),
        "providers": [_row(provider, localizer, due) for provider in overview.providers],
        "marks": [{"at": to_text(one.at), "kind": one.kind, "what": one.what} for one in overview.marks],
        "recent": [_recent(row) for row in overview.recent],
        "foreign": list(overview.foreign),
        "broken": list(overview.broken),
    }


def log_row(overview: Overview) -> LogRow:
    """Whether the log has stopped."""
    return {"down": overview.log_down, "newest": _text(overview.newest)}


def _set_aside(tally: SetAsideTally) -> SetAsideRow:
    told = tally.to_json()
    return {
        "rows": told["rows"],
        "by_provider": told["by_provider"],
        "named": told["named"],
        "sentence": tally.sentence() or None,
    }


def summary(overview: Overview) -> str:
    """One sentence for people."""
    window = f"in the last {readable.roughly(overview.until - overview.since, ('h', 'min'))}"
    if overview.log_down:
        newest = f" since {readable.clock(overview.newest)}" if overview.newest else f" {window}"
        return f"nothing has arrived from any provider{newest}: the app or its log is down"
    troubled = [one for one in overview.providers if one.condition.state in TROUBLED]
    calm = "no provider could be judged" if says_nothing(overview) else "no provider is in trouble"
    said = f"{', '.join(_named(troubled)) or calm} {window}"
    leaks = sum(len(one.leaks) for one in overview.providers)
    unread = sum(overview.unread.values())
    rest = [
        f"{readable.count(unread, 'row')} of that time cannot be read" if unread else "",
        readable.count(leaks, "open leak") if leaks else "",
        readable.agree(len(overview.broken), "broken history", "broken histories") if overview.broken else "",
        readable.count(len(overview.foreign), "foreign row") if overview.foreign else "",
        _clocks(overview.clock_ahead) if overview.clock_ahead else "",
    ]
    return "; ".join([said, *filter(None, rest)])


def _clocks(ahead: timedelta) -> str:
    wrong = "ahead of the log, so a clock or a time zone is wrong"
    return f"rows say that they are {readable.exactly(ahead)} {wrong}: each counts at the time it was recorded"


def _named(rows: Sequence[ProviderHealth]) -> Sequence[str]:
    return [f"{row.provider} is {row.condition.state}" for row in rows]


def _row(row: ProviderHealth, localizer: Localizer, due: Sequence[DueSecret]) -> HealthRow:
    glance, events = row.glance, row.successes + row.errors
    return {
        "provider": row.provider,
        "name": row.name,
        "state": row.condition.state.value,
        "reason": _reason(row.condition, localizer),
        "since": _text(row.condition.since),
        "events": events,
        "successes": row.successes,
        "errors": row.errors,
        "error_rate": round(row.errors / events, 4) if events else None,
        "usual_error_rate": None if row.usual_share is None else round(row.usual_share, 4),
        "expected_events": None if row.expected is None else round(row.expected, 1),
        "latency_ms": {"p50": glance.latency.p50, "p95": glance.latency.p95} if glance.latency else None,
        "last_success": _text(glance.last_success),
        "last_error": _text(glance.last_error),
        "error_codes": [{"code": code, "count": count} for code, count in glance.error_codes],
        "course": [{"successes": good, "errors": bad} for good, bad in row.course],
        "expected_course": [round(expected, 2) for expected in row.expected_course],
        "history": [_strip(one) for one in row.strips],
        "open_leaks": list(row.leaks),
        "rotations": list(row.rotations),
        "due": [one.to_json() for one in due if one.provider == row.provider],
    }


def _reason(condition: HealthCondition, localizer: Localizer) -> str:
    return condition.reason if localizer.language == "en" else localizer.say(health_message(condition))


def _strip(strip: Strip) -> StripRow:
    parts = [None if part is None else CourseRow(successes=part[0], errors=part[1]) for part in strip.parts]
    return {"hours": strip.hours, "parts": parts}


def _recent(row: Event) -> RecentRow:
    from releaseguard.keeping import clean_identifier

    return {
        "occurred_at": to_text(row.occurred_at),
        "provider": row.provider,
        "event": row.event,
        "outcome": row.outcome.value,
        "error_code": row.error_code and clean_identifier(row.error_code),
        "latency_ms": row.latency_ms,
        "release": row.release and clean_identifier(row.release),
        "source": row.source and clean_identifier(row.source),
        "synthetic": row.synthetic,
    }


def _text(moment: datetime | None) -> str | None:
    return None if moment is None else to_text(moment)


def is_troubled(overview: Overview) -> bool:
    """Whether a provider is down, silent or degraded."""
    return any(one.condition.state in TROUBLED for one in overview.providers)


def says_nothing(overview: Overview) -> bool:
    """Whether no provider could be judged."""
    return all(one.condition.state is HealthState.UNKNOWN for one in overview.providers)


def is_broken(overview: Overview) -> bool:
    """Whether a provider could not be judged because of a bug of ours."""
    return any(one.condition.grounds.why is Why.BROKEN for one in overview.providers)
