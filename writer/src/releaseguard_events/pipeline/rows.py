"""Turns calls into rows, with a fast path for values that repeat in every event of an app.

The same few names, releases, keys and values come with every event. A text in which scrubbing found nothing is
remembered in its final form and reused. Anything new, long, or of a type that JSON does not have is scrubbed in full.
Both paths give the same row: a test compares them over all cases of the scrubber.
"""

from __future__ import annotations

import json
import os
import re
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING, Final, TypeVar

from releaseguard_events.note import called, correlation_of, event_of
from releaseguard_events.scrub.keys import kind_of_key
from releaseguard_events.stores.storable import EventRow, is_storable, row_of

if TYPE_CHECKING:
    from releaseguard_events.note import Resource
    from releaseguard_events.plain import Call
    from releaseguard_events.scrub.scrubber import Scrubber

K = TypeVar("K")
V = TypeVar("V")

_MOST: Final = 8_192
"""The most values of one kind that are remembered."""
_LONGEST: Final = 64
"""The most characters of a text that is remembered."""
_MEMBERS: Final = 40
"""The most members of a detail on the fast path: with texts of at most that length it is far below the size that is
cut."""
_NO_NUMBERS_RULE: Final = 10**9
"""No scrubbing rule takes a number below this for a telephone or card number."""
_PLAIN_UUID: Final = re.compile(
    r"(?!.*(?:ad|ae|ba|be|de|ee)\d\d)[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"
)
"""A UUID that cannot be taken for an IBAN, whose country code may consist of hexadecimal digits."""
_WORDS: Final = {None: "null", True: "true", False: "false"}

_row: Final = partial(tuple.__new__, EventRow)
"""``EventRow._make`` in half the time."""

Head = tuple[str, str, str, str | None, str | None, str | None]
"""Provider, event, outcome, error code, release and source in their final form."""


class RowMaker:
    """Makes the rows of one process."""

    def __init__(self, resource: Resource, scrubber: Scrubber) -> None:
        self._resource, self._scrubber = resource, scrubber
        self._heads: dict[tuple[object, ...], Head] = {}
        self._members: dict[tuple[object, object], str] = {}
        self._keys: dict[object, str] = {}
        self._second, self._said = -1, ""
        of_all = resource.deployment_id
        self._of_all = (
            json.dumps({"deployment_id": of_all}, ensure_ascii=False, separators=(",", ":"))[1:-1] if of_all else ""
        )
        seed = os.urandom(5).hex()
        self._seed = f"{0x8000 | int(seed[:4], 16) & 0x3FFF:04x}-{seed[4:]}"

    def row(self, call: Call) -> EventRow:
        """The row of a call; always the same row for the same call. Raises ``ValueError`` where the call is not an
        event."""
        head = self._head(call[2:8])
        detail = self._detail(call[11])
        latency = call[8]
        if head is None or detail is None or not (latency is None or (type(latency) is int and 0 <= latency < 2**31)):
            return self.long_way(call)
        provider, event, outcome, error_code, release, source = head
        return _row((
            self._id(call), self._time(call[0]), None, provider, event, outcome, error_code, latency,
            self._resource.environment, release, source, self._correlation(call[9]), call[10], detail,
        ))  # fmt: skip

    def long_way(self, call: Call) -> EventRow:
        """The row of a call, scrubbed in full."""
        return row_of(event_of(called(call, self._id(call)), self._resource, self._scrubber))

    def _id(self, call: Call) -> str:
        """A UUIDv7 (RFC 9562, section 5.7): milliseconds, random bits of this process, and the number of the call."""
        moment, number = f"{call[0] // 1_000_000 & 0xFFFFFFFFFFFF:012x}", call[1]
        return f"{moment[:8]}-{moment[8:]}-7{number & 0xFFF:03x}-{self._seed}{number >> 12 & 0xFFFFFF:06x}"

    def _time(self, nanoseconds: int) -> str:
        second, fraction = divmod(nanoseconds // 1000, 1_000_000)
        if second != self._second:
            self._said = datetime.fromtimestamp(second, UTC).isoformat(timespec="seconds")[:19]
            self._second = second
        return f"{self._said}.{fraction:06d}Z"

    def _head(self, names: tuple[object, ...]) -> Head | None:
        try:
            found = self._heads.get(names)
        except TypeError:
            return None
        return found or self._new_head(names)

    def _new_head(self, names: tuple[object, ...]) -> Head | None:
        if not all(name is None or (type(name) is str and len(name) <= _LONGEST) for name in names):
            return None
        row = self.long_way((0, 0, *names, None, None, False, None))
        head = row.provider, row.event, row.outcome, row.error_code, row.release, row.source
        _remember(self._heads, names, head)
        return head

    def _correlation(self, value: object) -> str | None:
        if value is None:
            return None
        plain = type(value) is str and _PLAIN_UUID.fullmatch(value)
        if plain and not self._scrubber.knows(value):  # type: ignore[arg-type] # a text, as was just seen
            return value  # type: ignore[return-value]
        return correlation_of(value, self._scrubber)

    def _detail(self, detail: object) -> str | None:
        """The JSON of a detail; ``None`` where it has to be scrubbed in full."""
        if detail is None:
            return f"{{{self._of_all}}}"
        if type(detail) is not tuple or len(detail) > 2 * _MEMBERS:
            return None
        members, half = [], len(detail) // 2
        for key, value in zip(detail, detail[half:], strict=False):  # its keys, as many as there are values
            member = self._members.get((key, value)) if type(value) is str else self._plain_member(key, value)
            if member is None and (member := self._new_member(key, value)) is None:
                return None
            members.append(member)
        if self._of_all and "deployment_id" not in detail[:half]:
            members.append(self._of_all)
        return f"{{{','.join(members)}}}"

    def _plain_member(self, key: object, value: object) -> str | None:
        prefix = self._keys.get(key)
        if prefix is None:
            return None
        if value is None or value is True or value is False:
            return prefix + _WORDS[value]
        if type(value) in (int, float) and -_NO_NUMBERS_RULE < value < _NO_NUMBERS_RULE:  # type: ignore[operator]
            return prefix + repr(value + 0)  # type: ignore[operator] # which takes the sign from a zero
        return None

    def _new_member(self, key: object, value: object) -> str | None:
        if type(key) is not str or len(key) > _LONGEST or self._scrubber.text(key) != key or not is_storable(key):
            return None
        if type(value) is str:
            return self._new_text(key, value)
        if key in self._keys or kind_of_key(key) is not None:
            return None
        _remember(self._keys, key, f"{json.dumps(key, ensure_ascii=False)}:")
        return self._plain_member(key, value)

    def _new_text(self, key: str, value: str) -> str | None:
        if len(value) > _LONGEST:
            return None
        made: dict[str, object] = json.loads(self.long_way((*_CALL, {key: value})).detail)
        if key not in made:  # what no store takes was left out of it
            return None
        member = json.dumps({key: made[key]}, ensure_ascii=False, separators=(",", ":"))[1:-1]
        _remember(self._members, (key, value), member)
        return member


_CALL: Final = (0, 0, "any", "any", "success", None, None, None, None, None, False)
"""The values of a call except its detail."""


def _remember(known: dict[K, V], key: K, value: V) -> None:
    """Remember a value; a full memory is emptied first, so that values which repeat find room."""
    if len(known) >= _MOST:
        known.clear()
    known[key] = value
