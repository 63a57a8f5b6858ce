"""How an app logs, learnt from its source: the function that takes an integration and how it ended, in its own words.

The definition alone is read, as text: its name, the keys of the object that it takes (or its parameters), and the
words that its outcome may be. What ours already is needs no learning.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path

from releaseguard.coverage.reading.tree import read, survey
from releaseguard.coverage.signature import OURS, Signature

_NAME = r"(?P<name>(?:log|track|record|report)\w*(?:[Ii]ntegration|[Pp]rovider|_integration|_provider)\w*)"
_TYPE = re.compile(r":\s*([A-Z]\w*)")
_KEY = re.compile(r"(\w+\??)\s*:\s*([^;,}\n]+(?:\n\s*\|[^;,}\n]+)*)")
_SPEAKS = re.compile(rb"[Ii]ntegration|[Pp]rovider|[Ss]tatus|[Oo]utcome")
_WORD = re.compile(r"['\"]([\w-]+)['\"]")
_PROVIDERS = (
    "integrationName",
    "integration_name",
    "integration",
    "providerName",
    "provider_name",
    "provider",
    "service",
)
_OUTCOMES = ("status", "outcome", "result")
_EVENTS = ("event", "eventName", "event_name")
_CALLS = ("api_call", "call", "request")
"""What a kind of event is called that is a call of a provider."""
_PLAIN = {"number": "0", "int": "0", "float": "0", "string": "''", "str": '""', "Date": "new Date()"}
_GOOD = {"success", "ok", "succeeded", "healthy", "up", "passed"}
_OUR_KEYS = ("provider", "outcome")


def learnt(folder: Path) -> Signature | None:
    """The app's own function, where the source under ``folder`` defines exactly one that is not as ours is."""
    tree = survey(folder)
    texts = [content.decode() for name in tree.sources if (content := read(tree, name)) and _may_define(content)]
    elsewhere = _agreed(texts)
    found = {one for text in texts for one in _defined(text, {**elsewhere, **dict(_types(text))})}
    return Signature(*found.pop()) if len(found) == 1 else None


def completed(folder: Path, own: Signature) -> Signature:
    """With what else the app's function has to be given, by its definition under ``folder``, and in which order where
    it takes no object."""
    tree = survey(folder)
    read_ = [content for name in tree.sources if (content := read(tree, name))]
    texts = [one.decode() for one in read_ if own.function.encode() in one or _may_define(one)]
    elsewhere = _agreed(texts)
    for text in texts:
        types = {**elsewhere, **dict(_types(text))}
        for _, taken, python in _functions(text, rf"(?P<name>{re.escape(own.function)})"):
            fields = _fields(taken, types)
            if own.provider in fields or f"{own.provider}?" in fields:
                needed = {key: kind for key, kind in fields.items() if not key.endswith("?") and "=" not in kind}
                also = {key: _value(kind.strip(), types, python) for key, kind in needed.items()}
                order = tuple(key.rstrip("?") for key in fields) if _is_by_place(taken) and not python else ()
                return replace(own, also=also, order=order)
    return own


def _value(kind: str, types: Mapping[str, str], python: bool) -> str:
    """A value of a type: of several words the one that is a call's, else the first."""
    nothing = re.search(r"\b(null|undefined|None)\b", kind)
    if words := _WORD.findall(kind) or _WORD.findall(types.get(kind, "")):
        word = next((one for one in _CALLS if one in words), words[0])
        return f'"{word}"' if python else f"'{word}'"
    if nothing:
        return nothing[1]
    if kind in ("boolean", "bool"):
        return "False" if python else "false"
    return _PLAIN.get(kind, "[]" if kind.endswith("[]") else "{}")


def _agreed(texts: Iterable[str]) -> dict[str, str]:
    """The types that mean one thing wherever they are defined: of two of one name no file says which is meant."""
    bodies: dict[str, set[str]] = {}
    for text in texts:
        for name, body in _types(text):
            bodies.setdefault(name, set()).add(body)
    return {name: next(iter(known)) for name, known in bodies.items() if len(known) == 1}


