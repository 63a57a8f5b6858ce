"""Keeps secrets and personal data out of events: both are masked, by name and by form (``docs/privacy.md``).

The app's thread only copies what it is given (``plain.py``); :class:`Scrubber` then masks in the background, by the
names of keys (``keys.py``) and by the form of texts (``text.py``). A mask names the kind (``[email]``), so that a
report can count it. Scrubbing twice changes nothing more.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Final
from urllib.parse import quote

from releaseguard_events.plain import CUT, plain
from releaseguard_events.scrub.folded import BLANK, Folded, fold, without_unseen
from releaseguard_events.scrub.keys import NAME_LIKE, is_identifier, is_message_id, looks_like_a_name, speaks_about
from releaseguard_events.scrub.keys import kind_of_key as _kind_of_key
from releaseguard_events.scrub.numbers import ibans
from releaseguard_events.scrub.rules import MARK, Table
from releaseguard_events.scrub.text import NUMBERS, SECRETS
from releaseguard_events.scrub.values import is_status

if TYPE_CHECKING:
    from releaseguard_events.plain import Json

MAX_TEXT: Final = 2_000
"""The most characters of one text in an event."""
_MOST_ROUNDS: Final = 8
"""What a mask uncovers is masked in the next round; the second round nearly always changes nothing."""

_TELLING: Final = re.compile(r"[\d@=:%\"'<>/]|[^\x00-\x7f]|\w{20}|--|\b[Dd]ear |\bM(?:r|rs|s)\b|\b[Ss]ayin |PushToken")
"""Without any of these no rule finds anything, as in most texts."""
_NUMERIC: Final = re.compile(
    rf"\d(?:[ .()/{BLANK}-]{{0,3}}+\d){{3}}|:[0-9a-f]{{0,4}}+:[0-9a-f]|pas[sa]port|plate|plaka|licen[cs]e|ehliyet"
)
"""Without any of these no rule about numbers finds anything."""
_ID: Final = re.compile(
    r"(?i)[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"
    r"|(?<![0-9a-z])(?=(?:[0-9]{0,60}+[a-f]){4})[0-9a-f]{24,64}+(?![0-9a-z])"
)
"""A UUID, a commit, a checksum, an id of random bytes; at least four of its characters are letters."""
_SHORTEST_ID: Final = 24

_NO_IDENTIFIER: Final = re.compile(r"[\s()]|^(?:tel:)?\+|^05\d{9}$")
"""Blanks, brackets, or the beginning of a telephone number: no release or id looks like that."""

_MESSAGE_ID: Final = re.compile(r"<?[^\s<>@]{8,200}+@[\w.-]{1,200}+>?")
"""A mail's identifier (https://www.rfc-editor.org/rfc/rfc5322#section-3.6.4) looks like an address and is nobody's;
under its own key it stays."""

_NUMBERED_KINDS: Final = frozenset({"phone", "card", "iban", "identity", "location", "ip"})
"""Kinds that have a digit, whatever the key (``{"phone": "unreachable"}`` is none)."""


def kind_of_key(key: str) -> str | None:
    """The kind of the value under ``key`` by its name alone (``secret``, ``email`` ...), or ``None``."""
    kind = _kind_of_key(key)
    return None if kind == NAME_LIKE else kind


class Scrubber:
    """Masks secrets and personal data. ``known`` are texts that are secret whatever they look like."""

    def __init__(self, known: Iterable[str] = ()) -> None:
        forms = {form for value in known for form in (value, quote(value, safe=""))}
        longest_first = sorted(forms, key=len, reverse=True)
        self._known = re.compile("|".join(map(re.escape, longest_first))) if longest_first else None
        self._clean_texts: set[str] = set()
        self._clean_identifiers: set[str] = set()

    def knows(self, text: str) -> bool:
        """Whether ``text`` contains one of the known secrets."""
        return self._known is not None and self._known.search(text) is not None

    def text(self, text: str) -> str:
        """``text`` with everything masked, at most :data:`MAX_TEXT` characters."""
        if text in self._clean_texts:
            return text
        masked = _shortened(self.whole(text))
        _remember(self._clean_texts, text, masked)
        return masked

    def whole(self, text: str) -> str:
        """``text`` with everything masked, of any length."""
        return self._masked(text, (SECRETS, NUMBERS))

    def identifier(self, text: str) -> str:
        """``text`` with everything masked that no identifier contains. Releases and ids are often digits, so bare
        digits stay."""
        if text in self._clean_identifiers:
            return text
        masked = self._identifier(text)
        _remember(self._clean_identifiers, text, masked)
        return masked

    def _identifier(self, text: str) -> str:
        text = self._masked(text, (SECRETS,))
        if _NO_IDENTIFIER.search(text):
            return self.text(text)
        return _shortened(_replaced(text, fold(text), [(*span, "iban") for span in ibans(_without_ids(text))]))

    def json(self, value: Json, *, by_name: bool = True) -> Json:
        """``value`` with every text and key masked; with ``by_name``, also what a key's name reveals."""
        return self._json(value, "", by_name)

    def _json(self, value: Json, key: str, by_name: bool) -> Json:
        if isinstance(value, dict):
            return {self.text(name): self._member(name, item, key, by_name) for name, item in value.items()}
        if isinstance(value, list):
            return [self._json(item, key, by_name) for item in value]
        if isinstance(value, str):
            return self._text_under(key, value)
        return value if is_identifier(key) else self._number(value)

    def _member(self, key: str, value: Json, parent: str, by_name: bool) -> Json:
        kind = _kind_of_key(key, parent) if by_name else None
        if kind is None or not _is_meant(kind, value):
            return self._json(value, key, by_name and not speaks_about(key))
        return f"[{'person' if kind == NAME_LIKE else kind}]"

    def _text_under(self, key: str, text: str) -> str:
        if not is_identifier(key):
            return self.text(text)
        return text if is_message_id(key) and _MESSAGE_ID.fullmatch(text) else self.identifier(text)

    def _number(self, value: bool | float | None) -> Json:
        if value is None or isinstance(value, bool) or abs(value) < 10**9 or value != int(value):
            return value
        text = str(int(value))
        masked = self.text(text)
        return value if masked == text else masked

    def _masked(self, text: str, tables: Sequence[Table]) -> str:
        if self._known is not None:
            text = self._known.sub("[secret]", text)
        if not _TELLING.search(text):
            return text
        text = without_unseen(text)
        for _ in range(_MOST_ROUNDS):
            before = text
            for rules in tables:
                text = _by_rules(text, rules)
            if text == before:
                break
        return text


