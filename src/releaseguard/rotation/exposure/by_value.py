"""Copies of a value under other names, and references that follow the vault: found by comparing values or digests in
memory, where a service shows them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from releaseguard.destinations.address import Address
from releaseguard.destinations.interface import Destination, HeldValue, ValueSearch
from releaseguard.errors import AccessDenied, NotFound
from releaseguard.rotation.context import Binding
from releaseguard.secret import Secret
from releaseguard.vault.interface import Vault

SHORTEST = 8
"""A shorter value may occur somewhere by chance."""


@dataclass(frozen=True, slots=True)
class CopiesByValue:
    """Where else the values stand: each a place, with the name there where it differs."""

    copies: Sequence[str] = ()
    held: Sequence[HeldValue] = ()
    """The copies at places from which something runs, not those in the vault."""
    follow: Sequence[str] = ()
    """References and imports, which take the new value by themselves."""
    unread: Sequence[str] = ()


def copies_by_value(bindings: Sequence[Binding], vault: Vault, values: Mapping[str, Secret]) -> CopiesByValue:
    """Search every account behind ``bindings``, and the vault, for ``values`` (by secret name).

    What the bindings themselves hold under their own names is not a copy. Raises ``ServiceError`` where a service does
    not answer.
    """
    wanted = {name: value for name, value in values.items() if value.examined(_is_long)}
    if not wanted:
        return CopiesByValue()
    stored = vault.elsewhere(wanted)
    accounts = {one.destination.service: one.destination for one in reversed(bindings) if not one.destination.by_hand}
    searches = [_searched(one, wanted) for _, one in sorted(accounts.items())]
    held = {one for search in searches for one in search.found}
    ours = _places(bindings) if held else []
    held = {one for one in held if not any(_is_at(one, binding, places) for binding, places in ours)}
    return CopiesByValue(
        copies=[*(_said(one) for one in sorted(held)), *(f"vault: {one}" for one in stored.found if not one.follows)],
        held=sorted(held),
        follow=[f"vault: {one}" for one in stored.found if one.follows],
        unread=[*stored.unread, *(place for search in searches for place in search.unread)],
    )


def _searched(destination: Destination, values: Mapping[str, Secret]) -> ValueSearch:
    try:
        return destination.holding(values)
    except (AccessDenied, NotFound) as error:
        return ValueSearch((), [f"the account behind {destination.uri} ({error.status})"])


def _is_long(text: str) -> str | None:
    return "long" if len(text) >= SHORTEST else None


def _places(bindings: Sequence[Binding]) -> Sequence[tuple[Binding, Sequence[Address]]]:
    """Each binding with every address of its place: a place with targets has an id and a name."""
    return [(one, [one.destination.address, *_others(one.destination)]) for one in bindings]


def _others(destination: Destination) -> Sequence[Address]:
    return destination.also_called() if destination.address.targets else ()


def _is_at(one: HeldValue, binding: Binding, places: Sequence[Address]) -> bool:
    """Whether this is what a binding itself holds under its own name; a rotation reaches that."""
    if one.name not in binding.names_of(one.secret):
        return False
    base, _, targets = one.uri.partition("/") if binding.destination.address.targets else (one.uri, "", "")
    return any(place.base == base and {*targets.split(",")} & {"", *place.targets} for place in places)


def _said(one: HeldValue) -> str:
    return f"{one.uri} ({one.name})"
