"""Vercel as a service: where variables are written, and what redeploys the app."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from releaseguard.credentials import CredentialOption, Requirement
from releaseguard.destinations.address import Address
from releaseguard.http.pacing import Limits
from releaseguard.model import Remark
from releaseguard.secret import Secret
from releaseguard.services.interface import Replaceable, Service, ServiceContext, bearer
from releaseguard.services.vercel.address import SCHEME, VercelAddress
from releaseguard.settings import Section
from releaseguard_events.places.trust import Endpoint

if TYPE_CHECKING:
    from releaseguard.deployments.interface import Deployer
    from releaseguard.destinations.interface import Destination
    from releaseguard.http import ServiceClient
    from releaseguard.onboarding.part import Onboarding
    from releaseguard.services.vercel.destination import VercelDestination


class VercelSection(Section, frozen=True, kw_only=True):
    url: str = "https://api.vercel.com"
    team_id: str | None = None
    sensitive: bool = False
    """Whether `drift` reports variables that can be read back."""


Context = ServiceContext[VercelSection]

TOKEN = "VERCEL_TOKEN"  # noqa: S105 - a variable's name

LIMITS = Limits(concurrency=20, per_minute=500, writes_per_minute=100)
"""Vercel limits each endpoint for itself and states the limit in its answers; these are below the limits of every
endpoint that a push uses (https://vercel.com/docs/limits#rate-limits)."""


def client(context: Context) -> ServiceClient:
    """Vercel's API. Raises ``ConfigError`` without a credential."""
    access = context.access(TOKEN, "Vercel")
    return context.connect(bearer(access.token), limits=LIMITS, access=access)


def destination(context: Context, address: Address) -> Destination:
    return _at(context, context.once(client), address)


def _at(context: Context, client: ServiceClient, address: Address) -> VercelDestination:
    from releaseguard.services.vercel.destination import VercelDestination

    return VercelDestination(client, _mine(address), team_id=context.section.team_id)


def _mine(address: Address) -> VercelAddress:
    if not isinstance(address, VercelAddress):
        raise TypeError(f"{address} is not an address of Vercel's")
    return address


def deployer(context: Context, address: Address) -> Deployer:
    from releaseguard.services.vercel.deployer import VercelDeployer

    return VercelDeployer(context.once(client), _mine(address).project, team_id=context.section.team_id)


def account(context: Context, _addresses: Sequence[Address]) -> Iterator[Remark]:
    from releaseguard.services.vercel.account import account

    return account(context.once(client), context.section.team_id)


def try_new(context: Context, new: Secret, addresses: Sequence[Address]) -> None:
    """Whether a new token reaches the projects that the old one has to reach."""
    from releaseguard.services.vercel.destination import who_am_i

    client = context.connect(bearer(lambda: new), limits=LIMITS)
    for address in addresses:
        _at(context, client, address).also_called()
    if not addresses:
        who_am_i(client)


def by_hand(address: Address, names: Sequence[str]) -> Sequence[str]:
    """``vercel`` asks for each value, in a folder that is linked to the project."""
    project = address.base.partition(":")[2]
    writes = [f"vercel env add {name} {target} --force" for name in names for target in address.targets]
    return [f"vercel link --project {project}", *writes]


def onboarding() -> Onboarding[Any]:
    from releaseguard.services.vercel.onboarding import ONBOARDING

    return ONBOARDING


SERVICE = Service(
    name="vercel",
    title="Vercel",
    section=VercelSection,
    requirement=Requirement("vercel", (CredentialOption((TOKEN,)),), "writing variables at Vercel, and redeploying"),
    credential=TOKEN,
    credential_help=f"{TOKEN} (its scope must hold the team and project) and [vercel] team_id",
    tokens=r"vc[apk]_[A-Za-z0-9]{20}",
    endpoints=(
        Endpoint(
            setting="[vercel] url",
            client="vercel",
            carries=(TOKEN, f"{TOKEN}_NEW"),
            hosts=frozenset({"api.vercel.com"}),
        ),
    ),
    stands_at=("[vercel] url", "[app] url"),
    limits=LIMITS,
    dated="/v2/user",
    schemes=(SCHEME,),
    example="vercel:PROJECT/production",
    written_by=r"\bvercel\s+(?:--\S+\s+)*env\s+(?:add|update|rm|remove)\b",
    replaceable=(Replaceable(variable=TOKEN, try_new=try_new, hangs_together=True),),
    wants_sensitive=lambda section: section.sensitive,
    destination=destination,
    by_hand=by_hand,
    deployer=deployer,
    account=account,
    onboarding=onboarding,
)
