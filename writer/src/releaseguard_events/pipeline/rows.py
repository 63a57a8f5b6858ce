"""From a call to a row on a short way, for what every event of an app repeats; anything else goes the long one.

The same few names, releases, keys and values come with every event. What scrubbing found nothing in is remembered as it
is written, and taken from there; what is new, long, or of another type than JSON's own is scrubbed as ever. Both ways
lead to the same row: a test holds them against each other over every case that the scrubber has.
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
"""Of each kind that are remembered."""
_LONGEST: Final = 64
"""Characters of a text that is."""
_MEMBERS: Final = 40
"""Of a detail that goes the short way: with texts of that length it stays far below what is cut."""
_NO_NUMBERS_RULE: Final = 10**9
"""Below it no rule takes a number for a telephone's or a card's."""
_PLAIN_UUID: Final = re.compile(
    r"(?!.*(?:ad|ae|ba|be|de|ee)\d\d)[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"
)
"""That cannot be taken for an IBAN of a country whose letters are hexadecimal digits."""
_WORDS: Final = {None: "null", True: "true", False: "false"}

_row: Final = partial(tuple.__new__, EventRow)
"""As ``EventRow._make``, in half the time."""

Head = tuple[str, str, str, str | None, str | None, str | None]
"""Provider, event, outcome, error code, release and source, as they are written."""


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
        """The row of a call; the same again for the same call. Raises ``ValueError`` where it is none."""
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
        """The same, with nothing remembered."""
        return row_of(event_of(called(call, self._id(call)), self._resource, self._scrubber))

    def _id(self, call: Call) -> str:
        """A UUIDv7 (RFC 9562, section 5.7): milliseconds, random bits of this process, the call's number in it."""
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
        """The JSON of a detail, ``None`` where it has to go the long way."""
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
"""A call but for its detail."""


def _remember(known: dict[K, V], key: K, value: V) -> None:
    """Few are new for long; a log whose values never come again makes room for those that do."""
    if len(known) >= _MOST:
        known.clear()
    known[key] = value
