"""Where a credential may go. Pure.

The configuration file can come from a stranger (it travels in pull requests), so it alone does not say where a
credential is sent: a service's own well-known host, this machine, or what the environment itself names does.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from releaseguard.errors import ConfigError, SafeModeRefusal
from releaseguard_events.places.hosts import Place, canonical_or_none, is_loopback
from releaseguard_events.places.urls import split

TRUSTED_HOSTS: Final = "RELEASEGUARD_TRUSTED_HOSTS"
OIDC_ISSUER: Final = "ACTIONS_ID_TOKEN_REQUEST_URL"
"""The runner's variable that says where a job's OIDC token is asked for."""
WELL_KNOWN: Final[Mapping[str, frozenset[str]]] = {
    "[infisical] url": frozenset({"app.infisical.com", "eu.infisical.com", "us.infisical.com"}),
    "[github] url": frozenset({"api.github.com"}),
    "[vercel] url": frozenset({"api.vercel.com"}),
    "[supabase] url": frozenset({"api.supabase.com"}),
}
"""The setting that says where a service is -> the service's own hosts, at their usual port."""
CARRIED: Final[Mapping[str, Sequence[str]]] = {
    "[infisical] url": ("INFISICAL_TOKEN", "INFISICAL_CLIENT_SECRET", "INFISICAL_IDENTITY_ID"),
    "[github] url": ("RELEASEGUARD_GITHUB_APP_PRIVATE_KEY", "RELEASEGUARD_GITHUB_TOKEN", "GITHUB_TOKEN", "GH_TOKEN"),
    "[vercel] url": ("VERCEL_TOKEN", "VERCEL_TOKEN_NEW"),
    "[supabase] url": ("SUPABASE_ACCESS_TOKEN", "SUPABASE_ACCESS_TOKEN_NEW"),
    "[events] url": ("SUPABASE_SERVICE_ROLE_KEY", "SUPABASE_SERVICE_ROLE_KEY_NEW"),
    "[app] url": ("SYNTHETIC_USER_PASSWORD", "SUPABASE_ANON_KEY"),
    OIDC_ISSUER: ("ACTIONS_ID_TOKEN_REQUEST_TOKEN",),
}
"""The setting -> what is sent to its address, by the variable (or the vault's name) that holds it."""

_OF_A_PROJECT: Final = frozenset({"[events] url", "[app] url"})
"""What is of one Supabase project, at its REF.supabase.co."""
_ACTIONS: Final = ".actions.githubusercontent.com"
"""GitHub's own domain for the OIDC tokens of jobs (docs.github.com, "OpenID Connect reference")."""
_DATABASES: Final = ("SUPABASE_DB_URL", "DATABASE_URL")
"""What other programs name so: such an address is trusted itself, and its host with nothing else."""
_REFS: Final = ("SUPABASE_PROJECT_REF", "SUPABASE_PROJECT_ID")
_KEYS: Final = ("SUPABASE_SERVICE_ROLE_KEY", "SUPABASE_SERVICE_ROLE_KEY_NEW", "SUPABASE_ANON_KEY")
_REF: Final = re.compile(r"[a-z0-9]+")
_PROJECT_HOST: Final = re.compile(r"(?:db\.)?(?P<ref>[a-z0-9]+)\.supabase\.co")
_POOLER: Final = ".pooler.supabase.com"
"""One host for the databases of many customers, told apart by the user's name: it vouches for nothing else there."""
_USUAL_PORTS: Final = {"https": (443,), "http": (80,), "postgresql": (5432, 6543)}
_LISTED: Final = re.compile(r"(?P<host>\[[^\[\]]*\]|[^\[\]:/@]+)(?::(?P<port>[0-9]{1,5}))?")


