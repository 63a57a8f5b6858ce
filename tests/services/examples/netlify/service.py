"""Netlify as a service: ``netlify:SITE``, a site's variables."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from releaseguard.credentials import CredentialOption, Requirement
from releaseguard.destinations.address import Address, Scheme
from releaseguard.services.interface import Service, ServiceContext, bearer
from releaseguard.settings import Section
from releaseguard_events.places.trust import Endpoint

if TYPE_CHECKING:
    from releaseguard.destinations.interface import Destination
    from releaseguard.http import ServiceClient
    from releaseguard.onboarding.part import Onboarding


class NetlifySection(Section, frozen=True, kw_only=True):
    url: str = "https://api.netlify.com"
    account: str = ""
    """The slug of the team that owns the sites."""


Context = ServiceContext[NetlifySection]

TOKEN = "NETLIFY_AUTH_TOKEN"


def client(context: Context) -> ServiceClient:
    """Netlify's API. Raises ``ConfigError`` without a credential."""
    access = context.access(TOKEN, "Netlify")
    return context.connect(bearer(access.token), access=access)


def destination(context: Context, address: Address) -> Destination:
    from releaseguard.services.netlify.destination import NetlifyDestination

    return NetlifyDestination(context.once(client), address, context.section.account)


def _read(rest: str) -> Address | None:
    return Address(base=f"netlify:{rest}") if re.fullmatch(r"[A-Za-z0-9._-]+", rest) else None


def onboarding() -> Onboarding[Any]:
    from releaseguard.services.netlify.onboarding import ONBOARDING

    return ONBOARDING


SERVICE = Service(
    name="netlify",
    title="Netlify",
    section=NetlifySection,
    requirement=Requirement("netlify", (CredentialOption((TOKEN,)),), "writing variables at Netlify"),
    credential=TOKEN,
    credential_help=f"{TOKEN} and [netlify] account",
    tokens="nfp_",
    endpoints=(
        Endpoint(setting="[netlify] url", client="netlify", carries=(TOKEN,), hosts=frozenset({"api.netlify.com"})),
    ),
    dated="/api/v1/user",
    schemes=(Scheme("netlify", ("netlify:SITE",), _read),),
    example="netlify:SITE",
    destination=destination,
    onboarding=onboarding,
)
