"""Where a credential may be sent. Pure.

The configuration file can come from a stranger (it travels in pull requests), so it alone does not decide where a
credential is sent. Allowed are a service's own well-known host, this machine, and what the environment itself names.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Final, NamedTuple

from releaseguard_events.errors import ConfigError, SafeModeRefusal
from releaseguard_events.places.hosts import Place, canonical_or_none, is_loopback
from releaseguard_events.places.urls import split

TRUSTED_HOSTS: Final = "RELEASEGUARD_TRUSTED_HOSTS"
_ADDRESSES: Final = frozenset({"APP_DATABASE_URL"})
_DATABASES: Final = frozenset({"DATABASE_URL"})
_USUAL_PORTS: Final = {"https": (443,), "http": (80,), "postgresql": (5432, 6543)}
_LISTED: Final = re.compile(r"(?P<host>\[[^\[\]]*\]|[^\[\]:/@]+)(?::(?P<port>[0-9]{1,5}))?")


Environ = Mapping[str, str]
Addresses = Collection[str]
"""The addresses in the environment for whose hosts it vouches, and those of databases."""
OwnHosts = Callable[[Environ, Addresses], Collection[tuple[str, str]]]
"""Schemes and hosts that an environment shows to be the service's own for this user."""


class Endpoint(NamedTuple):
    """A setting, or a variable of the environment, that names an address, and what is sent there."""

    setting: str
    """``[NAME] url``; the variable's name where a variable names the address."""
    client: str
    """The name of that address's client in messages."""
    carries: Sequence[str] = ("a credential",)
    """The variables (or the vault's names) whose credentials are sent there; the first is what would be sent where none
    is set."""
    hosts: frozenset[str] = frozenset()
    """The service's own well-known hosts, at their usual port."""
    below: str = ""
    """A domain of the service of which every host is its own: ``.actions.example``."""
    own: OwnHosts = lambda _environ, _addresses: ()
    way: Callable[[Place], tuple[str, str] | None] = lambda _place: None
    """A variable, with its value, that vouches for a place besides the list of trusted hosts."""
    of_few: bool = False
    """Whether only few commands use it; a refusal then stops only those."""


class Vouching(NamedTuple):
    """Which variables of the environment vouch for addresses, besides our own."""

    addresses: frozenset[str] = frozenset()
    """Variables with an address whose host may receive credentials."""
    databases: frozenset[str] = frozenset()
    """Variables of other programs: their address is trusted itself, but its host for nothing else."""
    shared: tuple[str, ...] = ()
    """Domains whose hosts serve many customers, distinguished by the user's name; there a variable vouches for nothing
    else."""


class TrustRules(NamedTuple):
    """What the services say about themselves."""

    endpoints: Sequence[Endpoint] = ()
    vouching: Sequence[Vouching] = ()

    def at(self, setting: str) -> Endpoint:
        """What is known about the address of ``setting``."""
        found = (endpoint for endpoint in self.endpoints if endpoint.setting == setting)
        return next(found, Endpoint(setting=setting, client=setting))

    def carried(self, setting: str, environ: Environ) -> str | None:
        """The variable whose credential is sent to the address of ``setting``; ``None`` where none is set."""
        return next((name for name in self.at(setting).carries if environ.get(name)), None)

    def what_goes_to(self, setting: str, environ: Environ) -> str:
        """A word for what is sent to the address of ``setting``: what is set, else what would be."""
        return self.carried(setting, environ) or self.at(setting).carries[0]

    def trust_of(self, environ: Environ) -> Trust:
        """What ``environ`` says. Raises ``ConfigError`` for an entry of ``RELEASEGUARD_TRUSTED_HOSTS`` that is no
        host."""
        text = environ.get(TRUSTED_HOSTS, "")
        whole = {name: value for name, value in environ.items() if self._holds_address(name) and "://" in value}
        databases = _DATABASES.union(*(one.databases for one in self.vouching))
        vouched = [host_of(value) for name, value in whole.items() if name not in databases]
        shared = tuple(domain for one in self.vouching for domain in one.shared)
        addresses = frozenset(whole.values())
        return Trust(
            listed=[_listed(entry.strip()) for entry in text.split(",") if entry.strip()],
            text=text,
            hosts=frozenset(host for host in vouched if host and not host.endswith(shared)),
            addresses=addresses,
            own={one.setting: frozenset(one.own(environ, addresses)) for one in self.endpoints},
            rules=self,
        )

    def _holds_address(self, name: str) -> bool:
        named = _ADDRESSES.union(_DATABASES, *(one.addresses | one.databases for one in self.vouching))
        return name.startswith("RELEASEGUARD_EVENTS_") or name in named


