"""The addresses that a configuration names, and whether the credential that belongs to each may go there."""

from __future__ import annotations

from collections.abc import Mapping

from releaseguard.errors import SafeModeRefusal
from releaseguard.safemode import trust
from releaseguard.settings import Settings
from releaseguard_events.places.hosts import place_of
from releaseguard_events.places.urls import scheme_of

_OF_FEW = frozenset({"[app] url", trust.OIDC_ISSUER})
"""What few commands go to: it stops those alone, when they do."""


def of(settings: Settings, environ: Mapping[str, str]) -> Mapping[str, str]:
    """Setting -> the address that it names, for every service but a proxy."""
    named = {
        "[events] url": settings.events.url,
        "[infisical] url": settings.infisical.url,
        "[github] url": settings.github.url,
        "[vercel] url": settings.vercel.url,
        "[supabase] url": settings.supabase.url,
        "[app] url": settings.app.url,
        trust.OIDC_ISSUER: environ.get(trust.OIDC_ISSUER),
    }
    return {setting: url for setting, url in named.items() if url}


def refuse_to_send(settings: Settings, environ: Mapping[str, str]) -> None:
    """Raise ``SafeModeRefusal`` for the first credential at hand that its setting would take elsewhere: a command may
    need it late, when others have been sent already, or take a service that refuses for one that is down."""
    trusted = trust.trust_of(environ)
    for setting, url in of(settings, environ).items():
        credential = None if setting in _OF_FEW else trust.carried(setting, environ)
        if credential and (refused := refusal(settings, trusted, setting, url, credential)):
            raise refused


def refusal(
    settings: Settings, trusted: trust.Trust, setting: str, url: str, credential: str
) -> SafeModeRefusal | None:
    """Why the credential does not go to a web address; ``None`` where it may, or where it is none."""
    if scheme_of(url) not in {"http", "https"}:
        return None
    refused = trusted.refusal(credential, setting, place_of(url), address=url)
    if refused is not None:
        refused.where = place_in_file(settings, setting)
    return refused


def to_be_trusted(settings: Settings, environ: Mapping[str, str]) -> Mapping[str, str]:
    """The variables, with their values, that the environment lacks before credentials go where these settings say."""
    lacking: dict[str, str] = {}
    for setting, url in of(settings, environ).items():
        trusted = trust.trust_of({**environ, **lacking})
        if refusal(settings, trusted, setting, url, trust.what_goes_to(setting, environ)):
            ways = trusted.ways_to_trust(setting, place_of(url))
            lacking |= [way for way in ways if way[0] not in lacking or way[0] == trust.TRUSTED_HOSTS][:1]
    return lacking


def place_in_file(settings: Settings, setting: str) -> str:
    """``releaseguard.toml:12: [vercel] url``; a variable of the environment is its own place."""
    section, _, key = setting.removeprefix("[").partition("] ")
    return f"{settings.where(section, key)}: {setting}" if key else setting