_MOST_REMEMBERED: Final = 4_096


def _remember(clean: set[str], text: str, masked: str) -> None:
    """Keep texts that had nothing to hide, since the same few names and keys come with every event."""
    if masked == text and len(text) <= 64:
        if len(clean) >= _MOST_REMEMBERED:
            clean.clear()
        clean.add(text)


def _is_meant(kind: str, value: Json) -> bool:
    """Whether ``value`` can be what its key says."""
    if value is None or isinstance(value, bool):
        return False
    if not isinstance(value, str):
        return kind != NAME_LIKE
    if is_status(value):
        return False
    if kind == NAME_LIKE:
        return looks_like_a_name(value)
    return kind not in _NUMBERED_KINDS or any(character.isdigit() for character in value)


def _by_rules(text: str, table: Table) -> str:
    folded = _seen(text, table)
    lowered = folded.text.lower()
    if table is NUMBERS and not _NUMERIC.search(lowered):
        return text
    for rule in table.worth_asking(lowered):
        changed = _replaced(text, folded, rule.find(folded.text))
        if changed != text:
            text, folded = changed, _seen(changed, table)
    return text


def _seen(text: str, table: Table) -> Folded:
    """``text`` as the rules see it, without the digits of UUIDs and commits, which are nobody's telephone number."""
    folded = fold(text)
    return Folded(_without_ids(folded.text), folded.starts) if table is NUMBERS else folded


def _without_ids(text: str) -> str:
    """``text`` with an x for each character of an id."""
    return _ID.sub(_same_length, text) if len(text) >= _SHORTEST_ID else text


def _same_length(found: re.Match[str]) -> str:
    return "x" * len(found[0])


def _replaced(text: str, folded: Folded, found: Iterable[tuple[int, int, str]]) -> str:
    """``text`` with the places found replaced by masks; existing masks stay."""
    places = sorted(found)
    if not places:
        return text
    pieces: list[str] = []
    done = 0
    marks = [match.span() for match in MARK.finditer(text)]
    for start, end, kind in places:
        first, last = _widened(folded.place(start), folded.place(end), marks)
        if first >= done and MARK.sub("", text[first:last]).strip():
            pieces += (text[done:first], f"[{kind}]")
            done = last
    return "".join((*pieces, text[done:]))


def _widened(first: int, last: int, marks: Sequence[tuple[int, int]]) -> tuple[int, int]:
    """The place, extended to the whole of each mask that it cuts."""
    for start, end in marks:
        if start < first < end:
            first = start
        if start < last < end:
            last = end
    return first, last


def _shortened(text: str) -> str:
    return text if len(text) <= MAX_TEXT else text[: MAX_TEXT - len(CUT)] + CUT


def secrets_of(environment: Mapping[str, str]) -> Sequence[str]:
    """The values in a process's environment that are secret by their variable's name and long enough to be certain."""
    return [value for name, value in environment.items() if kind_of_key(name) == "secret" and _is_distinct(value)]


def _is_distinct(value: str) -> bool:
    return len(value) >= 20 or (len(value) >= 10 and any(character.isdigit() for character in value))


_FINDER: Final = Scrubber()


def kinds_in(value: Json) -> frozenset[str]:
    """The kinds of secret or personal data still in ``value``; empty for everything that was scrubbed."""
    return frozenset(_kinds(value, _FINDER.json(value)))


def kinds_by_key(detail: Mapping[str, object]) -> Mapping[str, str]:
    """Key of an event's detail -> the kind of secret or personal data under it, for keys that have any."""
    found = {key: kinds_in({key: plain(value)}) for key, value in detail.items()}
    return {key: min(kinds) for key, kinds in found.items() if kinds}


def _kinds(before: Json, after: Json) -> Iterator[str]:
    if before == after:
        return
    if isinstance(before, dict) and isinstance(after, dict) and len(before) == len(after):
        for (old_key, old), (new_key, new) in zip(before.items(), after.items(), strict=True):
            yield from _kinds(old_key, new_key)
            yield from _kinds(old, new)
    elif isinstance(before, list) and isinstance(after, list):
        for old, new in zip(before, after, strict=True):
            yield from _kinds(old, new)
    else:
        # Marks that were there before are what a writer's scrubber left; a cut makes no kind of it.
        yield from Counter(MARK.findall(str(after))) - Counter(MARK.findall(str(before)))
