"""The app's own workflows, in its checkout and in the repositories that are destinations."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from releaseguard.ci.job import WORKFLOWS
from releaseguard.compose.clients import Clients
from releaseguard.destinations.address import Address
from releaseguard.errors import AccessDenied, ConfigError, NotFound
from releaseguard.services import SERVICES

LONGEST = 1_000_000
"""The most bytes of a file that is read; a workflow has a few thousand."""


def workflows_at(root: Path) -> Mapping[str, str]:
    """Path within the checkout -> text, for the checkout that contains ``root``; empty where there are no workflows."""
    home = next((one for one in (root, *root.parents) if (one / WORKFLOWS).is_dir()), None)
    if home is None:
        return {}
    files = [one for one in sorted((home / WORKFLOWS).iterdir()) if one.suffix in {".yml", ".yaml"} and one.is_file()]
    small = [one for one in files if one.stat().st_size <= LONGEST]
    return {one.relative_to(home).as_posix(): one.read_text(encoding="utf-8", errors="replace") for one in small}


def workflows_elsewhere(clients: Clients, addresses: Sequence[Address]) -> tuple[Mapping[str, str], Sequence[str]]:
    """Place and path -> text, for every repository that is a destination and for which there is a token, and the
    repositories that may not be read. Raises ``ServiceError`` where a service does not answer."""
    found: dict[str, str] = {}
    unread: list[str] = []
    for service in SERVICES:
        places = service.workflows(clients.context(service), addresses) if service.workflows else {}
        for place, opened in places.items():
            try:
                found |= {f"{place} {path}": text for path, text in opened().files().items()}
            except ConfigError:
                break  # nobody has given this command a token of that service
            except (AccessDenied, NotFound) as error:
                unread.append(f"{place} ({error.status})")
    return found, unread
