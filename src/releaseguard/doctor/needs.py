"""Which credentials a configuration asks for, and what each is for. Decided from the configuration alone."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from releaseguard.destinations.address import Address, Scheme, parse
from releaseguard.errors import ConfigError
from releaseguard.settings import Settings, variables_in

GITHUB_SCHEMES = frozenset({Scheme.GITHUB, Scheme.GITHUB_DEPENDABOT})


@dataclass(frozen=True, slots=True)
class Way:
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
class Need:
    """Something that this configuration cannot do without; any one of ``ways`` will do."""

    id: str
    ways: Sequence[Way]
    purpose: str

    @property
    def words(self) -> str:
        """``A, or B and C``."""
        shortest = sorted((way for way in self.ways if way.proposed), key=lambda way: len(way.variables))
        return ", or ".join(way.words for way in shortest)

    def met_by(self, environ: Mapping[str, str]) -> Way | None:
        """The first way that is wholly there; an empty variable counts as unset."""
        return next((way for way in self.ways if all(environ.get(name) for name in way.variables)), None)

    def half_met(self, environ: Mapping[str, str]) -> Sequence[str]:
        """The variables missing from a way that is there in part."""
        for way in self.ways:
            missing = [name for name in way.variables if not environ.get(name)]
            if 0 < len(missing) < len(way.variables):
                return missing
        return ()


INFISICAL = (
    Way(("INFISICAL_TOKEN",)),
    Way(("INFISICAL_CLIENT_ID", "INFISICAL_CLIENT_SECRET")),
    Way(
        ("INFISICAL_IDENTITY_ID", "ACTIONS_ID_TOKEN_REQUEST_URL", "ACTIONS_ID_TOKEN_REQUEST_TOKEN"),
        "GitHub Actions, with `permissions: id-token: write`",
    ),
)
GITHUB = (
    Way(("RELEASEGUARD_GITHUB_APP_ID", "RELEASEGUARD_GITHUB_APP_PRIVATE_KEY")),
    Way(("RELEASEGUARD_GITHUB_TOKEN",)),
    Way(("GITHUB_TOKEN",), proposed=False),
    Way(("GH_TOKEN",), proposed=False),
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


def needs(settings: Settings, provider: str | None = None) -> Sequence[Need]:
    """What this environment asks for (of one provider alone, where one is named)."""
    places = [address for found in addresses(settings, provider).values() for address in found]
    schemes = {address.scheme for address in places}
    found = []
    if settings.infisical.project_id or places:
        found.append(Need("infisical", INFISICAL, "reading the secrets to rotate, and the test user's"))
    if schemes & GITHUB_SCHEMES:
        found.append(Need("github", GITHUB, "writing secrets at the GitHub destinations, and `leaks`"))
    if Scheme.VERCEL in schemes:
        found.append(Need("vercel", (Way(("VERCEL_TOKEN",)),), "writing variables at Vercel, and redeploying"))
    if Scheme.SUPABASE in schemes:
        found.append(Need("supabase", (Way(("SUPABASE_ACCESS_TOKEN",)),), "writing edge function secrets"))
    if settings.events.url.startswith(("http://", "https://")):
        found.append(Need("events", (Way(("SUPABASE_SERVICE_ROLE_KEY",)),), "reading and writing the event log"))
    return found


def variables_asked_for(settings: Settings, url: str) -> Sequence[str]:
    """The credentials of :func:`needs` in words, and the variables that the event log's address (as written) takes."""
    return [*(need.words for need in needs(settings)), *dict.fromkeys(variables_in(url))]
