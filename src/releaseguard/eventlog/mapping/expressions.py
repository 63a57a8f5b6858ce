"""Each of our columns as SQL over a row of the app's own table."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Final

from releaseguard.cards.spelling import bare
from releaseguard.eventlog.mapping.words import SqlWords, any_of
from releaseguard_events.mapping.rules import PROVIDER, ColumnRule, Constant, Holds, NameRule, TheirColumn, Translated
from releaseguard_events.stores.names import literal
from releaseguard_events.stores.table import EventTable

DIVIDERS: Final = " _.-"
"""Characters that separate the words of a name and mean nothing in it."""


def expression(place: EventTable, column: str, words: SqlWords) -> str | None:
    """The value of our ``column``; ``None`` where the table has none."""
    if column == "event":
        return _event(place, words)
    rule = place.rule(column)
    return None if rule is None else _first(rule, _reading(column, words), words)


def _reading(column: str, words: SqlWords) -> Callable[[TheirColumn], str]:
    kinds: dict[str, Callable[[TheirColumn], str]] = {
        "id": words.identity,
        "occurred_at": words.time,
        "recorded_at": words.time,
        "latency_ms": words.number,
        "synthetic": words.flag,
        "detail": words.object,
    }
    return kinds.get(column, words.text)


def _first(rule: ColumnRule, read: Callable[[TheirColumn], str], words: SqlWords) -> str:
    parts = [_part(part, read, words) for part in rule.parts]
    return parts[0] if len(parts) == 1 else f"coalesce({', '.join(parts)})"


def _part(part: Translated | Constant, read: Callable[[TheirColumn], str], words: SqlWords) -> str:
    if isinstance(part, Constant):
        return words.constant(part.value)
    if not part.values:
        return read(part.column)
    text = words.text(part.column)
    cases = " ".join(f"WHEN {literal(theirs)} THEN {words.constant(ours)}" for theirs, ours in part.values)
    kept = f" ELSE {text}" if part.others and all(isinstance(ours, str) for _, ours in part.values) else ""
    return f"(CASE {text} {cases}{kept} END)"


def _event(place: EventTable, words: SqlWords) -> str | None:
    """The event's name: from its own column where that exists and is not null, else from the rules."""
    rule = place.rule("event")
    own = None if rule is None else _first(rule, words.text, words)
    if not place.names:
        return own
    made = _chosen(place, words, lambda one: _named(one, place, words))
    return made if own is None else f"coalesce({own}, {made})"


def taken_by(place: EventTable, words: SqlWords) -> str:
    """The number of the rule that names a row, from 0; null where no rule does, -1 where a column of its own does."""
    rule = place.rule("event")
    numbers = {id(one): str(number) for number, one in enumerate(place.names)}
    made = _chosen(place, words, lambda one: numbers[id(one)]) if place.names else "NULL"
    return made if rule is None else f"CASE WHEN {_first(rule, words.text, words)} IS NOT NULL THEN -1 ELSE {made} END"


def _chosen(place: EventTable, words: SqlWords, said: Callable[[NameRule], str]) -> str:
    """The first matching rule: among the provider's own rules, then among those for all providers."""
    provider = expression(place, "provider", words) or "NULL"
    named = list(dict.fromkeys(bare(one.provider) for one in place.names if one.provider is not None))
    common = [one for one in place.names if one.provider is None]
    cases = []
    for name in named:
        rules = [one for one in place.names if one.provider is None or bare(one.provider) == name]
        cases.append(f"WHEN {literal(name)} THEN {_cases(rules, place, words, said)}")
    otherwise = _cases(common, place, words, said) if common else "NULL"
    return f"(CASE {_bare(provider)} {' '.join(cases)} ELSE {otherwise} END)" if cases else otherwise


def _bare(text: str) -> str:
    """SQL for :func:`~releaseguard.cards.spelling.bare`, so that SendGrid is named by sendgrid's rules."""
    folded = f"lower({text})"
    for divider in DIVIDERS:
        folded = f"replace({folded}, {literal(divider)}, '')"
    return folded


def _cases(rules: Sequence[NameRule], place: EventTable, words: SqlWords, said: Callable[[NameRule], str]) -> str:
    whens: list[str] = []
    for rule in rules:
        condition = " AND ".join(_conditions(rule, place, words))
        if not condition:
            return f"CASE {' '.join(whens)} ELSE {said(rule)} END" if whens else said(rule)
        whens.append(f"WHEN {condition} THEN {said(rule)}")
    return f"CASE {' '.join(whens)} END"


def _conditions(rule: NameRule, place: EventTable, words: SqlWords) -> Iterator[str]:
    if rule.outcome is not None:
        yield f"{expression(place, 'outcome', words) or 'NULL'} = {literal(rule.outcome)}"
    yield from (_holds(one, words) for one in rule.when)


def _holds(condition: Holds, words: SqlWords) -> str:
    text = words.text(condition.column)
    return any_of([words.like(text, pattern) for pattern in condition.patterns])


def _named(rule: NameRule, place: EventTable, words: SqlWords) -> str:
    before, placeholder, after = rule.event.partition(PROVIDER)
    if not placeholder:
        return words.constant(rule.event)
    provider = expression(place, "provider", words) or "NULL"
    parts = [literal(before) if before else "", provider, literal(after) if after else ""]
    return f"({' || '.join(part for part in parts if part)})"
