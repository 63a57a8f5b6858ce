"""Infisical's part of a first configuration: the project that the app's own workflows and files name."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import Struct

from releaseguard.errors import UsageError
from releaseguard.onboarding.folder import ProjectFolder
from releaseguard.onboarding.lines import line, section, text
from releaseguard.onboarding.part import Onboarding, Recognised, SetupQuestion, web_address
from releaseguard.services.infisical.pipelines import USUAL, vault_of

_SLUGS = {"production": "prod", "development": "dev"}
_HEAD = """\
# Where the secrets are kept, and rotated from. Credentials: INFISICAL_TOKEN, or INFISICAL_CLIENT_ID and
# INFISICAL_CLIENT_SECRET, or in GitHub Actions INFISICAL_IDENTITY_ID with `permissions: id-token: write` (the
# audience of that identity is `oidc_audience`, or the url where that is not set).
"""


class InfisicalAnswers(Struct, frozen=True, kw_only=True):
    """What is asked of Infisical, and what its workflows tell beside it."""

    url: str = USUAL
    project: str = ""
    slug: str = ""
    """Of the project, where its id is not known."""
    environment: str
    path: str = "/"
    """The folder there that secrets stand in."""
    folders: Sequence[str] = ()
    """Further folders that the app's workflows read: a provider's may stand in one of them."""


def recognise(repository: ProjectFolder) -> Recognised[InfisicalAnswers]:
    """The project, address and folders that the repository's workflows read secrets from."""
    found = vault_of(repository.top)

    def answers(environment: str) -> InfisicalAnswers:
        slug = _SLUGS.get(environment, environment)
        if found is None:
            return InfisicalAnswers(environment=slug)
        return InfisicalAnswers(
            url=found.url,
            project=found.project_id,
            slug=found.slug,
            environment=(found.environment if environment == "production" else "") or slug,
            path=found.path,
            folders=found.others,
        )

    return Recognised(answers=answers)


def section_of(answers: InfisicalAnswers) -> str:
    settings = section(
        "infisical",
        ("url", answers.url, ""),
        _project(answers),
        ("environment", answers.environment, "its slug"),
        ("path", answers.path, "a provider's own folder: [providers.NAME] path"),
    )
    return _HEAD + settings + _folders(answers) + line("oidc_audience", answers.url, "", off=True)


def _project(answers: InfisicalAnswers) -> tuple[str, str, str]:
    if answers.slug and not answers.project:
        return "project_slug", answers.slug, "as the workflows name it; or project_id"
    return "project_id", answers.project, "" if answers.project else "its id; or project_slug"


def _folders(answers: InfisicalAnswers) -> str:
    """What else the workflows read, where one folder is not all: a rotation looks where it is told."""
    if not answers.folders:
        return ""
    named = ", ".join(map(text, answers.folders))
    return f"# The workflows read {named} too: a provider whose secrets stand there says so by its `path`.\n"


def _slug(typed: str) -> str:
    if not typed.strip():
        raise UsageError("an environment of Infisical has a slug", next_step="For instance: prod")
    return typed.strip()


ONBOARDING = Onboarding(
    answers=InfisicalAnswers,
    recognise=recognise,
    section=section_of,
    overrides=['environment = "staging"'],
    questions=[
        SetupQuestion(
            field="url",
            metavar="URL",
            help=f"Infisical's address  [default: {USUAL}]",
            words="Infisical's address",
            valid=web_address,
        ),
        SetupQuestion(field="project", metavar="ID", help="The project's id there.", words="Infisical project's id"),
        SetupQuestion(
            field="environment",
            metavar="SLUG",
            help="The environment's slug there  [default: prod]",
            words="Its environment's slug",
            valid=_slug,
        ),
    ],
)
