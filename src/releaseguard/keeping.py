"""What people and services say, as it may be kept for good."""

from __future__ import annotations

from typing import Final

from releaseguard.secret import masked as held_masked
from releaseguard_events.scrub.scrubber import Scrubber

_KEPT: Final = Scrubber()


def said(text: str) -> str:
    """What a person typed or a service answered, as it may be kept for good: without the values that this process
    holds, and without what looks like a secret or a person's data. Of any length."""
    return _KEPT.whole(held_masked(text))


def identified(text: str) -> str:
    """The same of what should be an identifier: a release, a deployment."""
    return _KEPT.identifier(held_masked(text))
