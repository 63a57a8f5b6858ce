"""What others are told of, as values."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from releaseguard.messages.message import Message
from releaseguard.settings import Occasion


@dataclass(frozen=True, slots=True, kw_only=True)
class News:
    """One thing to tell."""

    occasion: Occasion
    subject: str
    """What it is about, the same in every run: of a subject the same thing is told once in a row."""
    environment: str
    headline: Message
    details: Sequence[str] = ()
    """Sentences that say why, the most important first."""
    next_step: str | None = None
    """A command to copy."""
    provider: str | None = None
    release: str | None = None
    only_after_other: bool = False
    """Whether it is told only where something else was told of the subject before: that all is well again."""
