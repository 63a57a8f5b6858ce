"""The vocabulary of the leaks room."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from releaseguard.secret import Secret


@dataclass(frozen=True, slots=True)
class Alert:
    """One open alert about a leaked secret; its value is never fetched."""

    place: str
    """The repository's address."""
    number: int
    kind: str
    """The service's word for what leaked: ``sendgrid_api_key``."""
    provider: str | None
    created_at: datetime
    url: str
    validity: str | None = None
    publicly_leaked: bool = False


class AlertSource(ABC):
    """A place that raises alerts. Every method may raise ``ServiceError`` or one of its kinds."""

    unread: Sequence[str] = ()
    """What the last look could not look at, in words; a look that saw no alert anywhere raises instead."""

    @abstractmethod
    def open_alerts(self) -> Sequence[Alert]:
        """The open alerts, oldest first, without values."""

    @abstractmethod
    def close_as_revoked(self, alert: Alert, comment: str) -> None:
        """Say that the leaked value has been revoked. Only to be called once a person has confirmed that."""


@dataclass(frozen=True, slots=True)
class Needle:
    """A managed value to look for, and what to call it in a report."""

    name: str
    version: int
    value: Secret
    provider: str | None = None
    """The card that knows the secret."""


@dataclass(frozen=True, slots=True)
class Hit:
    """A managed value found in a repository."""

    name: str
    version: int
    path: str
    """The file; in an archive ``FILE!MEMBER``; in brackets what is not a file: ``(commit message)``. Never a value."""
    line: int
    form: str
    """How it is written there: ``plain``, ``json``, ``url``, ``base64``, ``hex``, or ``escaped``: with other
    escapes, or put together from parts."""
    commit: str | None = None
    """The first commit that holds it; ``None``: the working tree; ``staged``; ``unreachable``: no commit is known."""
    provider: str | None = None


@dataclass(frozen=True, slots=True)
class Searched:
    """What a search found, and what it could not look at."""

    hits: Sequence[Hit] = ()
    unread: Sequence[str] = ()
    """Parts of the history that were not searched, in words: to find nothing then proves nothing."""
    steps: Sequence[str] = ()
    """The commands that bring those parts."""
    left_out: Sequence[str] = ()
    """Single things that were not opened, in words: an encrypted archive, a value too short to look for."""

    @property
    def whole(self) -> bool:
        """Whether all of the history was searched."""
        return not self.unread


Watch = Callable[[int], None]
"""Is told now and then how many things have been searched."""


def unwatched(_searched: int) -> None:
    """Nobody looks."""


class Haystack(ABC):
    """Something that can be searched for managed values, in memory."""

    root: Path

    @abstractmethod
    def search(self, needles: Sequence[Needle], watch: Watch = unwatched) -> Searched:
        """Where the values stand. Raises ``ConfigError`` where there is nothing to search."""


def card_of(alert: Alert, kinds: Mapping[str, Sequence[str]]) -> str | None:
    """The card an alert belongs to: one that lists the alert's kind, else one whose id the kind begins with.

    ``kinds`` is each card's id with the alert kinds it lists.
    """
    listed = next((card for card, mine in kinds.items() if alert.kind in mine), None)
    begins = [card for card in kinds if alert.kind == card or alert.kind.startswith(f"{card}_")]
    named = alert.provider if alert.provider in kinds else None
    return listed or (max(begins, key=len) if begins else named)
