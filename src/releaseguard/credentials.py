"""Which environment variables make up a credential, and what it is needed for. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from msgspec import Struct


class Unfit(Struct, frozen=True):
    """Why a credential that is set cannot be used, and what to set instead."""

    what: str
    fix: str


class CredentialOption(Struct, frozen=True):
    """Variables that together form one credential."""

    variables: Sequence[str]
    remark: str = ""
    proposed: bool = True
    """Whether it is suggested to somebody who has no credential."""
    runner: Sequence[str] = ()
    """Further variables, which the runner of a CI job sets; nobody is asked to set them."""
    unfit_in_a_job: Unfit | None = None
    """Why the value that a CI job has under this name cannot be used."""

    @property
    def all(self) -> Sequence[str]:
        """Every variable that must be set."""
        return (*self.variables, *self.runner)

    @property
    def words(self) -> str:
        """The variables that a person sets."""
        named = " and ".join(self.variables)
        return f"{named} ({self.remark})" if self.remark else named


class Requirement(Struct, frozen=True):
    """A credential that the configuration needs; any one of ``options`` satisfies it."""

    id: str
    options: Sequence[CredentialOption]
    purpose: str

    @property
    def words(self) -> str:
        """All options as ``A, or B and C``."""
        proposed = (option for option in self.options if option.proposed)
        return ", or ".join(option.words for option in sorted(proposed, key=lambda option: len(option.all)))

    def met_by(self, environ: Mapping[str, str]) -> CredentialOption | None:
        """The first option whose variables are all set; an empty variable counts as unset."""
        return next((option for option in self.options if all(environ.get(name) for name in option.all)), None)

    def half_met(self, environ: Mapping[str, str]) -> Sequence[str]:
        """The variables that are missing from an option of which some are set."""
        for option in self.options:
            missing = [name for name in option.all if not environ.get(name)]
            if 0 < len(missing) < len(option.all):
                return missing
        return ()
