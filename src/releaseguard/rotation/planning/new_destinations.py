"""Destinations that a chain has never written: shown in every plan, and refused where nobody has seen the plan. Pure.

Destinations come with the checkout. A changed one would send the next value to somebody else's place, and in a pipeline
no person reads the plan.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import replace

from releaseguard.destinations.address import Address, ReadAddress
from releaseguard.errors import ConfigError, Refused, UsageError
from releaseguard.rotation.history.views import ChainView
from releaseguard.tomlfile import did_you_mean


def never_written(addresses: Iterable[Address], view: ChainView, read: ReadAddress) -> Sequence[Address]:
    """The ``addresses`` with at least one target to which the chain has never written; empty where it has not written
    anywhere yet."""
    known = list(_places(view.written, read))
    return [address for address in addresses if not _covered(address, known)] if known else []


def refuse_new(addresses: Sequence[Address], view: ChainView, named: Sequence[str], read: ReadAddress) -> None:
    """Raise ``Refused`` for the first new address that was not ``named``.

    The destinations with which an unfinished rotation was begun are not new: whoever began it has named them.
    """
    begun = [key for one in view.unfinished for key in one.names]
    agreed = list(_places([*named, *begun], read))
    for address in never_written(addresses, view, read):
        if not _covered(address, agreed):
            raise Refused(
                f"{address.uri} is a destination that no rotation of {view.chain_key} has ever written, and in GitHub "
                "Actions nobody looks at the plan: a value sent to the wrong place cannot be called back",
                where=address.uri,
                next_step=f"If it is yours and intended, add: --new-destination {address.uri}. If not, see who changed "
                "[providers] in releaseguard.toml.",
            )


def check_named(named: Sequence[str], addresses: Sequence[Address], read: ReadAddress) -> None:
    """Raise ``UsageError`` for a ``--new-destination`` that is not configured, ``ConfigError`` for an invalid
    address."""
    uris = [address.uri for address in addresses]
    for text in named:
        if not any(read(text).overlaps(address) for address in addresses):
            raise UsageError(
                f"--new-destination {text} is not a destination of this rotation",
                next_step=f"{did_you_mean(text, uris)} Configured are: {', '.join(uris) or 'none'}.",
            )


def _covered(place: Address, known: Iterable[Address]) -> bool:
    """Whether all targets of ``place`` are among ``known``."""
    site = replace(place, targets=(), rename=None)
    same = [one for one in known if one.overlaps(site)]
    return bool(same) and {*place.targets} <= {target for one in same for target in one.targets}


_PLACE = re.compile(r" (?:as|without) ")
"""What follows the place in a destination's key in the history."""


def _places(keys: Iterable[str], read: ReadAddress) -> Iterator[Address]:
    for key in keys:
        with suppress(ConfigError):  # of a history that an older or newer version wrote
            yield read(_PLACE.split(key)[0])
