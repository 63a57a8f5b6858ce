"""The rules of SAFE MODE: an allow-list from the configuration, overruled by a deny-list from the providers' cards.

It only decides; :mod:`releaseguard.safemode.guard` asks it before every look-up and connection.
"""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Final

from msgspec import Struct

from releaseguard.errors import SafeModeRefusal
from releaseguard_events.places.forms import canonical_host, check_scheme, unreadable
from releaseguard_events.places.hosts import (
    Place,
    canonical,
    canonical_or_none,
    covers,
    is_address,
    place_of,
    shown_host,
)

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence

HTTP_SCHEMES: Final = ("http:", "https:", "//")
EVENTS_SETTING: Final = "[events] url"
"""The only setting whose address may be a database's."""
PROXY_SETTING: Final = "[network] proxy"


class AllowedHost(Struct, frozen=True):
    """A host that the configuration names. ``port`` is ``None`` for any port; ``why`` is the setting."""

    host: str
    port: int | None
    why: str

    def takes(self, port: int | None) -> bool:
        """Whether ``port`` may be used there; ``None`` asks about the host only, as a look-up does."""
        return port is None or self.port is None or self.port == port


class Policy:
    """Which hosts may be looked up and connected to.

    ``denied`` maps a card's id to its host patterns (``sendgrid.com`` covers every host below it). A denial overrules
    the allow-list, except where ``infrastructure`` (setting -> ids of cards) says that the address in that setting is a
    service on which releaseguard depends. Whatever is allowed once stays allowed: ``denied`` and ``infrastructure`` are
    fixed, and the allow-list only grows. All threads share it.
    """

    def __init__(
        self,
        allowed: Iterable[AllowedHost] = (),
        denied: Mapping[str, Sequence[str]] | None = None,
        infrastructure: Mapping[str, Collection[str]] | None = None,
    ) -> None:
        self._infrastructure = dict(infrastructure or {})
        self._denied = [
            (canonical(pattern.removeprefix("*.")), card)
            for card, patterns in (denied or {}).items()
            for pattern in patterns
        ]
        self._allowed: list[AllowedHost] = []
        self._resolved: defaultdict[str, set[AllowedHost]] = defaultdict(set)
        for entry in allowed:
            self.admit(entry.host, entry.port, entry.why)

    @property
    def allowed(self) -> Sequence[AllowedHost]:
        """The hosts that the configuration names, in its order."""
        return tuple(self._allowed)

    def admit(self, host: str, port: int | None, why: str) -> None:
        """Allow a configured host. Raises ``SafeModeRefusal`` where it is on a card and is not infrastructure."""
        entry = AllowedHost(self.canonical_of(host), port, why)
        card = next((card for card in self._cards(entry.host) if not self._stands_on(entry, card)), None)
        if card is not None:
            raise _denied(entry.host, card, where=why)
        if entry not in self._allowed:
            self._allowed.append(entry)

    def check_host(self, host: str, port: int | None = None) -> None:
        """Raise ``SafeModeRefusal`` unless ``host`` (a name or an address, in any spelling) may be reached."""
        plain = self.canonical_of(host)
        entries = [entry for entry in self._entries(plain) if entry.takes(port)]
        for card in self._cards(plain):
            if not any(self._stands_on(entry, card) for entry in entries):
                raise _denied(plain, card)
        if not entries:
            raise self._not_allowed(plain, port)

    def check_url(self, url: str) -> None:
        """Raise ``SafeModeRefusal`` unless ``url`` is unambiguous, https (or loopback), and leads to an allowed
        host."""
        place = self.readable(url)
        self.check_host(place.host, place.port)
        check_scheme(place)

    def readable(self, url: str, where: str | None = None) -> Place:
        """Where ``url`` leads. Raises ``SafeModeRefusal`` where that is ambiguous, naming the card where it seems to
        lead to a provider."""
        try:
            return place_of(url)
        except ValueError as exc:
            reason = str(exc)
        host = shown_host(url)
        its_own = self._infrastructure.get(where or "", ())
        card = next((card for card in self._cards(canonical_or_none(host) or "") if card not in its_own), None)
        raise _denied(host, card, where) if card is not None else unreadable(host, reason, where)

    def record(self, name: str, addresses: Iterable[str]) -> None:
        """Remember the addresses of an allowed name: they may be connected to, at the name's ports."""
        plain = canonical_or_none(name)
        entries = [entry for entry in self._allowed if entry.host == plain]
        for address in filter(None, map(canonical_or_none, addresses)):
            self._resolved[address].update(entries)

    def _entries(self, plain: str) -> Iterable[AllowedHost]:
        named = [entry for entry in self._allowed if entry.host == plain]
        return [*named, *self._resolved.get(plain, ())] if is_address(plain) else named

    def _cards(self, plain: str) -> Iterable[str]:
        return (card for pattern, card in self._denied if covers(pattern, plain))

    def _stands_on(self, entry: AllowedHost, card: str) -> bool:
        return card in self._infrastructure.get(entry.why, ())

    def canonical_of(self, host: str) -> str:
        """``host`` in its canonical spelling. Raises ``SafeModeRefusal`` for text that is no host."""
        return canonical_host(host)

    def _not_allowed(self, plain: str, port: int | None) -> SafeModeRefusal:
        at = plain if port is None else f"{plain}:{port}"
        known = ", ".join(f"{_shown(entry)} ({entry.why})" for entry in self._allowed) or "none"
        return SafeModeRefusal(
            f"SAFE MODE refuses {at}: it is not on the allow-list, which holds only what the configuration names",
            next_step=f"If releaseguard must reach it, set it in releaseguard.toml. Allowed now: {known}.",
        )


def build_policy(
    allowed_urls: Mapping[str, str],
    denied: Mapping[str, Sequence[str]],
    infrastructure: Mapping[str, Collection[str]] | None = None,
    *,
    proxy: str | None = None,
) -> Policy:
    """The policy of a configuration.

    ``allowed_urls`` maps a setting (``[app] url``) to its address; a database's address, which only ``[events] url``
    may be, is checked by :func:`releaseguard.safemode.check_libpq` instead. ``denied`` maps a card to its hosts,
    ``infrastructure`` a setting to the cards on which its host may be. ``proxy`` is ``[network] proxy``; it may be
    ``http://``, since what is sent through it has TLS of its own. Raises ``SafeModeRefusal`` where a setting names a
    provider's host, uses ``http://`` beyond this machine, or is no web address.
    """
    policy = Policy((), denied, infrastructure)
    for setting, url in allowed_urls.items():
        if setting != EVENTS_SETTING or url.lstrip().lower().startswith(HTTP_SCHEMES):
            place = policy.readable(url, where=setting)
            policy.admit(place.host, place.port, setting)
            check_scheme(place, where=setting)
    if proxy is not None:
        place = policy.readable(proxy, where=PROXY_SETTING)
        policy.admit(place.host, place.port, PROXY_SETTING)
    return policy


def _denied(host: str, card: str, where: str | None = None) -> SafeModeRefusal:
    return SafeModeRefusal(
        f"SAFE MODE refuses {host}: it is on the deny-list as a host of the provider card {card!r}, "
        "and a provider is never called to find out whether it works",
        where=where,
        next_step=f"See `releaseguard events tail --provider {card}` for what the app's own use of it shows; "
        "where a setting names this host, correct the setting.",
    )


def _shown(entry: AllowedHost) -> str:
    return entry.host if entry.port in {None, 443} else f"{entry.host}:{entry.port}"
