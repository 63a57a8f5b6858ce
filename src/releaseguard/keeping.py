"""Makes the words of people and services fit to be stored for good."""

from __future__ import annotations

from typing import Final

from releaseguard.secret import masked as held_masked
from releaseguard_events.scrub.scrubber import Scrubber

_KEPT: Final = Scrubber()


def clean_text(text: str) -> str:
    """A text that a person typed or a service answered, of any length, without the values that this process holds and
    without anything that looks like a secret or personal data."""
    return _KEPT.whole(held_masked(text))


def clean_identifier(text: str) -> str:
    """The same for a text that should be an identifier: a release, a deployment."""
    return _KEPT.identifier(held_masked(text))
