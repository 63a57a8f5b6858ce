"""The certificate of revocation, as it is printed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypedDict

from releaseguard import readable


class ConsumerRow(TypedDict):
    """One consumer: a source of the app, with the destination and component that the project says it belongs to."""

    destination: str | None
    component: str | None
    source: str | None
    new_successes: int
    new_since: str | None
    new_last: str | None
    old_successes: int
    old_last: str | None
    unlabelled_successes: int
    unlabelled_last: str | None
    failures: int
    """Errors since the new value serves it."""
    refused: int
    """Those of them that are refused credentials."""
    seen: bool
    """Whether it has succeeded with the new value."""
    shows: str | None
    """What would make it show, where it has not."""


class CertificateDocument(TypedDict):
    """Who uses the new value, who used the old one last, and who has not been seen: times are RFC 3339 in UTC."""

    as_of: str
    since: str
    consumers: Sequence[ConsumerRow]
    not_seen: Sequence[str]
    in_doubt: Sequence[str]
    """What speaks against revoking the old value."""


def _clock(moment: str) -> str:
    return readable.date_and_clock(moment, seconds=True)


COLUMNS = ("consumer", "with the new value", "old one last used", "failures", "what would make it show")


def cells(row: ConsumerRow) -> Sequence[str]:
    """The cells of one consumer, under :data:`COLUMNS`."""
    where = ", ".join(word for word in (row["component"], row["destination"]) if word)
    name = row["source"] or "(no source)"
    new = f"{row['new_successes']} since {_clock(row['new_since'])}" if row["new_since"] else "not seen yet"
    unlabelled = f" ({row['unlabelled_successes']} say nothing)" if row["unlabelled_successes"] else ""
    return (
        f"{name} ({where})" if where else name,
        new + unlabelled,
        _clock(row["old_last"]) if row["old_last"] else "never",
        f"{row['failures']}, {row['refused']} refused" if row["failures"] else "0",
        row["shows"] or "",
    )
