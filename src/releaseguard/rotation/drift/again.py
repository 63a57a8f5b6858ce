"""Several rotations in one call: everything that has drifted, or everything after a breach."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from releaseguard.cards.load import Cards
from releaseguard.cards.spec import SecretSpec
from releaseguard.errors import ExitCode
from releaseguard.rotation.drift.compare import PUSHABLE
from releaseguard.rotation.drift.survey import DriftReport, Managed
from releaseguard.rotation.result import RotationResult


@dataclass(frozen=True, slots=True)
class DriftedGroup:
    """Secrets of one card that are behind, missing or changed somewhere."""

    provider: str
    secret: str
    """The first secret of the group."""

    def __str__(self) -> str:
        return f"{self.provider} {self.secret}"


def drifted_groups(found: DriftReport, cards: Cards) -> Sequence[DriftedGroup]:
    """The groups of secrets that pushing the newest versions again would repair, each once."""
    drifted = [(one.provider, one.secret) for one in found.findings if one.status in PUSHABLE]
    groups = (DriftedGroup(name, cards.get(name).unit_of(secret)[0].name) for name, secret in drifted)
    return list(dict.fromkeys(groups))


_SEVERITY = [ExitCode.OK, ExitCode.UNDECIDED, ExitCode.REFUSED, ExitCode.USAGE, ExitCode.SERVICE, ExitCode.BAD]


def worst(codes: Iterable[ExitCode]) -> ExitCode:
    """The exit code of several rotations: the worst one. A failure counts as worse than not having looked."""
    return max(codes, key=_SEVERITY.index)


_HARM = ("money", "identity", "login", "messages", "analytics", None)
"""The kinds of harm that a stolen key can do, the worst first."""


def in_order_of_harm(
    used: Iterable[tuple[Managed, SecretSpec]], made: Mapping[str, datetime | None]
) -> Sequence[DriftedGroup]:
    """Every group once, ordered by harm, then by the number of places that hold it, then by age.

    ``made`` holds since when each secret has its current value, where that is known.
    """
    ranked: dict[DriftedGroup, tuple[int, int, datetime]] = {}
    for managed, secret in used:
        unit = managed.card.unit_of(secret.name)
        places = sum(any(one.holds(member.name) for member in unit) for one in managed.bindings)
        age = made.get(secret.name) or datetime.max.replace(tzinfo=UTC)
        group = DriftedGroup(managed.card.id, unit[0].name)
        ranked[group] = min(ranked.get(group, (99, 0, age)), (_HARM.index(managed.card.harm), -places, age))
    return sorted(ranked, key=lambda group: (*ranked[group], group.provider, group.secret))


def sorted_out(results: Iterable[RotationResult]) -> Mapping[str, Sequence[str]]:
    """The outcome of several rotations by secret: ``done``, ``waiting`` (for a person) or ``failed``; of a dry run
    ``planned`` or ``no_changes``."""
    sorted_: dict[str, list[str]] = {"done": [], "waiting": [], "failed": []}
    for one in results:
        names = " and ".join(pin.name for pin in one.secrets)
        sorted_.setdefault(_came_to(one), []).append(f"{one.provider} ({names})" if names else one.provider)
    return sorted_


def _came_to(result: RotationResult) -> str:
    if result.plan is not None:
        return "no_changes" if result.plan.unchanged else "planned"
    if result.exit_code in (ExitCode.UNDECIDED, ExitCode.REFUSED):
        return "waiting"
    return "done" if result.exit_code is ExitCode.OK else "failed"
