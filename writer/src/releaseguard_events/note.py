"""From the arguments of a call to a :class:`Note` of plain, bounded values, and from there to a scrubbed event.
Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final
from uuid import UUID

from releaseguard_events.event import OURSELVES, Event, Outcome, new_id
from releaseguard_events.ours import OUR_EVENTS
from releaseguard_events.plain import plain, plain_text, released
from releaseguard_events.times import utc_now

if TYPE_CHECKING:
    from releaseguard_events.plain import Call, Json
    from releaseguard_events.scrub.scrubber import Scrubber

MAX_NAME: Final = 200
"""The most characters that a column other than ``detail`` holds."""

ENVIRONMENTS: Final = ("RELEASEGUARD_ENVIRONMENT", "VERCEL_TARGET_ENV", "VERCEL_ENV")
RELEASES: Final = (
    "RELEASEGUARD_RELEASE",
    "SENTRY_RELEASE",
    "VERCEL_GIT_COMMIT_SHA",
    "GITHUB_SHA",
    "RENDER_GIT_COMMIT",
    "RAILWAY_GIT_COMMIT_SHA",
    "HEROKU_SLUG_COMMIT",
    "COMMIT_SHA",
)
DEPLOYMENTS: Final = ("RELEASEGUARD_DEPLOYMENT_ID", "VERCEL_DEPLOYMENT_ID")


@dataclass(frozen=True, slots=True, kw_only=True)
class Note:
    """The arguments of one call as plain, bounded values, not yet scrubbed."""

    provider: str
    event: str
    outcome: Outcome
    error_code: str | None = None
    latency_ms: int | None = None
    release: str | None = None
    source: str | None = None
    correlation_id: str | None = None
    synthetic: bool = False
    detail: dict[str, Json] = field(default_factory=dict)
    id: UUID = field(default_factory=new_id)
    occurred_at: datetime = field(default_factory=utc_now)


def note_of(
    provider: object,
    event: object,
    outcome: object,
    *,
    error_code: object = None,
    latency_ms: object = None,
    release: object = None,
    source: object = None,
    correlation_id: object = None,
    synthetic: object = False,
    detail: object = None,
) -> Note:
    """Turn a call's arguments into a note.

    Raises ``ValueError`` where provider, event or outcome is missing or unknown; any other argument is made to fit.
    """
    return Note(
        provider=_name("provider", provider),
        event=_name("event", event),
        outcome=_outcome(outcome),
        error_code=_text(error_code),
        latency_ms=_milliseconds(latency_ms),
        release=_text(release),
        source=_text(source),
        correlation_id=_text(correlation_id),
        synthetic=_flag(synthetic),
        detail=_object(detail),
    )


def called(call: Call, id_: str) -> Note:
    """The note of a call that waited in the queue. Raises ``ValueError`` as :func:`note_of` and :func:`of_the_app`
    do."""
    nanoseconds, _, provider, event, outcome, error_code, *rest = call
    release, source, latency_ms, correlation_id, synthetic, detail = rest
    return of_the_app(
        Note(
            provider=_name("provider", provider),
            event=_name("event", event),
            outcome=_outcome(outcome),
            error_code=_text(error_code),
            latency_ms=_milliseconds(latency_ms),
            release=_text(release),
            source=_text(source),
            correlation_id=_text(correlation_id),
            synthetic=synthetic is True,
            detail=_object(released(detail)),
            id=UUID(id_),
            occurred_at=_EPOCH + timedelta(microseconds=nanoseconds // 1000),
        )
    )


_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


def reason_against(error: Exception) -> str:
    """Why a call made no note, in our own words: the error's text may repeat what the app passed."""
    if isinstance(error, ReservedName):
        return "provider or event is a name of releaseguard's own rows"
    if isinstance(error, ValueError | TypeError):
        return "the call's arguments were not those of an event"
    return f"the writer failed ({type(error).__name__})"


class ReservedName(ValueError):
    """The provider or event is one that only releaseguard writes; an app's row must not look like one of its own."""


def of_the_app(note: Note) -> Note:
    """The note, unchanged. Raises ``ReservedName`` where it claims, in any letter case, to be one of releaseguard's own
    rows."""
    if note.provider.casefold() == OURSELVES or note.event.casefold() in OUR_EVENTS:
        raise ReservedName("provider and event are names of releaseguard's own rows")
    return note


def _name(argument: str, value: object) -> str:
    text = plain_text(value, MAX_NAME).strip() if isinstance(value, str) else ""
    if not text:
        raise ValueError(f"{argument} is not a name")
    return text


def _outcome(value: object) -> Outcome:
    try:
        return Outcome(plain_text(value, MAX_NAME).strip().lower())
    except ValueError:
        raise ValueError("outcome is not 'success' or 'error'") from None


def _text(value: object) -> str | None:
    return (plain_text(value).strip() or None) if value is not None else None


def _milliseconds(value: object) -> int | None:
    """The latency in whole milliseconds; ``None`` where it is negative, infinite or unreadable, so that the event is
    kept."""
    if isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value < 2**31:
        return round(value)
    return None


def _flag(value: object) -> bool:
    try:
        return bool(value)
    except Exception:  # noqa: BLE001 - the app's own __bool__; what may be synthetic must not count as traffic
        return True


def _object(value: object) -> dict[str, Json]:
    copied = plain(value)
    if copied is None:
        return {}
    return copied if isinstance(copied, dict) else {"value": copied}


@dataclass(frozen=True, slots=True)
class Resource:
    """What all events of one process have in common."""

    environment: str
    release: str | None = None
    deployment_id: str | None = None


def resource_of(environ: Mapping[str, str], configured: str | None) -> Resource:
    """Describe this process from its environment variables; ``configured`` is the environment of the configuration
    file."""
    return Resource(
        environment=_first(environ, ENVIRONMENTS) or configured or "production",
        release=_first(environ, RELEASES),
        deployment_id=_first(environ, DEPLOYMENTS),
    )


def _first(environ: Mapping[str, str], names: Sequence[str]) -> str | None:
    return next((plain_text(environ[name].strip(), MAX_NAME) for name in names if environ.get(name, "").strip()), None)


def event_of(note: Note, resource: Resource, scrubber: Scrubber) -> Event:
    """The event of a note: scrubbed, and completed with what the process knows about itself."""
    detail = scrubber.json(dict(note.detail))
    assert isinstance(detail, dict)  # noqa: S101 - an object stays one
    if resource.deployment_id:
        detail.setdefault("deployment_id", resource.deployment_id)
    return Event(
        id=note.id,
        occurred_at=note.occurred_at,
        provider=scrubber.identifier(note.provider),
        event=scrubber.identifier(note.event),
        outcome=note.outcome,
        error_code=_scrubbed(note.error_code, scrubber.text),
        latency_ms=note.latency_ms,
        environment=resource.environment,
        release=_scrubbed(note.release or resource.release, scrubber.identifier),
        source=_scrubbed(note.source, scrubber.text),
        correlation_id=correlation_of(note.correlation_id, scrubber),
        synthetic=note.synthetic,
        detail=detail,
    )


def _scrubbed(text: str | None, scrub: Callable[[str], str]) -> str | None:
    return scrub(text)[:MAX_NAME] if text is not None else None


def correlation_of(value: object, scrubber: Scrubber) -> str | None:
    """The correlation id; ``None`` where it had to be masked, since a masked id would tie strangers' events
    together."""
    text = _text(value)
    return text[:MAX_NAME] if text is not None and scrubber.identifier(text) == text else None
