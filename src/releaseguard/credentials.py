"""Which variables of the environment make up a credential, and what it is needed for. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from msgspec import Struct


class Unfit(Struct, frozen=True):
    """Why a credential that is there is none, and what to set instead."""

    what: str
    fix: str


class CredentialOption(Struct, frozen=True):
    """Variables that together are one credential."""

    variables: Sequence[str]
    remark: str = ""
    proposed: bool = True
    """Whether somebody who has none is told of it."""
    runner: Sequence[str] = ()
    """What a CI job's runner sets beside them: nobody is asked to."""
    unfit_in_a_job: Unfit | None = None
    """Why what a CI job has under this name is not it."""

    @property
    def all(self) -> Sequence[str]:
        """Every variable that has to be there."""
        return (*self.variables, *self.runner)

    @property
    def words(self) -> str:
        """The variables that a person sets."""
        named = " and ".join(self.variables)
        return f"{named} ({self.remark})" if self.remark else named


class Requirement(Struct, frozen=True):
    """Something that a configuration cannot do without; any one of ``options`` will do."""

    id: str
    options: Sequence[CredentialOption]
    purpose: str

    @property
    def words(self) -> str:
        """``A, or B and C``."""
        proposed = (option for option in self.options if option.proposed)
        return ", or ".join(option.words for option in sorted(proposed, key=lambda option: len(option.all)))

    def met_by(self, environ: Mapping[str, str]) -> CredentialOption | None:
        """The first option that is wholly there; an empty variable counts as unset."""
        return next((option for option in self.options if all(environ.get(name) for name in option.all)), None)

    def half_met(self, environ: Mapping[str, str]) -> Sequence[str]:
        """The variables missing from an option that is there in part."""
        for option in self.options:
            missing = [name for name in option.all if not environ.get(name)]
            if 0 < len(missing) < len(option.all):
                return missing
        return ()
