"""Destinations that a person writes and confirms: ``manual:NAME``. No program reaches them.

For instance the variables of a build service that has no API, a worker on a server, or a provider's own console.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from releaseguard.destinations.address import Address
from releaseguard.destinations.hands import KIND
from releaseguard.destinations.interface import CostEstimate, Destination, Item, Observed, WriteResult
from releaseguard.errors import UsageError
from releaseguard.model import Remark, Standing


class ManualDestination(Destination):
    """One such place. Its content is whatever a person has confirmed; nothing can be read there."""

    service = KIND
    runtime = True
    needs_deployment = False
    holds_companions = True
    by_hand = True

    def __init__(self, address: Address) -> None:
        self.address = address

    def reach(self) -> Iterator[Remark]:
        yield Remark(Standing.OK, "is written and confirmed by a person")

    def estimate(self, items: Sequence[Item]) -> CostEstimate:
        return CostEstimate(0, 0, (), tuple(item.name for item in items))

    def push(self, items: Sequence[Item]) -> Sequence[WriteResult]:  # noqa: ARG002 - nobody but a person can
        raise UsageError(f"{self.uri} is written by a person", where=self.uri)

    def observe(self, items: Sequence[Item]) -> Mapping[str, Observed]:
        return {item.name: Observed(item.name, present=True) for item in items}

    def copies(self, names: Sequence[str]) -> Sequence[str]:  # noqa: ARG002 - nothing can be looked at
        return ()
