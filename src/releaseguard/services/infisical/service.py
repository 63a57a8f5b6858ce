"""Infisical as a service: how one signs in, and that it is the vault."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from releaseguard.credentials import CredentialOption, Requirement
from releaseguard.errors import ConfigError, MissingCredential
from releaseguard.services.interface import Service, ServiceContext
from releaseguard.settings import Section
from releaseguard_events.places.trust import Endpoint

if TYPE_CHECKING:
    from releaseguard.onboarding.part import Onboarding
    from releaseguard.services.infisical.logins import Identity
    from releaseguard.vault.interface import Vault


class InfisicalSection(Section, frozen=True, kw_only=True):
    url: str = "https://app.infisical.com"
    project_id: str = ""
    project_slug: str = ""
    """Instead of the id: what the project is called in addresses and in pipelines."""
    environment: str = "prod"
    path: str = "/"
    oidc_audience: str | None = None
    """Whom a job's OIDC token is for: what the identity at Infisical lists as its audience. Else :attr:`url`."""


Context = ServiceContext[InfisicalSection]

TOKEN = "INFISICAL_TOKEN"  # noqa: S105 - a variable's name
CLIENT_ID, CLIENT_SECRET = "INFISICAL_CLIENT_ID", "INFISICAL_CLIENT_SECRET"
IDENTITY_ID = "INFISICAL_IDENTITY_ID"


def vault(context: Context) -> Vault:
    """The secrets of the configured project, with whichever credential the environment has."""
    from releaseguard.services.infisical.api import limits_of
    from releaseguard.services.infisical.logins import InfisicalSession
    from releaseguard.services.infisical.projects import id_of
    from releaseguard.services.infisical.vault import InfisicalVault, as_path
    from releaseguard.vault.folders import VaultOfFolders

    section = context.section
    _check_project(context)
    session = InfisicalSession(_identity(context))
    client = context.connect(session.headers, limits=limits_of(section.url))
    paths = list(dict.fromkeys(map(as_path, [section.path, *context.folders.values()])))
    project = section.project_id or id_of(client, session, section.project_slug, section.environment, paths)
    at = {
        path: InfisicalVault(client, session, project_id=project, environment=section.environment, path=path)
        for path in paths
    }
    own = {name: at[as_path(path)] for name, path in context.folders.items()}
    return VaultOfFolders(at[paths[0]], own) if len(at) > 1 else at[paths[0]]


def _check_project(context: Context) -> None:
    section = context.section
    if section.project_id and section.project_slug:
        raise ConfigError(
            "infisical: project_id and project_slug both say which project it is",
            where=context.where(),
            next_step="Keep one of them.",
        )
    if not section.project_id and not section.project_slug:
        raise ConfigError(
            "infisical.project_id is not set",
            where=context.where(),
            next_step="Set it to the project's id (Infisical: project settings), or set project_slug."
            if context.has_file
            else "Run: releaseguard init",
        )


def _identity(context: Context) -> Identity:
    from releaseguard.services.infisical.logins import OidcAuth, PlainToken, UniversalAuth

    token, client_secret = context.secret(TOKEN), context.secret(CLIENT_SECRET)
    if token:
        return PlainToken(token)
    # A client of its own, without credentials: Infisical refuses a login (401, 403) that carries a stale token.
    login = context.connect(dict)
    client_id, identity_id = context.environ.get(CLIENT_ID), context.environ.get(IDENTITY_ID)
    if client_id and client_secret:
        return UniversalAuth(login, client_id, client_secret)
    job_token = context.job_token
    if identity_id and job_token:
        audience = context.section.oidc_audience or context.section.url.rstrip("/")
        return OidcAuth(login, identity_id, lambda: job_token(audience))
    raise MissingCredential(
        "Infisical needs a credential, and none is set",
        where="environment",
        next_step=f"Set {TOKEN}, or {CLIENT_ID} and {CLIENT_SECRET}, or in GitHub Actions {IDENTITY_ID} with "
        "permissions: id-token: write.",
    )


def onboarding() -> Onboarding[Any]:
    from releaseguard.services.infisical.onboarding import ONBOARDING

    return ONBOARDING


SERVICE = Service(
    name="infisical",
    title="Infisical",
    brought_by=r"(?i:Infisical/secrets-action)(?=@)",
    section=InfisicalSection,
    requirement=Requirement(
        "infisical",
        (
            CredentialOption((TOKEN,)),
            CredentialOption((CLIENT_ID, CLIENT_SECRET)),
            CredentialOption(
                (IDENTITY_ID,),
                "GitHub Actions, with `permissions: id-token: write`",
                runner=("ACTIONS_ID_TOKEN_REQUEST_URL", "ACTIONS_ID_TOKEN_REQUEST_TOKEN"),
            ),
        ),
        "reading the secrets to rotate, and the test user's",
    ),
    credential=TOKEN,
    credential_help=f"{TOKEN}, or {CLIENT_ID} and {CLIENT_SECRET}, and the identity's role",
    tokens=r"st\.[0-9a-f]",
    endpoints=(
        Endpoint(
            setting="[infisical] url",
            client="infisical",
            carries=(TOKEN, CLIENT_SECRET, IDENTITY_ID),
            hosts=frozenset({"app.infisical.com", "eu.infisical.com", "us.infisical.com"}),
        ),
    ),
    dated="/api/status",
    is_vault=lambda section: bool(section.project_id or section.project_slug),
    vault_setting="[infisical] project_id",
    vault=vault,
    onboarding=onboarding,
)
