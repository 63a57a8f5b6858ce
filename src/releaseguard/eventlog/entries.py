"""Events that a person or a pipeline writes by hand: an event of the app, or the mark of a deployment. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

from releaseguard.errors import UsageError
from releaseguard.model import OURSELVES, Event, JsonObject, Outcome, deterministic_id, to_text
from releaseguard_events.note import Resource, event_of, note_of
from releaseguard_events.scrub.scrubber import Scrubber, secrets_of

DEPLOYED = "release_deployed"


def by_hand(
    provider: str,
    event: str,
    outcome: str,
    *,
    environment: str,
    at: datetime | None,
    environ: Mapping[str, str],
    **columns: Any,
) -> Event:
    """An event like an app's, scrubbed like one. Raises ``UsageError`` where it names no event."""
    try:
        note = note_of(provider, event, outcome, **columns)
    except ValueError as error:
        raise UsageError(str(error)) from None
    if at is not None:
        note = replace(note, occurred_at=at)
    return event_of(note, Resource(environment), Scrubber(secrets_of(environ)))


def deployment(
    release: str,
    environment: str,
    at: datetime,
    deployment_id: str | None = None,
    *,
    again: bool = False,
    said: JsonObject | None = None,
) -> Event:
    """The mark of a deployment. Its id follows from release, environment, time and ``said``, so that a repeated mark is
    the same row.

    ``again`` makes it a new deployment even within the window of an earlier one of the same release. ``said`` has
    further keys of its detail, such as the component.
    """
    told_by_flags = {"deployment_id": deployment_id} if deployment_id else {}
    marked_again = {"again": True} if again else {}
    told = [f"{key}={value}" for key, value in sorted((said or {}).items())]
    parts = (DEPLOYED, environment, release, to_text(at), *(["again"] if again else []), *told)
    return Event(
        id=deterministic_id(*parts),
        occurred_at=at,
        provider=OURSELVES,
        event=DEPLOYED,
        outcome=Outcome.SUCCESS,
        environment=environment,
        release=release,
        detail={"release": release, **told_by_flags, **marked_again, **(said or {})},
    )
