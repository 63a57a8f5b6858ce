"""Destination addresses: the URIs of the configuration, parsed into values that can be compared.

=============================================  ======================================================
``github:OWNER/REPO``                          a repository's Actions secrets
``github:OWNER/REPO@ENVIRONMENT``              those of one deployment environment
``github:OWNER``                               an organisation's
``github-dependabot:OWNER/REPO``               what Dependabot's runs see; ``OWNER`` alone: an organisation's
``vercel:PROJECT/production,preview``          a project's variables, for these targets
``supabase:REF``                               a project's edge function secrets
=============================================  ======================================================

Each may end with `` as NAME``: the name the secret has there.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from enum import StrEnum
from functools import lru_cache

from releaseguard.errors import ConfigError
from releaseguard.tomlfile import did_you_mean


class Scheme(StrEnum):
    GITHUB = "github"
    GITHUB_DEPENDABOT = "github-dependabot"
    VERCEL = "vercel"
    SUPABASE = "supabase"


STANDARD_TARGETS = ("production", "preview", "development")
"""Vercel's own targets, in the order they are written in; every other target is a custom environment's slug."""

_PROJECT_ID, _ENVIRONMENT_ID = "prj_", "env_"
"""How Vercel's ids begin."""

_RENAMED = re.compile(r"(?P<place>.*\S)\s+as\s+(?P<name>\S+)")
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_OWNER = r"(?P<account>[A-Za-z0-9](?:[A-Za-z0-9_-]*[A-Za-z0-9_])?)"
_REPO = r"(?P<repo>[A-Za-z0-9._-]+)"
_GITHUB = re.compile(rf"{_OWNER}(?:/{_REPO}(?:@(?P<environment>[^\x00-\x1f]{{1,255}}))?)?")
_DEPENDABOT = re.compile(rf"{_OWNER}(?:/{_REPO})?")
_VERCEL = re.compile(r"(?P<project>[A-Za-z0-9._-]+)/(?P<targets>[A-Za-z0-9_-]+(?:\s*,\s*[A-Za-z0-9_-]+)*)")
_SUPABASE = re.compile(r"(?P<ref>[A-Za-z0-9_-]+)")

EXAMPLES = {
    Scheme.GITHUB: "github:OWNER/REPO, github:OWNER/REPO@ENVIRONMENT or github:OWNER",
    Scheme.GITHUB_DEPENDABOT: "github-dependabot:OWNER/REPO",
    Scheme.VERCEL: "vercel:PROJECT/production,preview",
    Scheme.SUPABASE: "supabase:REF",
}


@dataclass(frozen=True, slots=True, eq=False)
class Address:
    """One place, and the name a secret has there. Spellings of the same place are equal.

    ``account``, ``repo`` and ``environment`` are GitHub's, ``project`` and ``targets`` Vercel's, ``ref`` is
    Supabase's; what a scheme does not have is empty. ``targets`` are sorted, Vercel's own first.
    """

    scheme: Scheme
    account: str = ""
    repo: str = ""
    environment: str = ""
    project: str = ""
    targets: tuple[str, ...] = ()
    ref: str = ""
    rename: str | None = None

    @property
    def uri(self) -> str:
        """The canonical spelling, without the rename."""
        return f"{self.base}/{','.join(self.targets)}" if self.targets else self.base

    @property
    def base(self) -> str:
        """The place without its targets: ``vercel:prj_123``, what a deployment and its event sources belong to."""
        if self.scheme is Scheme.VERCEL:
            return f"{self.scheme}:{self.project}"
        if self.scheme is Scheme.SUPABASE:
            return f"{self.scheme}:{self.ref}"
        repo = f"/{self.repo}" if self.repo else ""
        environment = f"@{self.environment}" if self.environment else ""
        return f"{self.scheme}:{self.account}{repo}{environment}"

    @property
    def place(self) -> Address:
        """The same place without the rename."""
        return replace(self, rename=None)

    def name_of(self, name: str) -> str:
        """What the secret ``name`` is called here."""
        return self.rename or name

    def overlaps(self, other: Address) -> bool:
        """Whether a write to one changes what the other holds (a target in common is enough)."""
        return self._site() == other._site() and (
            not self.targets or not other.targets or bool({*self.targets} & {*other.targets})
        )

    def may_be(self, other: Address) -> bool:
        """Whether only Vercel can tell that a write to one changes what the other holds: they do not overlap as they
        are spelled, but a project or a custom environment has an id and a name, and may be spelled by either."""
        if self.scheme is not Scheme.VERCEL or other.scheme is not Scheme.VERCEL or self.overlaps(other):
            return False
        pairs = ((mine, theirs) for mine in self.targets for theirs in other.targets)
        return _may_be(self.project, other.project, _PROJECT_ID) and any(
            mine == theirs or (not {mine, theirs} & {*STANDARD_TARGETS} and _may_be(mine, theirs, _ENVIRONMENT_ID))
            for mine, theirs in pairs
        )

    @property
    def folds_names(self) -> bool:
        """Whether names that differ in letter case only are one name here (GitHub keeps them in upper case)."""
        return self.scheme in {Scheme.GITHUB, Scheme.GITHUB_DEPENDABOT}

    def shadows(self, other: Address) -> bool:
        """Whether a secret here hides one of the same name at ``other`` from some runs.

        GitHub: an environment beats its repository, which beats its organisation.
        """
        if self.scheme is not Scheme.GITHUB or other.scheme is not Scheme.GITHUB:
            return False
        narrower = (bool(self.repo), bool(self.environment)) > (bool(other.repo), bool(other.environment))
        inside = self.account.lower() == other.account.lower() and (
            not other.repo or self.repo.lower() == other.repo.lower()
        )
        return narrower and inside

    def _site(self) -> tuple[str, ...]:
        """The place whatever its targets, the same for every spelling."""
        folded = (self.account.lower(), self.repo.lower(), self.environment.lower())
        return (self.scheme, *folded, self.project, self.ref)

    def _identity(self) -> tuple[object, ...]:
        return (*self._site(), self.targets, self.rename)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Address) and self._identity() == other._identity()

    def __hash__(self) -> int:
        return hash(self._identity())

    def __str__(self) -> str:
        return f"{self.uri} as {self.rename}" if self.rename else self.uri