def log_section(folder: Path) -> str:
    """``[coverage]`` for a first configuration; empty where nothing was learnt."""
    if (own := learnt(folder)) is None:
        return ""
    said: dict[str, str | list[str]] = {"function": own.function, "provider": own.provider, "outcome": own.outcome}
    said |= {"event": own.event} if own.event is not None else {}
    said |= {"success": list(own.success), "error": list(own.error)}
    log = ", ".join(f"{key} = {json.dumps(value)}" for key, value in said.items())
    return f"{_REMARK}[coverage]\nlog = {{ {log} }}\n"


_REMARK = "\n# How the app logs, as its source says: what `releaseguard coverage` looks for.\n"
_Found = tuple[str, str, str, str | None, tuple[str, ...], tuple[str, ...]]


def _may_define(content: bytes) -> bool:
    return bool(_SPEAKS.search(content))


def _types(text: str) -> Iterator[tuple[str, str]]:
    """Interfaces and object types by their body, and unions of words."""
    for match in re.finditer(r"(?:interface\s+(\w+)[^{;]*|type\s+(\w+)\s*=\s*(?:[\w\s]+&\s*)?)\{", text):
        yield match[1] or match[2], _in_braces(text, match.end())
    for match in re.finditer(r"type\s+(\w+)\s*=\s*([^;{]+);", text):
        yield match[1], match[2]


def _in_braces(text: str, start: int) -> str:
    """What stands between the brace before ``start`` and its own end, without what nests in it."""
    depth, found = 1, []
    for letter in text[start:]:
        depth += (letter == "{") - (letter == "}")
        if depth == 0:
            break
        if depth == 1:
            found.append(" " if letter == "}" else letter)
    return "".join(found)


def _functions(text: str, called: str = _NAME) -> Iterator[tuple[str, str, bool]]:
    """Functions that may log: the name, what it is given, and whether it is Python's."""
    other = called.replace("<name>", "<other>")
    script = (
        rf"(?:function\s+{called}\s*(?:<[^>]*>)?\s*\(|(?:const|let)\s+{other}\s*=\s*(?:async\s*)?\()(?P<taken>[^)]*)\)"
    )
    for match in re.finditer(script, text):
        yield match["name"] or match["other"], match["taken"], False
    for match in re.finditer(rf"def\s+{called}\s*\((?P<taken>[^)]*)\)", text):
        yield match["name"], match["taken"], True


def _defined(text: str, types: Mapping[str, str]) -> Iterator[_Found]:
    for name, taken, _ in _functions(text):
        keys = {key.removesuffix("?"): kind for key, kind in _fields(taken, types).items()}
        provider = next((one for one in _PROVIDERS if one in keys), None)
        outcome = next((one for one in _OUTCOMES if one in keys), None)
        if provider is None or outcome is None or (name in OURS and (provider, outcome) == _OUR_KEYS):
            continue
        words = _WORD.findall(keys[outcome]) or _WORD.findall(types.get(keys[outcome].strip(), ""))
        good = tuple(one for one in words if one in _GOOD)
        bad = tuple(one for one in words if one not in _GOOD)
        if good and bad:
            yield name, provider, outcome, next((one for one in _EVENTS if one in keys), None), good, bad


def _fields(taken: str, types: Mapping[str, str]) -> dict[str, str]:
    """The names that a function is given, each with its type: its parameters where they say provider and outcome, else
    those of the object that it takes. What may be left out ends with ``?``."""
    if _is_by_place(taken):
        return _parameters(taken)
    for name in _TYPE.findall(taken):
        if "{" in types.get(name, "") or ":" in types.get(name, ""):
            return dict(_KEY.findall(types[name]))
    written = re.search(r":\s*\{", taken)
    return dict(_KEY.findall(_in_braces(taken, written.end()) if written else taken))


def _is_by_place(taken: str) -> bool:
    names = {name.rstrip("?") for name in _parameters(taken)}
    return any(one in names for one in _PROVIDERS) and any(one in names for one in _OUTCOMES)


def _parameters(taken: str) -> dict[str, str]:
    """A function's parameters, each with its type."""
    while (plain := re.sub(r"\{[^{}]*\}", "Object", taken)) != taken:
        taken = plain
    return dict(_KEY.findall(taken))
