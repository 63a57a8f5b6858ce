"""Separates what installed apps wrote about a provider from what servers wrote.

Anybody with a phone can write successes, which must hide neither a server's errors nor its silence.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Set

from msgspec import structs

from releaseguard.eventlog.hours import HourCount
from releaseguard.model import CLIENT
from releaseguard.stats.series import Cell

_BY_PHONES = f" ({CLIENT})"


def of_phones(provider: str) -> str:
    """The name for a provider's rows from installed apps, where servers write about it too."""
    return provider + _BY_PHONES


def card_id(shown: str) -> str:
    """The card of a provider with the display id ``shown``."""
    return shown.removesuffix(_BY_PHONES)


def shown_as(provider: str, apart: Set[str], *, client: bool) -> str:
    """The display id of a row's provider; ``apart`` are the providers whose rows from installed apps are shown
    separately."""
    return of_phones(provider) if client and provider in apart else provider


def name_of(shown: str, names: Mapping[str, str]) -> str:
    """The display name of ``shown``, from the names on the cards."""
    provider = card_id(shown)
    return names.get(provider, provider) + shown.removeprefix(provider)


def parted(cells: Sequence[Cell], hours: Sequence[HourCount]) -> tuple[Sequence[Cell], Sequence[HourCount]]:
    """The same, with separate provider ids where both installed apps and servers wrote about a provider."""
    written = {(cell.provider, cell.client) for cell in cells if not cell.synthetic}
    written |= {(hour.provider, hour.client) for hour in hours if not hour.synthetic}
    apart = {provider for provider, client in written if client and (provider, False) in written}
    if not apart:
        return cells, hours
    named = [cell._replace(provider=shown_as(cell.provider, apart, client=cell.client)) for cell in cells]
    past = [structs.replace(one, provider=shown_as(one.provider, apart, client=one.client)) for one in hours]
    return named, past