def parse(text: str, *, where: str | None = None) -> Address:
    """The address that ``text`` spells; ``where`` (file and line) goes into the error.

    Raises ``ConfigError`` with the nearest valid form.
    """
    return _parsed(text, where)


@lru_cache(maxsize=1024)
def _parsed(text: str, where: str | None) -> Address:
    """The claims of fifty places are compared in pairs, a few thousand of them."""
    renamed = _RENAMED.fullmatch(text.strip())
    place, rename = (renamed["place"], renamed["name"]) if renamed else (text.strip(), None)
    if rename is not None and not _NAME.fullmatch(rename):
        raise ConfigError(
            f"{text!r}: {rename!r} cannot be the name of a variable",
            where=where,
            next_step="Names have letters, digits and underscores, and do not begin with a digit.",
        )
    scheme = _scheme(place, where)
    return replace(_PARSERS[scheme](place, place.partition(":")[2].strip(), where), rename=rename)


def _scheme(place: str, where: str | None) -> Scheme:
    written, colon, _ = place.partition(":")
    try:
        return Scheme(written.strip())
    except ValueError:
        what = f"no kind of destination is called {written!r}" if colon else "a destination begins with its kind"
        hint = did_you_mean(written, [scheme.value for scheme in Scheme])
        raise ConfigError(
            f"{place!r}: {what}", where=where, next_step=f"{hint} For instance {EXAMPLES[Scheme.GITHUB]}."
        ) from None


def _github(place: str, rest: str, where: str | None) -> Address:
    found = _match(_GITHUB, Scheme.GITHUB, place, rest, where)
    repo = found["repo"] or ""
    environment = (found["environment"] or "").strip()
    return Address(Scheme.GITHUB, account=found["account"], repo=repo, environment=environment)


def _dependabot(place: str, rest: str, where: str | None) -> Address:
    found = _match(_DEPENDABOT, Scheme.GITHUB_DEPENDABOT, place, rest, where)
    return Address(Scheme.GITHUB_DEPENDABOT, account=found["account"], repo=found["repo"] or "")


def _vercel(place: str, rest: str, where: str | None) -> Address:
    found = _match(_VERCEL, Scheme.VERCEL, place, rest, where)
    targets = {target.strip() for target in found["targets"].split(",")}
    return Address(Scheme.VERCEL, project=found["project"], targets=tuple(sorted(targets, key=_target_order)))


def _supabase(place: str, rest: str, where: str | None) -> Address:
    return Address(Scheme.SUPABASE, ref=_match(_SUPABASE, Scheme.SUPABASE, place, rest, where)["ref"])


def _match(pattern: re.Pattern[str], scheme: Scheme, place: str, rest: str, where: str | None) -> re.Match[str]:
    found = pattern.fullmatch(rest)
    if found is None:
        raise ConfigError(
            f"{place!r} is not an address of {scheme}", where=where, next_step=f"Write {EXAMPLES[scheme]}."
        )
    return found


def _may_be(one: str, other: str, id_prefix: str) -> bool:
    """Whether two words of Vercel's may mean the same: an id and a name do, and letter case is for it to judge."""
    return one.lower() == other.lower() or one.startswith(id_prefix) != other.startswith(id_prefix)


def _target_order(target: str) -> tuple[int, str]:
    return (STANDARD_TARGETS.index(target) if target in STANDARD_TARGETS else len(STANDARD_TARGETS), target)


_PARSERS: dict[Scheme, Callable[[str, str, str | None], Address]] = {
    Scheme.GITHUB: _github,
    Scheme.GITHUB_DEPENDABOT: _dependabot,
    Scheme.VERCEL: _vercel,
    Scheme.SUPABASE: _supabase,
}
