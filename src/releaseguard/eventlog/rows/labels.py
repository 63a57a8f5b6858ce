"""Recognises details that consist of labels only and so cannot contain anything private. Pure.

Most details have a few labels: a version, a template's name, an id. The expression accepts less than is harmless, and
never anything in which ``releaseguard_events.scrub`` would find something: keys are among those that name nothing
private, values are too short for it or are ids by their whole form.
"""

from __future__ import annotations

import re
from typing import Final

SPEAKS: Final = (
    "version|versions|count|counts|type|types|status|state|age|length|size|limit|expires|expiry|expired|ttl|used|valid|"
    "invalid|required|missing|reset|changed|updated|created|issued|verified|confirmed|enabled|disabled|format|hint|"
    "attempts|tries|provider|template|scope|usage|at|on|error|errors|reason|field|rule"
)
"""Endings of keys that only describe something."""
NAMES: Final = (
    "action|amount|attempt|batch|category|channel|currency|endpoint|feature|function|job|kind|lang|language|level|"
    "locale|method|mode|model|operation|plan|platform|priority|product|queue|region|result|retries|retry|stage|step|"
    "store|tier|topic|duration_ms|elapsed_ms|latency_ms"
)
"""Whole keys."""
IDS: Final = (
    "batch|campaign|correlation|event|image|job|message|model|moment|order|payment|plan|product|proof|request|scan|"
    "span|store|template|trace|transaction|webhook"
)
"""Things whose id belongs to nobody."""
KEYS: Final = [
    *(one for words in (SPEAKS, NAMES) for one in words.split("|")),
    *(f"{one}{end}" for one in IDS.split("|") for end in ("_id", "Id")),
    "secret_version",
    "deployment_id",
]
"""Keys under which a label may stand; those with a prefix are left out."""
_SPEAKS_INSIDE: Final = "|".join(word.capitalize() for word in SPEAKS.split("|"))
_KEY: Final = rf"(?:(?:[a-z]{{1,8}}_)?(?:{SPEAKS})|[a-z]{{1,10}}(?:{_SPEAKS_INSIDE})|{NAMES}|(?:{IDS})(?:_id|Id))"
"""Shorter than any service's key, which could be somebody's."""
_NUMBERED: Final = r"[A-Za-z_-]{0,6}[0-9]{1,3}|v?[0-9](?:\.[0-9]){1,2}"
_PARTED: Final = r"[a-z]{2}-[a-z]{1,9}-[0-9]|[a-z]{1,6}-[0-9][a-z]?|[0-9][a-z]{1,4}"
_SHORT: Final = rf"{_NUMBERED}|{_PARTED}"
"""Fewer digits than any number that belongs to a person: ``v7``, ``404``, ``1.2.3``, ``eu-west-1``."""
_WORDS: Final = r"[a-z_]{1,19}(?:[.-][a-z_]{1,19})*|[A-Z_]{1,19}(?:[.-][A-Z_]{1,19})*|[A-Za-z]{1,19}"
_WORD: Final = r"(?:[a-ce-rt-z_]|d[a-df-z_]|s[b-z_])[a-z_]{0,17}"
_SENTENCE: Final = (
    rf"(?:[A-CE-LN-RT-Z][a-z_]{{0,18}}|D[a-df-z][a-z_]{{0,17}}|S[b-z][a-z_]{{0,17}}|{_WORD})(?: {_WORD})*[.!?]?"
)
"""A text without a title before a name: no word begins like ``Dear``, ``Sayin``, ``Mr``."""
_UUID: Final = r"[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}"
_PRINT: Final = r"fp:[a-z2-7]{8}"
"""A fingerprint of a secret (``releaseguard_events.scrub.fingerprints``)."""
_TEXT: Final = rf'"(?:{_SHORT}|{_WORDS}|{_SENTENCE}|{_UUID}|{_PRINT})?"'
_NUMBER: Final = r"-?[0-9]{1,8}(?:\.[0-9]{1,12})?"
_DEPLOYED: Final = (
    r"dpl_(?:[0-9][A-Za-z0-9]{3}|[A-Za-z][0-9][A-Za-z0-9]{2}|[A-Za-z]{3}[A-Za-z0-9]|[A-Za-z]{2}[0-9][A-Za-z])"
    r"[A-Za-z0-9]{17,26}"
)
"""An id of a deployment; not where it could be an IBAN after the underscore, nor with the length of AWS keys."""
_DEPLOYMENT: Final = rf'"deployment_id": ?"(?:{_DEPLOYED}|{_SHORT}|{_UUID}|[a-z_]{{1,19}})"'
_MEMBER: Final = (
    rf'(?:"secret_version": ?(?:{_NUMBER}|{_TEXT})|{_DEPLOYMENT}|"{_KEY}": ?(?:{_NUMBER}|true|false|null|{_TEXT}))'
)
_LABELS: Final = re.compile(rf"\{{(?:\}}|(?:{_MEMBER}(?:, ?|\}}))+)\Z")
"""The whole detail; what it accepts and is not JSON is no detail either."""
_SAID: Final = re.compile(r'"deployment_id": ?"([^"]+)"')


def deployment_in(detail: str | None) -> str | None:
    """The deployment named by a detail of labels only, ``""`` where it names none; ``None`` for any other detail."""
    if detail is None:
        return ""
    if _LABELS.match(detail) is None:
        return None
    said = _SAID.findall(detail)
    return None if len(said) > 1 else said[0] if said else ""
