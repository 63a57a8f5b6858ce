"""The credentials that releaseguard itself works with while their provider's key is rotated: the old one and the new
one."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from releaseguard.cards.spec import Card
from releaseguard.compose.clients import Clients
from releaseguard.compose.known.configuration import service_at
from releaseguard.destinations.address import Address
from releaseguard.errors import AccessDenied, NotFound
from releaseguard.secret import Secret
from releaseguard.services import SERVICES
from releaseguard.services.interface import Replaceable, Service
from releaseguard.settings import SUCCESSOR

if TYPE_CHECKING:
    from releaseguard.rotation.context import OwnAccess


def own_accesses(clients: Clients, card: Card, secret: str | None, addresses: Sequence[Address]) -> Sequence[OwnAccess]:
    """The credentials that rotating the card's keys could make useless."""
    if not card.infrastructure:
        return []
    mine = {member.name for member in card.unit_of(secret)}
    return [
        _own_access(clients, service, one, [place for place in addresses if service_at(place) is service])
        for service in SERVICES
        for one in service.replaceable
        if one.variable in mine or (one.hangs_together and service.name == card.infrastructure)
    ]


def _own_access(
    clients: Clients, service: Service[Any], one: Replaceable[Any], addresses: Sequence[Address]
) -> OwnAccess:
    from releaseguard.rotation.context import OwnAccess

    context = clients.context(service)
    new = context.secret(one.variable + SUCCESSOR)
    places = [address.place for address in addresses]
    return OwnAccess(
        variable=one.variable,
        old=context.secret(one.variable),
        new_variable=one.variable + SUCCESSOR,
        new=new,
        try_new=partial(_try_new, one.variable, lambda: one.try_new(context, new or Secret(""), places)),
    )


def _try_new(variable: str, ask: Callable[[], None]) -> None:
    """Raise ``AccessDenied`` where the new credential cannot read what the old one has to reach."""
    try:
        ask()
    except (AccessDenied, NotFound) as error:
        raise AccessDenied(
            f"{variable}{SUCCESSOR} does not reach what {variable} reaches: {error.what}",
            where=error.where,
            next_step=f"Make the new one with the scope of the old one, and set {variable}{SUCCESSOR} to it. "
            "Nothing has been written.",
            status=error.status,
        ) from None
