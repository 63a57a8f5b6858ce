"""Which secret goes to which place under which names, according to the configuration. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence

from msgspec import Struct, field

from releaseguard.cards.spec import Card, SecretSpec
from releaseguard.destinations.address import Address
from releaseguard.errors import ConfigError, Refused
from releaseguard.settings.sections import ProviderSection
from releaseguard.tomlfile import did_you_mean

PUBLIC_PREFIXES = (
    "NEXT_PUBLIC_",
    "EXPO_PUBLIC_",
    "VITE_",
    "PUBLIC_",
    "REACT_APP_",
    "NUXT_PUBLIC_",
    "GATSBY_",
    "VUE_APP_",
)
"""Prefixes of variables that build tools copy into what every visitor downloads."""

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")

Read = Callable[[str, str], Address]
"""Parses an address; the second argument is its file and line. Raises ``ConfigError``."""
Where = Callable[..., str]
"""``file:line`` of a key of the provider's section."""


class Placement(Struct, frozen=True):
    """One place, and what is written there."""

    address: Address
    """The address without a rename."""
    names: Mapping[str, Sequence[str]] = field(default_factory=dict)
    """Each of the card's secrets that is written there -> its names there, one or several."""

    def of(self, members: Sequence[SecretSpec]) -> Mapping[str, Sequence[str]]:
        """The names of a unit's members there; empty for a member that is not written there."""
        return {member.name: self.names.get(member.name, ()) for member in members}


def placements(card: Card, section: ProviderSection, read: Read, where: Where) -> Sequence[Placement]:
    """Every place of the card's secrets, those of the provider's own list first.

    A secret with destinations of its own goes only there, the others to the provider's. Raises ``ConfigError`` for an
    invalid address.
    """
    found: dict[Address, dict[str, list[str]]] = {}
    for text in section.destinations:
        found[read(text, where("destinations")).place] = {}
    for secret in card.secrets:
        if secret.from_ == "manual":
            continue
        for address in _addresses_of(secret.name, section, read, where):
            names = found.setdefault(address.place, {}).setdefault(secret.name, [])
            names += [name for name in _names_at(address, secret.name, section) if name not in names]
    return [Placement(address, names) for address, names in found.items()]


def refuse_misplaced(card: Card, section: ProviderSection, read: Read, where: Where) -> None:
    """Raise ``ConfigError`` for ambiguous names, and ``Refused`` where a server-side secret would be written under a
    public name."""
    refuse_unknown(card, section, where)
    _refuse_bad_names(section, where)
    _refuse_shared_rename(card, section, read, where)
    for placement in placements(card, section, read, where):
        for secret in card.secrets:
            for name in placement.names.get(secret.name, ()):
                _refuse_public(card, secret, name, placement.address, where)


def _addresses_of(name: str, section: ProviderSection, read: Read, where: Where) -> Iterator[Address]:
    own = section.secrets.get(name)
    if own is None or own.destinations is None:
        return (read(text, where("destinations")) for text in section.destinations)
    return (read(text, where("secrets", name, "destinations")) for text in own.destinations)


def _names_at(address: Address, name: str, section: ProviderSection) -> Sequence[str]:
    own = section.secrets.get(name)
    if address.rename:
        return [address.rename]
    return own.names if own and own.names else [name]


def refuse_unknown(card: Card, section: ProviderSection, where: Where) -> None:
    """Raises ``ConfigError`` for a secret that the card does not have."""
    known = [secret.name for secret in card.secrets]
    for name in section.secrets:
        if name not in known:
            raise ConfigError(
                f"the card {card.id} has no secret {name}",
                where=where("secrets", name),
                next_step=did_you_mean(name, known),
            )


def _refuse_bad_names(section: ProviderSection, where: Where) -> None:
    for secret, own in section.secrets.items():
        for name in own.names:
            if not _NAME.fullmatch(name):
                raise ConfigError(
                    f"{name!r} cannot be the name of a variable",
                    where=where("secrets", secret, "names"),
                    next_step="Names have letters, digits and underscores, and do not begin with a digit.",
                )


def _refuse_shared_rename(card: Card, section: ProviderSection, read: Read, where: Where) -> None:
    """Raise where a rename stands on a list for several secrets: it does not say which of them gets the name."""
    renamed = [one for one in (read(text, where("destinations")) for text in section.destinations) if one.rename]
    heirs = [
        secret.name for secret in card.secrets if secret.from_ != "manual" and _without_its_own(section, secret.name)
    ]
    if not renamed or len(heirs) == 1:
        return
    first = renamed[0]
    raise ConfigError(
        f"{first}: `as` is for a single secret, and this list is for {', '.join(heirs) or 'none'}",
        where=where("destinations"),
        next_step=f"Earlier versions took it for {card.secrets[0].name}. Say which it is, and leave the renaming out "
        f'here: [providers.{card.id}.secrets.{heirs[0] if heirs else card.secrets[0].name}] destinations = ["{first}"]',
    )


def _without_its_own(section: ProviderSection, name: str) -> bool:
    own = section.secrets.get(name)
    return own is None or own.destinations is None


def _refuse_public(card: Card, secret: SecretSpec, name: str, address: Address, where: Where) -> None:
    prefix = next((prefix for prefix in PUBLIC_PREFIXES if name.upper().startswith(prefix)), None)
    if prefix is None or secret.reach != "server" or secret.identifier:
        return
    raise Refused(
        f"{secret.name} is a secret of the server, and as {name} at {address} it would be published: what begins with "
        f"{prefix} is copied into what every visitor downloads",
        where=where("secrets", secret.name, "names"),
        next_step="Give it another name there, or give the name to the secret that is public: "
        f'[providers.{card.id}.secrets.NAME] names = ["{name}"]',
    )
