"""Which Supabase projects the environment shows to be ours: their hosts may receive what belongs to one project.
Pure."""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Collection, Iterator, Mapping
from typing import Final

from releaseguard_events.places.hosts import Place
from releaseguard_events.places.trust import Endpoint, Vouching, host_of
from releaseguard_events.places.urls import split

POOLER: Final = ".pooler.supabase.com"
"""A host for the databases of many customers, who are distinguished by the user's name."""
_REFS: Final = ("SUPABASE_PROJECT_REF", "SUPABASE_PROJECT_ID")
_KEYS: Final = ("SUPABASE_SERVICE_ROLE_KEY", "SUPABASE_SERVICE_ROLE_KEY_NEW", "SUPABASE_ANON_KEY")
_REF: Final = re.compile(r"[a-z0-9]+")
_PROJECT_HOST: Final = re.compile(r"(?:db\.)?(?P<ref>[a-z0-9]+)\.supabase\.co")


def hosts_of_projects(environ: Mapping[str, str], addresses: Collection[str]) -> Collection[tuple[str, str]]:
    """Schemes and hosts of the projects that the environment names, or whose own key it has."""
    return {
        (scheme, f"{prefix}{ref}.supabase.co")
        for ref in _refs(environ, addresses)
        for scheme, prefix in (("https", ""), ("http", ""), ("postgresql", "db."))
    }


def way_to_trust(place: Place) -> tuple[str, str] | None:
    """The variable, with its value, that says which project is ours, where ``place`` belongs to one; else ``None``."""
    found = _PROJECT_HOST.fullmatch(place.host)
    return ("SUPABASE_URL", f"https://{found['ref']}.supabase.co") if found else None


SERVICE_KEYS: Final = ("SUPABASE_SERVICE_ROLE_KEY", "SUPABASE_SERVICE_ROLE_KEY_NEW")
"""The credential sent to an event log at Supabase, and the one used where it is refused."""
EVENTS: Final = Endpoint(
    setting="[events] url", client="supabase", carries=SERVICE_KEYS, own=hosts_of_projects, way=way_to_trust
)
DATABASES: Final = ("SUPABASE_DB_URL", "DATABASE_URL")
"""Variables with a database's address, which ``[events] url`` may contain besides our own."""
VOUCHING: Final = Vouching(
    addresses=frozenset({"SUPABASE_URL"}), databases=frozenset({"SUPABASE_DB_URL"}), shared=(POOLER,)
)


def _refs(environ: Mapping[str, str], addresses: Collection[str]) -> Iterator[str]:
    named = [environ.get(name, "") for name in _REFS]
    claimed = [ref_of_key(environ.get(name, "")) for name in _KEYS]
    pooled = [split(address).user.rpartition(".")[2] for address in addresses if host_of(address).endswith(POOLER)]
    hosts = [found["ref"] for address in addresses if (found := _PROJECT_HOST.fullmatch(host_of(address)))]
    yield from (ref for ref in (*named, *claimed, *pooled, *hosts) if ref and _REF.fullmatch(ref))


def ref_of_key(key: str) -> str | None:
    """The project that a Supabase key claims, in its ``ref`` claim. The signature is not checked: the key comes from
    the environment, and is sent to the project that it names."""
    try:
        payload = key.split(".")[1]
        claims = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
    except (IndexError, binascii.Error, ValueError, RecursionError):
        return None
    ref = claims.get("ref") if isinstance(claims, dict) else None
    return ref if isinstance(ref, str) else None