class Trust(NamedTuple):
    """What the environment alone says about where credentials may be sent."""

    listed: Sequence[tuple[str, int | None]] = ()
    """``RELEASEGUARD_TRUSTED_HOSTS``: host and port; any port where none is given."""
    text: str = ""
    """That variable, unchanged."""
    hosts: frozenset[str] = frozenset()
    """Hosts of addresses that come whole from the environment."""
    addresses: frozenset[str] = frozenset()
    """Those addresses, which may name several hosts."""
    own: Mapping[str, frozenset[tuple[str, str]]] = {}
    """Setting -> schemes and hosts that the environment shows to be the service's own."""
    rules: TrustRules = TrustRules()

    def refusal(
        self, credential: str, setting: str, place: Place, *, address: str | None = None
    ) -> SafeModeRefusal | None:
        """Why ``credential`` is not sent to ``place``, which ``setting`` names; ``None`` where it may be.

        ``address`` is the setting's whole value, which is trusted where it came whole from the environment.
        """
        if address in self.addresses or self._is_known(setting, place):
            return None
        return self._refused(credential, setting, place)

    def _is_known(self, setting: str, place: Place) -> bool:
        host, port = place.host, place.port
        return (
            is_loopback(host)
            or host in self.hosts
            or any(host == one and at in (None, port) for one, at in self.listed)
            or self._is_services_own(setting, place)
        )

    def _is_services_own(self, setting: str, place: Place) -> bool:
        """Whether it is the service's own host at the usual port; behind another port somebody else may answer."""
        if place.port not in _USUAL_PORTS[place.scheme]:
            return False
        endpoint = self.rules.at(setting)
        below = bool(endpoint.below) and place.host.endswith(endpoint.below)
        return below or place.host in endpoint.hosts or (place.scheme, place.host) in self.own.get(setting, ())

    def _refused(self, credential: str, setting: str, place: Place) -> SafeModeRefusal:
        ways = [f"set {name}={value} in the environment" for name, value in self.ways_to_trust(setting, place)]
        return SafeModeRefusal(
            f"SAFE MODE does not send {credential} to {_entry(place)}: {setting} names that host, which is neither the "
            "service's own nor one that the environment trusts",
            where=setting,
            next_step=f"If that host is yours, {', or '.join(ways)}. If it is not, correct {setting}, and find out who "
            "wrote it.",
        )

    def ways_to_trust(self, setting: str, place: Place) -> Sequence[tuple[str, str]]:
        """Variables with values, each of which alone would allow what ``setting`` sends to go to ``place``."""
        listed = ",".join([*filter(None, [self.text.strip().rstrip(",")]), _entry(place)])
        named = self.rules.at(setting).way(place)
        return [*filter(None, [named]), (TRUSTED_HOSTS, listed)]


def _entry(place: Place) -> str:
    """The place as the list of trusted hosts writes it."""
    host = f"[{place.host}]" if ":" in place.host else place.host
    return host if place.port in _USUAL_PORTS[place.scheme] else f"{host}:{place.port}"


def _listed(entry: str) -> tuple[str, int | None]:
    found = _LISTED.fullmatch(entry)
    host = canonical_or_none(found["host"]) if found else None
    if found is None or host is None:
        raise ConfigError(
            f"{entry!r} is not a host",
            where=TRUSTED_HOSTS,
            next_step="Write hosts with commas between them, each with a port or without: "
            f"{TRUSTED_HOSTS}=vault.example.com,db.example.com:6432",
        )
    return host, int(found["port"]) if found["port"] else None


def host_of(address: str) -> str:
    """The canonical host of an address; empty where none can be read."""
    return canonical_or_none(split(address).host) or ""
