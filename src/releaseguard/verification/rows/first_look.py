"""The window and baseline with which a deployment was judged first; the promise covers only looks with these. Pure.

Whoever may choose the window and the history after having looked can find what they look for.
"""

from __future__ import annotations

from collections.abc import Iterable

from releaseguard.model import Event, JsonObject
from releaseguard.verification.rows.accepted import is_of
from releaseguard.verification.values import Deployment, Promise, Spans

VERIFIED = "release_verified"
"""The event that records a look at a release."""
_WINDOW, _BASELINE = "window_minutes", "baseline_minutes"


def recorded_spans(promise: Promise) -> JsonObject:
    """The keys of a look's detail that say with which window and baseline it was made."""
    return {_WINDOW: promise.window_minutes, _BASELINE: promise.baseline_minutes}


def outside(rows: Iterable[Event], deployment: Deployment, promise: Promise) -> Spans | None:
    """The window and baseline of the first recorded look at the deployment, where this look has others; ``None`` where
    they are the same, or none is recorded. Only rows that match the deployment in every part are believed."""
    mine = (row for row in rows if row.event == VERIFIED and is_of(row, deployment))
    looks = ((row.recorded_at or row.occurred_at, spans) for row in mine if (spans := _spans_in(row.detail)))
    first = min(looks, key=lambda look: look[0], default=None)
    return first[1] if first and first[1] != promise.spans else None


def _spans_in(detail: JsonObject) -> Spans | None:
    window, baseline = detail.get(_WINDOW), detail.get(_BASELINE)
    if not isinstance(window, int) or not isinstance(baseline, int):
        return None
    return Spans(window, baseline)
