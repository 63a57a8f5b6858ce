"""A release's findings, compressed, since a replay has hundreds of releases that are shown one after the other.
Pure."""

from __future__ import annotations

import pickle
import zlib
from collections.abc import Iterator, Sequence
from typing import overload

from releaseguard.verification.values import Finding


class PackedFindings(Sequence[Finding]):
    """Findings that are all unpacked each time one is read."""

    __slots__ = ("_number", "_packed")

    def __init__(self, findings: Sequence[Finding]) -> None:
        self._number = len(findings)
        self._packed = zlib.compress(pickle.dumps(list(findings)), 1)

    def _unpacked(self) -> list[Finding]:
        found: list[Finding] = pickle.loads(zlib.decompress(self._packed))  # noqa: S301 - what this object packed
        return found

    def __len__(self) -> int:
        return self._number

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Sequence) and self._unpacked() == list(other)

    def __hash__(self) -> int:
        return hash(self._number)

    def __iter__(self) -> Iterator[Finding]:
        return iter(self._unpacked())

    @overload
    def __getitem__(self, at: int) -> Finding: ...
    @overload
    def __getitem__(self, at: slice) -> Sequence[Finding]: ...
    def __getitem__(self, at: int | slice) -> Finding | Sequence[Finding]:
        return self._unpacked()[at]
