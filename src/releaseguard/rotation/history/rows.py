"""Converts rows to typed steps and back, strictly in both directions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
from msgspec import UNSET

from releaseguard.audit.chain import Draft
from releaseguard.keeping import clean_text
from releaseguard.model import Event
from releaseguard.rotation.history.events import TYPES, ChainStep, PushFinished, PushStarted

LONGEST_WRITTEN = 4_000
"""The most characters of one text that are written; a service's answer may be a page of HTML."""


class Malformed(ValueError):
    """A row that is not a step of a rotation. The message says why and contains no value of the row."""


def parse(event: Event) -> ChainStep:
    """The typed value of a row. Raises ``Malformed``, and nothing else, for an unknown type or field."""
    kind = TYPES.get(event.event)
    if kind is None:
        raise Malformed("is of a type that no step has")
    if event.detail.get("schema", 1) != kind.schema:
        raise Malformed("is of another version of its type than this releaseguard knows: a newer one may know it")
    return _convert(kind, event.detail)


def fault(event: Event) -> str | None:
    """The reason why a row is not a step; ``None`` where it is one."""
    try:
        parse(event)
    except Malformed as error:
        return str(error)
    return None


def _convert(kind: type[ChainStep], detail: Mapping[str, Any]) -> ChainStep:
    try:
        step = msgspec.convert(_whole(kind, detail), kind, strict=True)
    except (msgspec.ValidationError, RecursionError) as error:
        raise Malformed(f"holds a field that is not of its type ({_without_value(error)})") from None
    if not step.holder:
        raise Malformed("does not say which run wrote it")
    return step


def _whole(kind: type[ChainStep], detail: Mapping[str, Any]) -> Mapping[str, Any]:
    """The detail with the destinations of a wave: the earliest versions wrote one step for each destination."""
    if kind in (PushStarted, PushFinished) and not detail.get("destinations"):
        return {**detail, "destinations": [dict(detail)]}
    return dict(detail)


def _without_value(error: Exception) -> str:
    """Where the fault is and what was expected there. The library's message would quote an invalid choice, which may be
    anything."""
    text = str(error)
    quoted = text.startswith("Invalid enum value")
    return f"no value of its enumeration{text[text.rfind(' - at') :] if ' - at' in text else ''}" if quoted else text


SAID = frozenset({"reason", "problem", "missing", "steps"})
"""Fields with the words of a person or service, which are kept for good and may contain the very key that leaked."""


def _scrubbed(detail: Mapping[str, Any]) -> dict[str, Any]:
    return {key: _words(value) if key in SAID else _inner(value) for key, value in detail.items()}


def _inner(value: Any) -> Any:
    return _scrubbed(value) if isinstance(value, Mapping) else value


def _words(value: Any) -> Any:
    if isinstance(value, str):
        return clean_text(value)
    return [_words(inner) for inner in value] if isinstance(value, list) else value


def _cut(value: Any) -> Any:
    if isinstance(value, str):
        return value if len(value) <= LONGEST_WRITTEN else f"{value[:LONGEST_WRITTEN]} [cut]"
    if isinstance(value, Mapping):
        return {key: _cut(inner) for key, inner in value.items()}
    if isinstance(value, Sequence):
        return [_cut(inner) for inner in value]
    return value


def detail_of(step: ChainStep) -> Mapping[str, Any]:
    """What is stored in ``detail``: every field that is set, texts cut to :data:`LONGEST_WRITTEN`, and the schema
    number where it is not the first."""
    detail = {key: value for key, value in msgspec.to_builtins(step, str_keys=True).items() if value is not UNSET}
    return {**_cut(detail), **({"schema": step.schema} if step.schema > 1 else {})}


def draft_of(step: ChainStep, holder: str) -> Draft:
    """The step as the chain stores it, written by ``holder``.

    Raises ``Malformed`` for a step that no reader would believe: not writing it does less harm than breaking the chain.
    """
    detail = {**_scrubbed(detail_of(step)), "holder": holder}
    _convert(TYPES[step.name], detail)
    return Draft(step.name, detail, step.outcome)
