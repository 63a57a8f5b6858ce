"""What installed apps wrote of a provider, apart from what servers wrote of it.

Whoever holds a phone can write successes: they must not hide a server's errors, nor its silence.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Set

from msgspec import structs

from releaseguard.eventlog.hours import HourCount
from releaseguard.model import CLIENT
from releaseguard.stats.series import Cell

_BY_PHONES = f" ({CLIENT})"


def of_phones(provider: str) -> str:
    """How a provider's rows of installed apps are called, where servers write rows of it too."""
    return provider + _BY_PHONES


def card_id(shown: str) -> str:
    """The card of what is shown as ``shown``."""
    return shown.removesuffix(_BY_PHONES)


def shown_as(provider: str, apart: Set[str], *, client: bool) -> str:
    """How a row's provider is called; ``apart`` are those whose rows of installed apps stand apart."""
    return of_phones(provider) if client and provider in apart else provider


def name_of(shown: str, names: Mapping[str, str]) -> str:
    """The name of what is shown as ``shown``, by those of the cards."""
    provider = card_id(shown)
    return names.get(provider, provider) + shown.removeprefix(provider)


def parted(cells: Sequence[Cell], hours: Sequence[HourCount]) -> tuple[Sequence[Cell], Sequence[HourCount]]:
    """The same, under other names where installed apps wrote of a provider of which servers write as well."""
    written = {(cell.provider, cell.client) for cell in cells if not cell.synthetic}
    written |= {(hour.provider, hour.client) for hour in hours if not hour.synthetic}
    apart = {provider for provider, client in written if client and (provider, False) in written}
    if not apart:
        return cells, hours
    named = [cell._replace(provider=shown_as(cell.provider, apart, client=cell.client)) for cell in cells]
    past = [structs.replace(one, provider=shown_as(one.provider, apart, client=one.client)) for one in hours]
    return named, past
