"""libpq connects in C, where no hook sees it: its target is checked here and fixed (``releaseguard_events.places``)."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from msgspec import Struct

from releaseguard.errors import NotInstalled
from releaseguard.safemode.guard import active_policy
from releaseguard.safemode.policy import Policy
from releaseguard.secret import Secret
from releaseguard_events.places import libpq

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from releaseguard_events.places.hosts import Place


class CheckedTarget(Struct, frozen=True):
    """A fixed target that is allowed. ``conninfo`` is for ``psycopg.connect``, which then looks nothing up and connects
    only to ``addresses`` (empty for a Unix socket); ``where`` names the target in messages."""

    conninfo: Secret
    where: str
    addresses: Sequence[str]


def check_libpq(
    conninfo_or_url: str,
    environ: Mapping[str, str],
    *,
    setting: str = "[events] url",
    policy: Policy | None = None,
    vouch: Callable[[Place], None] = lambda _: None,
) -> CheckedTarget:
    """The target to which libpq would connect: allowed because it is configured, checked against the cards, and fixed.

    ``policy`` is by default the one in force; the target is fixed even without any. ``vouch`` is called for every
    server before anything is looked up, and raises where no password may be sent there. Raises like
    :func:`releaseguard_events.places.libpq.pinned`, and ``SafeModeRefusal`` for a provider's host.
    """
    rules = policy or active_policy() or Policy()

    def admit(place: Place) -> None:
        vouch(place)
        rules.admit(place.host, place.port, setting)

    need_psycopg()
    target = libpq.pinned(conninfo_or_url, environ, setting=setting, admit=admit)
    return CheckedTarget(Secret(target.conninfo), target.where, target.addresses)


def need_psycopg() -> None:
    """Raise ``NotInstalled`` where psycopg is missing or does not find the system's libpq."""
    try:
        import_module("psycopg")
    except ImportError:
        raise NotInstalled("Talking to Postgres", "postgres") from None
