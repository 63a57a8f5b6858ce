"""Events as JSON Lines for people and programs: what ``events export`` prints."""

from __future__ import annotations

from releaseguard.harmless import as_json
from releaseguard_events.event import Event
from releaseguard_events.pipeline.jsonl import document


def line(event: Event) -> str:
    """One line, with its end."""
    return as_json(document(event), indent=None) + "\n"
