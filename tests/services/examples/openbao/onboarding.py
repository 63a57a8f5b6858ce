"""OpenBao's part of a first configuration: nothing of a repository names it, so it is asked for."""

from __future__ import annotations

from msgspec import Struct

from releaseguard.onboarding.folder import ProjectFolder
from releaseguard.onboarding.lines import section
from releaseguard.onboarding.part import Onboarding, Recognised, SetupQuestion, web_address


class OpenBaoAnswers(Struct, frozen=True):
    """What is asked of OpenBao."""

    url: str = "https://127.0.0.1:8200"
    mount: str = ""


def recognise(_repository: ProjectFolder) -> Recognised[OpenBaoAnswers]:
    return Recognised(answers=lambda _environment: OpenBaoAnswers())


def section_of(answers: OpenBaoAnswers) -> str:
    settings = section("openbao", ("url", answers.url, ""), ("mount", answers.mount, "of the key-value store"))
    return f"# Where the secrets are kept. Credential: BAO_TOKEN.\n{settings}"


ONBOARDING = Onboarding(
    answers=OpenBaoAnswers,
    recognise=recognise,
    section=section_of,
    questions=[
        SetupQuestion(
            field="url", metavar="URL", help="OpenBao's address.", words="OpenBao's address", valid=web_address
        ),
        SetupQuestion(field="mount", metavar="NAME", help="Its key-value store.", words="OpenBao's key-value store"),
    ],
)
