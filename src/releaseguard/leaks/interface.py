"""The vocabulary of the search for leaks."""

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
    """The service's name for the kind of secret: ``sendgrid_api_key``."""
    provider: str | None
    created_at: datetime
    url: str
    validity: str | None = None
    publicly_leaked: bool = False


class AlertSource(ABC):
    """A service that raises alerts. Every method may raise ``ServiceError`` or a subclass."""

    unread: Sequence[str] = ()
    """What the last look could not read, in words; a look that could read no alerts anywhere raises instead."""

    @abstractmethod
    def open_alerts(self) -> Sequence[Alert]:
        """The open alerts, oldest first, without values."""

    @abstractmethod
    def close_as_revoked(self, alert: Alert, comment: str) -> None:
        """Record that the leaked value has been revoked. Call it only after a person has confirmed that."""


@dataclass(frozen=True, slots=True)
class Needle:
    """A managed value to search for, and its name in a report."""

    name: str
    version: int
    value: Secret
    provider: str | None = None
    """The card that has the secret."""


@dataclass(frozen=True, slots=True)
class Hit:
    """A managed value found in a repository."""

    name: str
    version: int
    path: str
    """The file; in an archive ``FILE!MEMBER``; in brackets anything else: ``(commit message)``. Never contains a
    value."""
    line: int
    form: str
    """The notation there: ``plain``, ``json``, ``url``, ``base64``, ``hex``, or ``escaped`` for other escapes or a
    value put together from parts."""
    commit: str | None = None
    """The first commit with it; ``None`` for the working tree; ``staged``; ``unreachable`` where no commit is known."""
    provider: str | None = None


@dataclass(frozen=True, slots=True)
class Searched:
    """What a search found, and what it could not read."""

    hits: Sequence[Hit] = ()
    unread: Sequence[str] = ()
    """Parts of the history that were not searched, in words; finding nothing then proves nothing."""
    steps: Sequence[str] = ()
    """The commands that fetch those parts."""
    left_out: Sequence[str] = ()
    """Single things that were not searched, in words: an encrypted archive, a value that is too short."""

    @property
    def whole(self) -> bool:
        """Whether all of the history was searched."""
        return not self.unread


Watch = Callable[[int], None]
"""Called now and then with the number of things searched."""


def unwatched(_searched: int) -> None:
    """Does nothing."""


class Haystack(ABC):
    """Something that can be searched for managed values, in memory."""

    root: Path

    @abstractmethod
    def search(self, needles: Sequence[Needle], watch: Watch = unwatched) -> Searched:
        """The places of the values. Raises ``ConfigError`` where there is nothing to search."""


def card_of(alert: Alert, kinds: Mapping[str, Sequence[str]]) -> str | None:
    """The card to which an alert belongs: one that lists the alert's kind, else one with whose id the kind begins;
    ``None`` without any. ``kinds`` maps each card's id to the alert kinds it lists."""
    listed = next((card for card, mine in kinds.items() if alert.kind in mine), None)
    begins = [card for card in kinds if alert.kind == card or alert.kind.startswith(f"{card}_")]
    named = alert.provider if alert.provider in kinds else None
    return listed or (max(begins, key=len) if begins else named)
