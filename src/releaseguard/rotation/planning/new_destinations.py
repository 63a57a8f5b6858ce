"""Destinations that a chain has never written: told everywhere, refused where nobody looked at them. Pure.

Destinations come with the checkout. A changed one would take the next value to somebody else's place, and in a
pipeline no person reads the plan.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import replace

from releaseguard.destinations.address import Address, parse
from releaseguard.errors import ConfigError, Refused, UsageError
from releaseguard.rotation.history.views import ChainView
from releaseguard.tomlfile import did_you_mean


def never_written(uris: Iterable[str], view: ChainView) -> Sequence[str]:
    """Those of ``uris`` that nothing of the chain was ever written to, or that lie partly outside of what was; none
    where it has written nowhere yet."""
    known = list(_places(view.written))
    return [uri for uri in uris if not _covered(parse(uri), known)] if known else []


def refuse_new(uris: Sequence[str], view: ChainView, named: Sequence[str]) -> None:
    """Raise ``Refused`` for the first of ``uris`` that is new and not among those that were ``named``.

    What an unfinished rotation of the chain was begun with is not new: whoever began it has named it.
    """
    begun = view.current if view.current and not view.current.finished else None
    agreed = list(_places([*named, *(begun.names if begun else ())]))
    for uri in never_written(uris, view):
        if not _covered(parse(uri), agreed):
            raise Refused(
                f"{uri} is a destination that no rotation of {view.chain_key} has ever written, and in GitHub Actions "
                "nobody looks at the plan: a value that goes to a wrong place is out",
                where=uri,
                next_step=f"If it is yours and meant, add: --new-destination {uri}. If not, see who changed "
                "[providers] in releaseguard.toml.",
            )


def check_named(named: Sequence[str], uris: Sequence[str]) -> None:
    """Raise ``UsageError`` for a ``--new-destination`` that is none of the configured ones, ``ConfigError`` for one
    that is no address."""
    places = [parse(uri) for uri in uris]
    for text in named:
        if not any(parse(text).overlaps(place) for place in places):
            raise UsageError(
                f"--new-destination {text} is no destination of this rotation",
                next_step=f"{did_you_mean(text, uris)} Configured are: {', '.join(uris) or 'none'}.",
            )


def _covered(place: Address, known: Iterable[Address]) -> bool:
    """Whether all of ``place`` is among ``known``: of a project at Vercel every target is a place of its own."""
    site = replace(place, targets=(), rename=None)
    same = [one for one in known if one.overlaps(site)]
    return bool(same) and {*place.targets} <= {target for one in same for target in one.targets}


def _places(keys: Iterable[str]) -> Iterator[Address]:
    for key in keys:
        with suppress(ConfigError):  # of a history that an older or newer version wrote
            yield parse(key)
