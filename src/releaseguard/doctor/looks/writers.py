"""Remarks about workflows that write a managed secret, too."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from releaseguard.model import Remark, Standing
from releaseguard.rotation.identity.other_writers import OtherWriter


def told(writers: Sequence[OtherWriter]) -> Iterator[Remark]:
    """A warning for each, with its line."""
    for one in writers:
        what, _, fix = str(one).partition(". ")
        where = f"{one.file}:{one.line}"
        yield Remark(Standing.WARN, what.partition(": ")[2], where, fix, where)