@dataclass(frozen=True, slots=True)
class Trust:
    """What the environment, and nothing else, says about where credentials may go."""

    listed: Sequence[tuple[str, int | None]] = ()
    """``RELEASEGUARD_TRUSTED_HOSTS``: host and port; without a port, any."""
    text: str = ""
    """That variable as it is."""
    hosts: frozenset[str] = frozenset()
    """Hosts of addresses that come whole from the environment."""
    addresses: frozenset[str] = frozenset()
    """Those addresses, which may name several hosts."""
    refs: frozenset[str] = frozenset()
    """The Supabase projects that the environment names, or whose own key it holds."""

    def refusal(
        self, credential: str, setting: str, place: Place, *, address: str | None = None
    ) -> SafeModeRefusal | None:
        """Why ``credential`` does not go to ``place``, which ``setting`` names; ``None`` where it may.

        ``address`` is all of the setting's value, which is trusted where it came whole from the environment.
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
        """At the usual port: behind another one somebody else may answer."""
        if place.port not in _USUAL_PORTS[place.scheme]:
            return False
        if setting == OIDC_ISSUER:
            return place.host.endswith(_ACTIONS)
        if setting in _OF_A_PROJECT:
            prefix = "db." if place.scheme == "postgresql" else ""
            return place.host in {f"{prefix}{ref}.supabase.co" for ref in self.refs}
        return place.host in WELL_KNOWN.get(setting, ())

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
        """Variables with the value with which each alone would have what ``setting`` carries go to ``place``."""
        listed = ",".join([*filter(None, [self.text.strip().rstrip(",")]), _entry(place)])
        project = _PROJECT_HOST.fullmatch(place.host) if setting in _OF_A_PROJECT else None
        named = [("SUPABASE_URL", f"https://{project['ref']}.supabase.co")] if project else []
        return [*named, (TRUSTED_HOSTS, listed)]


def _entry(place: Place) -> str:
    """As the list of trusted hosts has it."""
    host = f"[{place.host}]" if ":" in place.host else place.host
    return host if place.port in _USUAL_PORTS[place.scheme] else f"{host}:{place.port}"


def trust_of(environ: Mapping[str, str]) -> Trust:
    """What ``environ`` says. Raises ``ConfigError`` for an entry of ``RELEASEGUARD_TRUSTED_HOSTS`` that is no host."""
    text = environ.get(TRUSTED_HOSTS, "")
    given = {name: value for name, value in environ.items() if _holds_address(name, value)}
    vouching = [_host_of(value) for name, value in given.items() if name not in _DATABASES]
    return Trust(
        listed=[_listed(entry.strip()) for entry in text.split(",") if entry.strip()],
        text=text,
        hosts=frozenset(host for host in vouching if host and not host.endswith(_POOLER)),
        addresses=frozenset(given.values()),
        refs=frozenset(_refs(environ, given.values())),
    )


def _holds_address(name: str, value: str) -> bool:
    named = name.startswith("RELEASEGUARD_EVENTS_") or name in ("APP_DATABASE_URL", "SUPABASE_URL", *_DATABASES)
    return named and "://" in value


def carried(setting: str, environ: Mapping[str, str]) -> str | None:
    """The variable whose credential goes to the address of ``setting``; ``None`` where none is set."""
    return next((name for name in CARRIED.get(setting, ()) if environ.get(name)), None)


def what_goes_to(setting: str, environ: Mapping[str, str]) -> str:
    """What is sent to the address of ``setting``, in a word: what is at hand, else what would be."""
    return carried(setting, environ) or CARRIED[setting][0]


def _listed(entry: str) -> tuple[str, int | None]:
    found = _LISTED.fullmatch(entry)
    host = canonical_or_none(found["host"]) if found else None
    if found is None or host is None:
        raise ConfigError(
            f"{entry!r} is not a host",
            where=TRUSTED_HOSTS,
            next_step="Write hosts with commas between them, each with a port or without: "
            f"{TRUSTED_HOSTS}=infisical.example.com,db.example.com:6432",
        )
    return host, int(found["port"]) if found["port"] else None


def _refs(environ: Mapping[str, str], addresses: Collection[str]) -> Iterator[str]:
    named = [environ.get(name, "") for name in _REFS]
    claimed = [ref_of_key(environ.get(name, "")) for name in _KEYS]
    pooled = [_user_of(address).rpartition(".")[2] for address in addresses if _host_of(address).endswith(_POOLER)]
    hosts = [found["ref"] for address in addresses if (found := _PROJECT_HOST.fullmatch(_host_of(address)))]
    yield from (ref for ref in (*named, *claimed, *pooled, *hosts) if ref and _REF.fullmatch(ref))


def ref_of_key(key: str) -> str | None:
    """The project that a Supabase key says it is of: its ``ref`` claim. The signature is not looked at: the key comes
    from the environment, and is sent to the project that it names."""
    try:
        payload = key.split(".")[1]
        claims = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
    except (IndexError, binascii.Error, ValueError, RecursionError):
        return None
    ref = claims.get("ref") if isinstance(claims, dict) else None
    return ref if isinstance(ref, str) else None


def _host_of(address: str) -> str:
    return canonical_or_none(split(address).host) or ""


def _user_of(address: str) -> str:
    return split(address).user
