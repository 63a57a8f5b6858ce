"""What has drifted, brought out once more: several rotations of one call."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from releaseguard.cards.load import Cards
from releaseguard.errors import ExitCode
from releaseguard.rotation.drift.compare import PUSHABLE
from releaseguard.rotation.drift.survey import DriftReport


@dataclass(frozen=True, slots=True)
class DriftedGroup:
    """Secrets of one card that are behind, missing or changed somewhere."""

    provider: str
    secret: str
    """The first of the group."""

    def __str__(self) -> str:
        return f"{self.provider} {self.secret}"


def drifted_groups(found: DriftReport, cards: Cards) -> Sequence[DriftedGroup]:
    """What pushing the newest versions again puts right, each group of secrets once, by its first secret."""
    drifted = [(one.provider, one.secret) for one in found.findings if one.status in PUSHABLE]
    groups = (DriftedGroup(name, cards.get(name).unit_of(secret)[0].name) for name, secret in drifted)
    return list(dict.fromkeys(groups))


_SEVERITY = [ExitCode.OK, ExitCode.UNDECIDED, ExitCode.REFUSED, ExitCode.USAGE, ExitCode.SERVICE, ExitCode.BAD]


def worst(codes: Iterable[ExitCode]) -> ExitCode:
    """Which exit code stands for several rotations: the worst, and a failure is worse than not having looked."""
    return max(codes, key=_SEVERITY.index)
