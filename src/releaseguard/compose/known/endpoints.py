"""The addresses in a configuration, and whether the credential for each may be sent there."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from releaseguard import safemode
from releaseguard.cards.load import Cards
from releaseguard.errors import SafeModeRefusal
from releaseguard.safemode.policy import EVENTS_SETTING, PROXY_SETTING, Policy
from releaseguard.services import SERVICES
from releaseguard.services.interface import APP_DATABASE
from releaseguard.settings import Settings
from releaseguard_events.places.hosts import place_of
from releaseguard_events.places.trust import TRUSTED_HOSTS, Trust, TrustRules
from releaseguard_events.places.urls import scheme_of

APP_SETTING = "[app] url"
NOTIFY = "RELEASEGUARD_NOTIFY_URL"
"""The variable with the webhook's address, whose path is a secret."""
RULES = TrustRules(
    endpoints=[endpoint for service in SERVICES for endpoint in service.endpoints],
    vouching=[service.vouching for service in SERVICES],
)
"""Where the credentials of all services go."""


def of(settings: Settings, environ: Mapping[str, str]) -> Mapping[str, str]:
    """Setting -> its address, for every service; a proxy is not included."""
    named: dict[str, str | None] = {EVENTS_SETTING: settings.events.url}
    named |= {f"[{service.name}] url": settings.services[service.name].url for service in SERVICES}
    named |= {APP_SETTING: settings.app.url, NOTIFY: environ.get(NOTIFY, "").strip()}
    named |= {one.setting: environ.get(one.setting) for one in RULES.endpoints if one.setting not in named}
    return {setting: url for setting, url in named.items() if url}


def policy_of(settings: Settings, cards: Cards, allowed: Mapping[str, str], proxy: str | None) -> Policy:
    """SAFE MODE's rules for the ``allowed`` addresses. Raises ``SafeModeRefusal`` for a provider's host."""
    return safemode.build_policy(allowed, _denied(cards), infrastructure(settings), proxy=proxy)


def refusal_of(settings: Settings, cards: Cards, setting: str, url: str) -> SafeModeRefusal | None:
    """Why SAFE MODE does not allow this address; ``None`` where it does."""
    proxy = url if setting == PROXY_SETTING else None
    try:
        policy_of(settings, cards, {} if proxy else {setting: url}, proxy)
    except SafeModeRefusal as error:
        return error
    return None


def infrastructure(settings: Settings) -> Mapping[str, Collection[str]]:
    """The settings whose address may belong to a provider, which is then our infrastructure at that address only."""
    found: dict[str, set[str]] = {}
    for service in SERVICES:
        for setting in service.stands_at:
            named = settings.app.database_url_env if setting == APP_DATABASE else setting
            found.setdefault(named, set()).add(service.name)
    return found


def _denied(cards: Cards) -> Mapping[str, Sequence[str]]:
    hosts: dict[str, list[str]] = {}
    for host, card in cards.denied_hosts().items():
        hosts.setdefault(card, []).append(host)
    return hosts


def refuse_to_send(settings: Settings, environ: Mapping[str, str]) -> None:
    """Raise ``SafeModeRefusal`` for the first available credential that its setting would send to an untrusted host.

    It is checked at the start: a command may need the credential late, after others were sent, or mistake the refusal
    for a service that is down.
    """
    trusted = RULES.trust_of(environ)
    for setting, url in of(settings, environ).items():
        credential = None if RULES.at(setting).of_few else RULES.carried(setting, environ)
        if credential and (refused := refusal(settings, trusted, setting, url, credential)):
            raise refused


def refusal(settings: Settings, trusted: Trust, setting: str, url: str, credential: str) -> SafeModeRefusal | None:
    """Why the credential may not be sent to a web address; ``None`` where it may."""
    if scheme_of(url) not in {"http", "https"}:
        return None
    refused = trusted.refusal(credential, setting, place_of(url), address=url)
    if refused is not None:
        refused.where = place_in_file(settings, setting)
    return refused


def to_be_trusted(settings: Settings, environ: Mapping[str, str]) -> Mapping[str, str]:
    """The variables, with their values, that the environment needs before credentials may go where these settings
    say."""
    lacking: dict[str, str] = {}
    for setting, url in of(settings, environ).items():
        trusted = RULES.trust_of({**environ, **lacking})
        if refusal(settings, trusted, setting, url, RULES.what_goes_to(setting, environ)):
            ways = trusted.ways_to_trust(setting, place_of(url))
            lacking |= [way for way in ways if way[0] not in lacking or way[0] == TRUSTED_HOSTS][:1]
    return lacking


def place_in_file(settings: Settings, setting: str) -> str:
    """``releaseguard.toml:12: [app] url``; for a variable of the environment its name."""
    section, _, key = setting.removeprefix("[").partition("] ")
    return f"{settings.where(section, key)}: {setting}" if key else setting
