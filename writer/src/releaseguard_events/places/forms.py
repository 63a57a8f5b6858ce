"""What must hold for every address to which something is sent: it is unambiguous, and https or loopback."""

from __future__ import annotations

from releaseguard_events.errors import SafeModeRefusal
from releaseguard_events.places.hosts import Place, canonical_or_none, place_of, shown_host


def readable(url: str, where: str | None = None) -> Place:
    """Where ``url`` leads. Raises ``SafeModeRefusal`` where two readers could disagree about that, or where it is
    ``http://`` beyond this machine; ``where`` is the setting."""
    try:
        place = place_of(url)
    except ValueError as reason:
        raise unreadable(shown_host(url), str(reason), where) from None
    check_scheme(place, where)
    return place


def canonical_host(host: str) -> str:
    """``host`` in its canonical spelling. Raises ``SafeModeRefusal`` for text that is no host."""
    plain = canonical_or_none(host)
    if plain is None:
        raise unreadable(shown_host(host), "it is not a host name or address")
    return plain


def check_scheme(place: Place, where: str | None = None) -> None:
    """Raise ``SafeModeRefusal`` for ``http://`` beyond this machine."""
    if place.scheme == "http" and not place.is_loopback:
        raise SafeModeRefusal(
            f"SAFE MODE refuses http://{place.host}: http:// is accepted for this machine (loopback) only",
            where=where,
            next_step="Write the address with https://.",
        )


def unreadable(host: str, reason: str, where: str | None = None) -> SafeModeRefusal:
    """The refusal of an address that cannot be read; ``host`` is the part of it that may be shown."""
    return SafeModeRefusal(
        f"SAFE MODE refuses {host}: the address can be read in more than one way or not at all ({reason})",
        where=where,
        next_step="Write it plainly: https://host or https://host:port.",
    )
