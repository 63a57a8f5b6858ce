"""OpenBao as a service: secrets of its key-value store (version 2)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from releaseguard.credentials import CredentialOption, Requirement
from releaseguard.services.interface import Service, ServiceContext, required
from releaseguard.settings import Section
from releaseguard_events.places.trust import Endpoint

if TYPE_CHECKING:
    from releaseguard.onboarding.part import Onboarding
    from releaseguard.vault.interface import Vault


class OpenBaoSection(Section, frozen=True, kw_only=True):
    url: str = "https://127.0.0.1:8200"
    mount: str = ""


Context = ServiceContext[OpenBaoSection]

TOKEN = "BAO_TOKEN"


def vault(context: Context) -> Vault:
    from releaseguard.services.openbao.vault import OpenBaoVault

    token = required(context.secret(TOKEN), TOKEN, "OpenBao")
    return OpenBaoVault(context.connect(lambda: {"x-vault-token": token}), context.section.mount)


def onboarding() -> Onboarding[Any]:
    from releaseguard.services.openbao.onboarding import ONBOARDING

    return ONBOARDING


SERVICE = Service(
    name="openbao",
    title="OpenBao",
    section=OpenBaoSection,
    requirement=Requirement("openbao", (CredentialOption((TOKEN,)),), "reading the secrets to rotate"),
    credential=TOKEN,
    credential_help=f"{TOKEN} and the policy of its role",
    endpoints=(Endpoint(setting="[openbao] url", client="openbao", carries=(TOKEN,)),),
    dated="/v1/sys/health",
    is_vault=lambda section: bool(section.mount),
    vault_setting="[openbao] mount",
    vault=vault,
    onboarding=onboarding,
)
