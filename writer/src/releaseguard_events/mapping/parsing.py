"""``[events.columns]`` and ``[events.names]`` as rules. Every mistake is told with its line."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, Final

from releaseguard_events.errors import ConfigError
from releaseguard_events.mapping.rules import (
    FROM_THE_CARDS,
    PROVIDER,
    ColumnRule,
    Constant,
    Described,
    Holds,
    NameRule,
    Scalar,
    TheirColumn,
    Translated,
)

Written = Mapping[str, Any]
"""A table of the file, as it is written there."""
Where = Callable[..., str]
"""Steps below ``[events]`` -> file and line."""
Columns = dict[str, str | ColumnRule | None]
"""Our column -> the name of theirs, a rule, or none."""

OUTCOMES: Final = ("success", "error")
ANY: Final = "*"
"""The rules of every provider, after its own."""
_TIMES: Final = ("occurred_at", "recorded_at")
_EVENT: Final = re.compile(r"[A-Za-z0-9_.{}-]{1,100}")
_PART: Final = re.compile(r'\s*(?:"(?P<quoted>[^"]+)"|(?P<plain>[^."]+))\s*(?:\.|$)')


def described(events: Written, known: Sequence[str], where: Where) -> Described:
    """The table that the section ``[events]`` describes; ``known`` are our columns. Raises ``ConfigError``."""
    columns = columns_of(events.get("columns", {}), known, where)
    names = names_of(events.get("names", {}), where)
    event = columns.get("event", None if names else "event")
    nameless = event is None or isinstance(event, ColumnRule)
    return Described(
        events.get("table"),
        columns,
        (*names, *FROM_THE_CARDS) if nameless else names,
        events.get("results_table"),
        where("columns"),
    )


def columns_of(raw: Written, known: Sequence[str], where: Where) -> Columns:
    """``[events.columns]``; ``known`` are our columns. Raises ``ConfigError``."""
    found: Columns = {}
    for name, entry in raw.items():
        if name not in known:
            raise _wrong(f"{name} is not a column of the event log", where, name, _nearest(name, known))
        found[name] = _entry(name, entry, where)
    _refuse_two_on_one(found, where)
    return found


def _entry(name: str, entry: Any, where: Where) -> str | ColumnRule | None:
    if entry is False or entry == "":
        return None
    if isinstance(entry, str) and "." not in entry and '"' not in entry:
        return entry
    if entry is True:
        raise _wrong("true says nothing", where, name, f'Write {name} = "COLUMN", or false where there is none.')
    parts = tuple(_parts(name, entry, where))
    return ColumnRule(parts)


def _parts(name: str, entry: Any, where: Where) -> Iterator[Translated | Constant]:
    match entry:
        case str():
            yield Translated(_column(name, entry, where))
        case Mapping():
            yield from _table(name, entry, where)
        case Sequence() if entry and not isinstance(entry, bytes):
            for one in entry:
                yield from _parts(name, one, where)
        case _:
            raise _wrong("expected text, false, a table or a list of them", where, name, _FORMS)


_FORMS: Final = (
    'A column "name", a path "column.key", false, { constant = ... },'
    ' { column = "name", values = { theirs = "ours" } }, or a list of these: the first that is not null.'
)


_KEYS: Final = ("column", "constant", "values", "others")


def _table(name: str, entry: Written, where: Where) -> Iterator[Translated | Constant]:
    for key in entry:
        if key not in _KEYS:
            raise _wrong(f"{key} is not a known key", where, name, _nearest(key, _KEYS))
    if ("column" in entry) == ("constant" in entry):
        raise _wrong("a table has either a column or a constant", where, name, _FORMS)
    if "constant" in entry:
        if "values" in entry:
            raise _wrong("a constant has no values to translate", where, name, "Leave `values` out.")
        if "others" in entry:
            raise _wrong(_OTHERS, where, name, "Leave `others` out.")
        yield Constant(_constant(name, entry["constant"], where))
        return
    given = entry["column"]
    texts = given if isinstance(given, list) and given else [given]
    values = _values(name, entry.get("values", {}), where)
    others = entry.get("others", True)
    if not isinstance(others, bool) or not (others or values):
        raise _wrong(_OTHERS, where, name, _FORMS)
    for text in texts:
        if not isinstance(text, str) or not text:
            raise _wrong("column is the name of a column, or a list of names", where, name, _FORMS)
        yield Translated(_column(name, text, where), values, others)


_OTHERS: Final = "others is false where only the words that values lists are read, and the next place for the rest"


def _column(name: str, text: str, where: Where) -> TheirColumn:
    """``metadata.release``; a name with a dot in it is in quotes: ``"odd.name".key``."""
    steps, at = [], 0
    while at < len(text) and (match := _PART.match(text, at)):
        steps.append(match["quoted"] or match["plain"].strip())
        at = match.end()
    if at < len(text) or not steps or not all(steps) or text.rstrip().endswith("."):
        raise _wrong(f"{text!r} is neither a column nor a path into one", where, name, 'Write it "column.key".')
    return TheirColumn(steps[0], tuple(steps[1:]))


def _constant(name: str, value: Any, where: Where) -> Scalar:
    if name in ("id", *_TIMES, "detail"):
        raise _wrong("is of one row alone, and cannot be a constant", where, name, f'Write {name} = "COLUMN".')
    return _ours(name, value, where, "the constant")


def _ours(name: str, value: Any, where: Where, what: str) -> Scalar:
    """One of our values, as the column has them."""
    if name == "outcome" and value not in OUTCOMES:
        raise _wrong(f"{what} is neither success nor error", where, name, _nearest(str(value), OUTCOMES))
    wanted, words = _KINDS.get(name, (str, "text"))
    if not isinstance(value, wanted) or (wanted is int and isinstance(value, bool)) or value == "":
        raise _wrong(f"{what} has to be {words}", where, name, None)
    return value if isinstance(value, bool | int) else str(value)


_KINDS: Final[Mapping[str, tuple[type, str]]] = {
    "synthetic": (bool, "true or false"),
    "latency_ms": (int, "a whole number"),
}


def _values(name: str, raw: Any, where: Where) -> tuple[tuple[str, Scalar], ...]:
    if not isinstance(raw, Mapping):
        raise _wrong("values is a table: theirs = ours", where, name, _FORMS)
    if raw and name in ("id", *_TIMES, "latency_ms", "detail"):
        raise _wrong("has no words to translate", where, name, "Leave `values` out.")
    return tuple((theirs, _ours(name, ours, where, f"what {theirs} means")) for theirs, ours in raw.items())


def _refuse_two_on_one(found: Columns, where: Where) -> None:
    """Two columns of ours that are simply one of theirs could be read, and never written: a row has one value there.

    The two times are the exception: a column with the store's clock as its default is both.
    """
    taken: dict[str, str] = {}
    for name, rule in found.items():
        if not isinstance(rule, str):
            continue
        other = taken.setdefault(rule, name)
        if other != name and {other, name} != set(_TIMES):
            step = f"Give one of them false, or say what its values mean: {name} = {{ column = ..., values = ... }}"
            raise _wrong(f"{other} and {name} cannot both be the column {rule}", where, name, step)


def names_of(raw: Written, where: Where) -> tuple[NameRule, ...]:
    """``[events.names]``: the rules of each provider in their order, those of any provider last. Raises."""
    own = [rule for provider, entry in raw.items() if provider != ANY for rule in _named(provider, entry, where)]
    return (*own, *(_named(ANY, raw[ANY], where) if ANY in raw else ()))


def _named(provider: str, entry: Any, where: Where) -> list[NameRule]:
    match entry:
        case Mapping():
            entries = [{"event": event, "outcome": outcome} for outcome, event in entry.items()]
        case str():
            entries = [{"event": entry, "outcome": "success"}]
        case list():
            entries = entry
        case _:
            raise _wrong(_NAMES, where, provider, None, "names")
    return [_name_rule(provider, number, one, where) for number, one in enumerate(entries)]


_NAMES: Final = (
    'expected { success = "EVENT", error = "EVENT" }, or a list of { event = "EVENT", outcome = ..., when = ... }'
)


def _name_rule(provider: str, number: int, entry: Any, where: Where) -> NameRule:
    def wrong(what: str, next_step: str | None = None) -> ConfigError:
        return _wrong(what, where, provider, next_step, "names", number)

    if not isinstance(entry, Mapping):
        raise wrong(_NAMES)
    for key in entry:
        if key not in ("event", "outcome", "when"):
            raise wrong(f"{key} is not a known key", _nearest(key, ("event", "outcome", "when")))
    event, outcome = entry.get("event"), entry.get("outcome")
    if not isinstance(event, str) or not _EVENT.fullmatch(event) or set("{}") & set(event.replace(PROVIDER, "")):
        raise wrong("event is a name of letters, digits and _, in which {provider} stands for the provider")
    if outcome is not None and outcome not in OUTCOMES:
        raise wrong(f"outcome: {outcome!r} is neither success nor error", _nearest(str(outcome), OUTCOMES))
    when = _conditions(entry.get("when", {}), wrong)
    said = ", ".join(
        [event, *([outcome] if outcome else []), *(f"{one.column} = {'|'.join(one.patterns)}" for one in when)]
    )
    of_whom = None if provider == ANY else provider
    return NameRule(event, of_whom, outcome, when, f"[events.names] {provider}: {said}")


def _conditions(raw: Any, wrong: Callable[..., ConfigError]) -> tuple[Holds, ...]:
    if not isinstance(raw, Mapping):
        raise wrong('when is a table: COLUMN = "value", or a list of values; * in one is any text')
    found = []
    for column, given in raw.items():
        patterns = given if isinstance(given, list) and given else [given]
        if not all(isinstance(one, str) and one for one in patterns):
            raise wrong(f"when.{column} is a text, or a list of texts")
        steps = column.split(".")
        if not all(steps):
            raise wrong(f"when.{column} is neither a column nor a path into one")
        found.append(Holds(TheirColumn(steps[0], tuple(steps[1:])), tuple(patterns)))
    return tuple(found)


def _nearest(name: str, valid: Iterable[str]) -> str:
    from difflib import get_close_matches

    names = list(valid)
    close = get_close_matches(name, names, n=1, cutoff=0.5)
    return f"Did you mean {close[0]!r}?" if close else f"Valid: {', '.join(names)}."


def _wrong(
    what: str, where: Where, name: str, next_step: str | None, section: str = "columns", *steps: int
) -> ConfigError:
    return ConfigError(f"events.{section}.{name}: {what}", where=where(section, name, *steps), next_step=next_step)
