"""Why a value cannot be a key: something copied along with it, never filled in, or cut off. Pure.

Every sentence says what is wrong and never contains the value.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

from releaseguard.cards.spec import SecretSpec
from releaseguard.errors import Refused
from releaseguard.secret import Secret

_REFERENCE = re.compile(
    r"\$\{\s*[A-Za-z_][\w.\-]*\s*\}|\{\{.*?\}\}|\A\$\(.*\)\Z|\A\$[A-Za-z_]\w*\Z|\A%[A-Za-z_]\w*%\Z", re.DOTALL
)
_PLACEHOLDER = re.compile(
    r"(change|replace|fill)[ _-]?(me|this|in)( please)?|to[ _-]?do|tbd|tba|fix[ _-]?me|placeholder|redacted|masked"
    r"|hidden|your[ _-].*[ _-](key|token|secret|password|value|here|sid|dsn|id)|.*[ _-]goes[ _-]here|insert[ _-].*"
    r"|none|null|nil|undefined|n/?a|empty|unset|not[ _-]?(set|available)|true|false"
    r"|dummy|example|sample|test|foo|bar|baz"
    r"|(my[ _-]?|the[ _-]?)?(secret|password|passwd|token|value|(api[ _-]?|secret[ _-]?)?key)"
    r"|x{3,}|\*{2,}|\.{3,}|-{2,}|_{2,}|\?+|•+|0+|-",
    re.IGNORECASE,
)
_IN_BRACKETS = re.compile(r"\A(<[^<>]*>|\[[^\[\]]*\]|\([^()]*\)|\*[^*]*\*)\Z")
_ELSEWHERE = re.compile(
    r"\A(op://|vault:|ref\+\w+://|secretref:|keyvault:|ssm:|akv://|arn:aws[\w-]*:(secretsmanager|ssm):|ENC\[AES256_GCM"
    r"|@Microsoft\.KeyVault\(|projects/[^/]+/secrets/)",
)
"""References as other tools write them in place of a value: 1Password, Vault, vals, Azure, AWS, Google, SOPS."""
_ASSIGNED = re.compile(r"\A(export\s+)?([A-Z][A-Z0-9_]{2,})\s*=(?!=*\Z)")
_HEADER = re.compile(r"\A(Authorization:|X-[A-Za-z-]+:|Bearer\s|Basic\s)", re.IGNORECASE)
_NO_KEYS = (
    (_REFERENCE, "it holds a reference that was not resolved"),
    (_ELSEWHERE, "it says where a value stands, in another tool's words, and is none"),
    (_IN_BRACKETS, "it is a placeholder"),
    (_ASSIGNED, "it is a line that sets a variable, and not the value alone"),
    (_HEADER, "it is what a header says, and not the key alone"),
    (re.compile(r"(\.\.\.|…)\Z"), "it was cut off where it was shown"),
)
_QUOTES = ('""', "''", "``", "“”", "‘’", "«»", "„“")
_INVISIBLE = re.compile("[\u200b-\u200f\u2028-\u202e\u2060-\u2064\ufeff]")
_CONTROL = re.compile(r"[\x01-\x08\x0b\x0c\x0e-\x1f\x7f]")
_PEM = re.compile(
    r"(-----BEGIN ([A-Z0-9 ]+)-----\r?\n(?:[A-Za-z-]+: [^\r\n]*\r?\n)*\s*(?:[A-Za-z0-9+/=]+\r?\n)+-----END \2-----\s*)+"
)
_LIKE_PEM = re.compile(r"-----BEGIN ([^\r\n]+)-----\r?\n.*\n-----END \1-----(\r?\n)?", re.DOTALL)
"""The look of a PEM document, for a value whose card does not declare one."""
_BEGINS_AS_PEM = "-----BEGIN "
LIMITS = frozenset(
    {255, 1023, 1024, 2047, 2048, 4095, 4096, 8191, 8192, 16383, 16384, 24576, 32767, 32768, 49152, 65535, 65536}
)
"""Lengths at which forms, columns and services cut off a value."""


@dataclass(frozen=True, slots=True)
class Flaw:
    """What is wrong with the value of one secret."""

    name: str
    what: str

    def __str__(self) -> str:
        return f"{self.name}: {self.what}"


def flaws_in(specs: Sequence[SecretSpec], values: Mapping[str, Secret]) -> Sequence[Flaw]:
    """Why these values cannot be the secrets' values."""
    there = [spec for spec in specs if spec.name in values]
    looked = ((spec.name, _what_is_wrong(spec, values[spec.name])) for spec in there)
    return [Flaw(name, what) for name, what in looked if what]


