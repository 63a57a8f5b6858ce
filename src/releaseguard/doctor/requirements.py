"""Which credentials a configuration asks for, and what each is for. Decided from the configuration alone."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from releaseguard.destinations.address import Address, Scheme, parse
from releaseguard.errors import ConfigError
from releaseguard.settings import Settings, variables_in

GITHUB_SCHEMES = frozenset({Scheme.GITHUB, Scheme.GITHUB_DEPENDABOT})


@dataclass(frozen=True, slots=True)
class CredentialOption:
    """Variables that together are one credential."""

    variables: Sequence[str]
    remark: str = ""
    proposed: bool = True
    """Whether somebody who has none is told of it."""

    @property
    def words(self) -> str:
        """The variables that a person sets."""
        named = " and ".join(name for name in self.variables if not name.startswith("ACTIONS_"))
        return f"{named} ({self.remark})" if self.remark else named


@dataclass(frozen=True, slots=True)
class Requirement:
    """Something that this configuration cannot do without; any one of ``options`` will do."""

    id: str
    options: Sequence[CredentialOption]
    purpose: str

    @property
    def words(self) -> str:
        """``A, or B and C``."""
        shortest = sorted(
            (option for option in self.options if option.proposed), key=lambda option: len(option.variables)
        )
        return ", or ".join(option.words for option in shortest)

    def met_by(self, environ: Mapping[str, str]) -> CredentialOption | None:
        """The first way that is wholly there; an empty variable counts as unset."""
        return next((option for option in self.options if all(environ.get(name) for name in option.variables)), None)

    def half_met(self, environ: Mapping[str, str]) -> Sequence[str]:
        """The variables missing from a way that is there in part."""
        for option in self.options:
            missing = [name for name in option.variables if not environ.get(name)]
            if 0 < len(missing) < len(option.variables):
                return missing
        return ()


INFISICAL = (
    CredentialOption(("INFISICAL_TOKEN",)),
    CredentialOption(("INFISICAL_CLIENT_ID", "INFISICAL_CLIENT_SECRET")),
    CredentialOption(
        ("INFISICAL_IDENTITY_ID", "ACTIONS_ID_TOKEN_REQUEST_URL", "ACTIONS_ID_TOKEN_REQUEST_TOKEN"),
        "GitHub Actions, with `permissions: id-token: write`",
    ),
)
GITHUB = (
    CredentialOption(("RELEASEGUARD_GITHUB_APP_ID", "RELEASEGUARD_GITHUB_APP_PRIVATE_KEY")),
    CredentialOption(("RELEASEGUARD_GITHUB_TOKEN",)),
    CredentialOption(("GITHUB_TOKEN",), proposed=False),
    CredentialOption(("GH_TOKEN",), proposed=False),
)


def addresses(settings: Settings, provider: str | None = None) -> Mapping[str, Sequence[Address]]:
    """Provider -> its destinations in this environment, without those that cannot be read."""
    chosen = {name: one for name, one in settings.providers.items() if provider in {None, name}}
    return {name: list(_readable(section.destinations)) for name, section in chosen.items()}


def _readable(texts: Sequence[str]) -> Iterator[Address]:
    for text in texts:
        try:
            yield parse(text)
        except ConfigError:
            continue  # told of elsewhere, with file and line


def requirements(settings: Settings, provider: str | None = None) -> Sequence[Requirement]:
    """What this environment asks for (of one provider alone, where one is named)."""
    places = [address for found in addresses(settings, provider).values() for address in found]
    schemes = {address.scheme for address in places}
    found = []
    if settings.infisical.project_id or places:
        found.append(Requirement("infisical", INFISICAL, "reading the secrets to rotate, and the test user's"))
    if schemes & GITHUB_SCHEMES:
        found.append(Requirement("github", GITHUB, "writing secrets at the GitHub destinations, and `leaks`"))
    if Scheme.VERCEL in schemes:
        found.append(
            Requirement(
                "vercel", (CredentialOption(("VERCEL_TOKEN",)),), "writing variables at Vercel, and redeploying"
            )
        )
    if Scheme.SUPABASE in schemes:
        found.append(
            Requirement("supabase", (CredentialOption(("SUPABASE_ACCESS_TOKEN",)),), "writing edge function secrets")
        )
    if settings.events.url.startswith(("http://", "https://")):
        found.append(
            Requirement(
                "events", (CredentialOption(("SUPABASE_SERVICE_ROLE_KEY",)),), "reading and writing the event log"
            )
        )
    return found


def variables_asked_for(settings: Settings, url: str) -> Sequence[str]:
    """The credentials of :func:`requirements` in words, and the variables that the event log's address takes."""
    return [*(requirement.words for requirement in requirements(settings)), *dict.fromkeys(variables_in(url))]
