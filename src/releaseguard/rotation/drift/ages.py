"""Secrets that have reached their maximum age. They are reported, not rotated. Pure, except for asking the vault."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta

from releaseguard import readable
from releaseguard.errors import NotFound
from releaseguard.model import to_text
from releaseguard.report.rows import DueRow
from releaseguard.vault.interface import Vault


@dataclass(frozen=True, slots=True)
class DueSecret:
    """A secret whose newest version is older than its ``max_age``."""

    provider: str
    environment: str
    secret: str
    since: datetime
    age: timedelta
    max_age: timedelta

    @property
    def next_step(self) -> str:
        """The command that rotates it, once the vault has a newer version."""
        return f"releaseguard rotate {self.provider} --environment {self.environment} --secret {self.secret}"

    def sentence(self) -> str:
        """The finding as a sentence."""
        age, most = readable.roughly(self.age), readable.roughly(self.max_age)
        return f"version of {readable.date_and_clock(self.since)}, {age} old; its limit is {most} at most"

    def to_json(self) -> DueRow:
        """The finding as a row of ``drift --json`` and ``health --json``."""
        return {
            "provider": self.provider,
            "secret": self.secret,
            "since": to_text(self.since),
            "age_s": round(self.age.total_seconds()),
            "max_age_s": round(self.max_age.total_seconds()),
            "next_step": self.next_step,
        }


def due(
    provider: str, environment: str, max_ages: Mapping[str, timedelta], vault: Vault, now: datetime
) -> Iterator[DueSecret]:
    """The secrets of ``max_ages`` that are older than allowed. Raises ``ServiceError`` where the vault does not
    answer."""
    for name, most in max_ages.items():
        with suppress(NotFound):
            since = vault.read(name).updated_at
            if since is not None and now - since > most:
                yield DueSecret(provider, environment, name, since, now - since, most)