def _what_is_wrong(spec: SecretSpec, value: Secret) -> str | None:
    """A sentence that contains nothing of the value; a placeholder may be quoted where it is one of our own words."""
    said: list[str] = []

    def look(text: str) -> str | None:
        said.extend(_first(spec, text))
        return None

    value.examined(look)
    return next((one for one in (*said, *_NEUTRAL) if not value.shows_in(one)), "?") if said else None


_NEUTRAL = ("it cannot be a key", "refused")


def unlike_the_documented(specs: Sequence[SecretSpec], values: Mapping[str, Secret]) -> Iterator[str]:
    """One sentence for each value that does not have the form documented by its provider."""
    for spec in specs:
        if spec.pattern and values.get(spec.name) and values[spec.name].examined(partial(_unlike, spec.pattern)):
            yield f"{spec.name}: the new value has not the form that the provider documents: is it the right key?"


def _unlike(pattern: str, text: str) -> str | None:
    return None if re.fullmatch(pattern, text) else "unlike"


def refuse_flawed(flaws: Sequence[Flaw]) -> None:
    """Raise ``Refused`` where a value cannot be a key."""
    if flaws:
        raise Refused(
            "the new value cannot be a key: " + "; ".join(map(str, flaws)),
            next_step="Store the key itself as a new version, then rotate again. If it is right as it is: "
            '--accept-value --reason "why".',
        )


def _first(spec: SecretSpec, text: str) -> Sequence[str]:
    if text.strip("\"' \r\n") == spec.name:
        return ["it is the secret's own name"]
    return [*_wrong(text, spec.shape)][:1]


def _wrong(text: str, shape: str | None) -> Iterator[str]:
    """What is wrong, the most informative first. An empty value is refused elsewhere."""
    if not text:
        return
    if text.startswith("\ufeff"):
        yield "it begins with a byte-order mark"
    if "\0" in text:
        yield "it holds a NUL"
    if _INVISIBLE.search(text) or _CONTROL.search(text):
        yield "it holds a character that nobody sees"
    if shape is None and _LIKE_PEM.fullmatch(text):
        return
    shape = shape or ("pem" if text.lstrip().startswith(_BEGINS_AS_PEM) else None)
    yield from _SHAPES[shape](text) if shape else _plain(text)


def _plain(text: str) -> Iterator[str]:
    if text != text.strip():
        ends = "a line end" if text.rstrip(" \t") != text.rstrip() or text[0] in "\r\n" else "white space"
        yield f"it begins or ends with {ends}"
    bare = text.strip()
    if not bare:
        yield "it is white space"
    if len(bare) > 1 and bare[0] + bare[-1] in _QUOTES:
        yield "it is in quotes"
    inner = bare.strip("\"'`“”‘’«»„ ")
    if _PLACEHOLDER.fullmatch(inner):
        yield "it is a placeholder"
    yield from (what for form, what in _NO_KEYS if form.search(inner))
    if "\n" in bare and not _is_document(bare):
        yield "it has several lines"
    if len(text) in LIMITS:
        yield f"it has exactly {len(text)} characters, at which values are cut off"


def _pem(text: str) -> Iterator[str]:
    if _PEM.fullmatch(text):
        return
    if "\\n" in text:
        yield "it is a PEM file whose line ends were written as \\n"
    elif "-----END " not in text:
        yield "it is a PEM file without its end"
    else:
        yield "it is not a PEM file"


def _json(text: str) -> Iterator[str]:
    try:
        document = json.loads(text)
    except ValueError:
        yield "it is not a JSON document, or one that was cut off"
        return
    if not isinstance(document, dict | list) or not document:
        yield "it is JSON, and no document"


def _is_document(text: str) -> bool:
    """Whether several lines form one value: a document that its card does not declare."""
    return next(_json(text), None) is None


_SHAPES = {"pem": _pem, "json": _json}
