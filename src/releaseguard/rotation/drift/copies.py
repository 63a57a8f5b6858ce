"""Copies of managed secrets at places that the configuration does not name: no rotation reaches them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from releaseguard.destinations.interface import CopySearch, Destination
from releaseguard.errors import AccessDenied, NotFound
from releaseguard.rotation.context import Binding


@dataclass(frozen=True, slots=True, order=True)
class Copy:
    """One unmanaged copy; ``name`` is its name there."""

    secret: str
    name: str
    uri: str


@dataclass(frozen=True, slots=True, order=True)
class UnsearchedPlace:
    """A place that could not be read: a copy called ``name`` would not have been found there."""

    name: str
    place: str


@dataclass(frozen=True, slots=True)
class CopiesFound:
    """The result of a search."""

    copies: Sequence[Copy] = ()
    unread: Sequence[UnsearchedPlace] = ()


def search_for_copies(
    bindings: Sequence[Binding], secrets: Iterable[str], is_configured: Callable[[str], bool]
) -> CopiesFound:
    """Search every account behind ``bindings`` for each name that a secret has at one of them.

    A place that the credential may not read is part of the result, not an error. Raises ``ServiceError`` where a
    service does not answer.
    """
    asked = {
        (secret, one.destination.service, name): one.destination
        for secret in secrets
        for one in reversed(bindings)  # of each service the first: one search looks through a whole account
        for name in one.names_of(secret)
    }
    copies: set[Copy] = set()
    unread: set[UnsearchedPlace] = set()
    for (secret, _, name), destination in asked.items():
        found = _searched(destination, name)
        strange = [uri for uri in found.found if not is_configured(uri) and not is_configured(found.also.get(uri, uri))]
        copies |= {Copy(secret, name, uri) for uri in strange}
        unread |= {UnsearchedPlace(name, place) for place in found.unread}
    return CopiesFound(sorted(copies), sorted(unread))


def _searched(destination: Destination, name: str) -> CopySearch:
    try:
        return destination.search([name])
    except (AccessDenied, NotFound) as error:
        return CopySearch([], [f"the account behind {destination.uri} ({error.status})"])
