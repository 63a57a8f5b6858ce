"""Addresses of destinations: the URIs of the configuration, parsed into values that can be compared.

The form is ``KIND:PLACE`` or ``KIND:PLACE/TARGET,TARGET``; each kind defines the form of its places (:class:`Scheme`).
An address may end with `` as NAME``, the secret's name at that place.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

from msgspec import Struct

from releaseguard.errors import ConfigError
from releaseguard.tomlfile import did_you_mean

A = TypeVar("A", bound="Address")

_RENAMED = re.compile(r"(?P<place>.*\S)\s+as\s+(?P<name>\S+)")
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Address:
    """One place, and the name that a secret has there. Different spellings of one place are equal.

    A kind of destination may have its own subclass, with the parts of its places as fields.
    """

    base: str
    """The place without its targets, ``kind:place``: deployments and event sources refer to it."""
    targets: tuple[str, ...] = ()
    """The parts of the place that are written one by one, in canonical order; empty where the place has no parts."""
    rename: str | None = None

    @property
    def scheme(self) -> str:
        """The word before the colon."""
        return self.base.partition(":")[0]

    @property
    def uri(self) -> str:
        """The address in its canonical spelling, without the rename."""
        return f"{self.base}/{','.join(self.targets)}" if self.targets else self.base

    @property
    def place(self: A) -> A:
        """The same place without the rename."""
        return replace(self, rename=None)

    @property
    def site(self) -> str:
        """The place without its targets, the same for every spelling."""
        return self.base

    @property
    def folds_names(self) -> bool:
        """Whether names that differ only in letter case are the same name here."""
        return False

    def name_of(self, name: str) -> str:
        """The name that the secret ``name`` has here."""
        return self.rename or name

    def overlaps(self, other: Address) -> bool:
        """Whether a write to one changes what the other holds; one common target is enough."""
        return self.site == other.site and (
            not self.targets or not other.targets or bool({*self.targets} & {*other.targets})
        )

    def may_be(self, other: Address) -> bool:  # noqa: ARG002 - for kinds whose places have several names
        """Whether both may be the same place under different names, which only the service can tell (an id and a
        name)."""
        return False

    def _identity(self) -> tuple[object, ...]:
        return (self.site, self.targets, self.rename)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Address) and self._identity() == other._identity()

    def __hash__(self) -> int:
        return hash(self._identity())

    def __str__(self) -> str:
        return f"{self.uri} as {self.rename}" if self.rename else self.uri


ReadAddress = Callable[[str], Address]
"""Parses an address. Raises ``ConfigError``."""


class Scheme(Struct, frozen=True):
    """A kind of destination: the word its addresses begin with, and how the rest is read."""

    name: str
    forms: Sequence[str]
    """Every valid form, for messages."""
    read: Callable[[str], Address | None]
    """The address of the text behind the colon; ``None`` where the text is not valid."""

    @property
    def form(self) -> str:
        """All forms as ``A, B or C``."""
        return " or ".join(filter(None, (", ".join(self.forms[:-1]), self.forms[-1])))


class Addresses:
    """Parses the addresses of several kinds."""

    def __init__(self, schemes: Iterable[Scheme]) -> None:
        self.schemes = {scheme.name: scheme for scheme in schemes}

    def parse(self, text: str, *, where: str | None = None) -> Address:
        """Parse ``text``; ``where`` is its file and line, for the error.

        Raises ``ConfigError`` with the nearest valid form.
        """
        renamed = _RENAMED.fullmatch(text.strip())
        place, rename = (renamed["place"], renamed["name"]) if renamed else (text.strip(), None)
        if rename is not None and not _NAME.fullmatch(rename):
            raise ConfigError(
                f"{text!r}: {rename!r} cannot be the name of a variable",
                where=where,
                next_step="Names have letters, digits and underscores, and do not begin with a digit.",
            )
        scheme = self._scheme(place, where)
        found = scheme.read(place.partition(":")[2].strip())
        if found is None:
            raise ConfigError(
                f"{place!r} is not an address of {scheme.name}", where=where, next_step=f"Write {scheme.form}."
            )
        return replace(found, rename=rename)

    def _scheme(self, place: str, where: str | None) -> Scheme:
        written, colon, _ = place.partition(":")
        found = self.schemes.get(written.strip())
        if found is not None:
            return found
        what = f"no kind of destination is called {written!r}" if colon else "a destination begins with its kind"
        hint = did_you_mean(written, self.schemes)
        example = next((scheme.form for scheme in self.schemes.values()), "none")
        raise ConfigError(f"{place!r}: {what}", where=where, next_step=f"{hint} For instance {example}.")
