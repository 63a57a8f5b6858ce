"""GitHub as a service: where Actions' secrets are written, what ran workflows, and who raises alerts."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from releaseguard.credentials import CredentialOption, Requirement, Unfit
from releaseguard.destinations.address import Address
from releaseguard.errors import ConfigError, UsageError
from releaseguard.http.pacing import Limits
from releaseguard.model import Remark
from releaseguard.secret import Secret
from releaseguard.services.github.address import ACTIONS, SCHEMES, GitHubAddress
from releaseguard.services.interface import Service, ServiceContext, bearer, required
from releaseguard.settings import Section
from releaseguard_events.places.trust import Endpoint
from releaseguard_events.places.urls import split

if TYPE_CHECKING:
    from releaseguard.ci.interface import ReleaseBoard, WorkflowHistory
    from releaseguard.deployments.interface import Deployer
    from releaseguard.deployments.workflow import WorkflowAddress
    from releaseguard.destinations.interface import Destination, RunQueue
    from releaseguard.http import ServiceClient
    from releaseguard.leaks.interface import AlertSource
    from releaseguard.onboarding.part import Onboarding
    from releaseguard.services.github.app import GitHubInstallation
    from releaseguard.services.github.keys import PublicKeys
    from releaseguard.services.interface import Headers, Places


class GitHubSection(Section, frozen=True, kw_only=True):
    url: str = "https://api.github.com"


Context = ServiceContext[GitHubSection]

APP_ID, APP_KEY = "RELEASEGUARD_GITHUB_APP_ID", "RELEASEGUARD_GITHUB_APP_PRIVATE_KEY"
TOKENS = ("RELEASEGUARD_GITHUB_TOKEN", "GITHUB_TOKEN", "GH_TOKEN")
"""The first that is set is used."""
REPOSITORY = "GITHUB_REPOSITORY"
ISSUER, ISSUER_TOKEN = "ACTIONS_ID_TOKEN_REQUEST_URL", "ACTIONS_ID_TOKEN_REQUEST_TOKEN"
"""The runner's variables that say where a job's OIDC token is asked for, and with what."""

LIMITS = Limits(concurrency=50, points_per_minute=900, points_per_write=5, writes_per_minute=80, writes_per_hour=500)
"""GitHub's secondary rate limits: 100 requests at once (half of which are left to the rest of the organisation), 900
points a minute, and 80 content-creating requests a minute and 500 an hour.

https://docs.github.com/en/rest/using-the-rest-api/rate-limits-for-the-rest-api#about-secondary-rate-limits
"""


def client(context: Context) -> ServiceClient:
    """GitHub's API. Raises ``ConfigError`` without a credential."""
    return context.connect(_headers(context), limits=LIMITS)


def installation(context: Context) -> GitHubInstallation | None:
    """That of the App whose key the environment has; ``None`` where it has none."""
    from releaseguard.services.github.app import GitHubApp, GitHubInstallation
    from releaseguard.services.github.requests import headers

    app_id, key = context.environ.get(APP_ID), context.secret(APP_KEY)
    if not app_id or not key:
        return None
    signer = GitHubApp(app_id, key)
    return GitHubInstallation(context.connect(headers(signer.token)), _account_of(context))


def _headers(context: Context) -> Headers:
    from releaseguard.services.github.requests import headers

    if (app := context.once(installation)) is not None:
        return headers(app.token)
    found = next((secret for name in TOKENS if (secret := context.secret(name))), None)
    token = required(found, TOKENS[0], "GitHub")
    return headers(lambda: token)


def _account_of(context: Context) -> str:
    """The account whose installation is asked for a token: that of the first GitHub destination."""
    found = next(iter(_mine(context.places())), None)
    if found is None:
        raise ConfigError("a GitHub App is configured, and no provider has a GitHub destination")
    return found.repository


def _mine(addresses: Sequence[Address]) -> Sequence[GitHubAddress]:
    return [address for address in addresses if isinstance(address, GitHubAddress)]


def _repositories(addresses: Sequence[Address]) -> Sequence[str]:
    """``OWNER/REPO`` of each, once: GitHub does not tell letter case apart."""
    names = [address.repository for address in _mine(addresses) if address.repo]
    each = {name.lower(): name for name in reversed(names)}
    return list(reversed(each.values()))


def keys(context: Context) -> PublicKeys:
    """GitHub's public keys, fetched once for each place and run."""
    from releaseguard.services.github.keys import PublicKeys

    return PublicKeys(context.once(client))


def destination(context: Context, address: Address) -> Destination:
    from releaseguard.services.github.destination import GitHubDestination

    [mine] = _mine([address])
    return GitHubDestination(context.once(client), mine, keys=context.once(keys))


def workflows(context: Context, addresses: Sequence[Address]) -> Places[WorkflowHistory]:
    def opened(name: str) -> WorkflowHistory:
        from releaseguard.services.github.ci import GitHubWorkflows

        return GitHubWorkflows(context.once(client), name)

    return {f"github:{name}": partial(opened, name) for name in _repositories(addresses)}


def workflow_deployer(context: Context, place: str, workflow: WorkflowAddress) -> Deployer:
    from releaseguard.services.github.ci import GitHubWorkflowDeployer

    return GitHubWorkflowDeployer(context.once(client), place, workflow)


def board(context: Context) -> ReleaseBoard:
    """That of the repository that this job runs for. Raises ``UsageError`` outside of a job.

    By the job's own token alone: what is done with it starts no other workflow, so that a status which is set
    after a deployment does not set off the next.
    """
    from releaseguard.services.github.ci import GitHubBoard
    from releaseguard.services.github.requests import headers

    repository = context.environ.get(REPOSITORY)
    if not repository:
        raise UsageError(
            f"nothing says which repository this is for: {REPOSITORY} is not set",
            next_step="Run it in a job of GitHub Actions, where it is.",
        )
    token = required(context.secret(TOKENS[1]), TOKENS[1], "GitHub")
    return GitHubBoard(context.connect(headers(lambda: token), limits=LIMITS), repository)


def run_queue(context: Context, addresses: Sequence[Address]) -> RunQueue:
    from releaseguard.services.github.runs import GitHubRuns

    return GitHubRuns(context.once(client), _mine(addresses))


def alerts(context: Context, addresses: Sequence[Address]) -> AlertSource:
    from releaseguard.services.github.alerts import GitHubAlerts

    return GitHubAlerts(context.once(client), _repositories(addresses))


def account(context: Context, addresses: Sequence[Address]) -> Iterator[Remark]:
    from releaseguard.services.github.account import account

    return account(context.once(client), context.once(installation), _mine(addresses))


def job_token(context: Context) -> Callable[[str], Secret] | None:
    """The OIDC token that GitHub Actions gives to this job, for an audience."""
    url, token = context.environ.get(ISSUER), context.secret(ISSUER_TOKEN)
    if not url or not token:
        return None

    def issued(audience: str) -> Secret:
        from releaseguard.services.github.ci import actions_id_token

        place = split(url)
        issuer = context.connect(bearer(lambda: token), setting=ISSUER, url=f"{place.scheme}://{place.server}")
        return actions_id_token(issuer, url, audience)

    return issued


_JOBS_TOKEN = Unfit(
    "GITHUB_TOKEN is the token that GitHub Actions gives to a job, and that one cannot write secrets",
    f"Set {TOKENS[0]} to a fine-grained token with Secrets and Variables: read and write, or {APP_ID} and {APP_KEY}.",
)


def by_hand(address: Address, names: Sequence[str]) -> Sequence[str]:
    """``gh`` asks for each value."""
    [mine] = _mine([address])
    where = f"--repo {mine.account}/{mine.repo}" if mine.repo else f"--org {mine.account}"
    where += f" --env {mine.environment}" if mine.environment else ""
    app = " --app dependabot" if mine.scheme != ACTIONS else ""
    kind = {True: "variable", False: "secret"}
    plain = [name for name in names if mine.scheme == ACTIONS or not name.endswith("_VERSION")]
    return [f"gh {kind[name.endswith('_VERSION')]} set {name} {where}{app}" for name in plain]


def onboarding() -> Onboarding[Any]:
    from releaseguard.services.github.onboarding import ONBOARDING

    return ONBOARDING


SERVICE = Service(
    name="github",
    title="GitHub",
    section=GitHubSection,
    requirement=Requirement(
        "github",
        (
            CredentialOption((APP_ID, APP_KEY)),
            CredentialOption((TOKENS[0],)),
            CredentialOption((TOKENS[1],), proposed=False, unfit_in_a_job=_JOBS_TOKEN),
            CredentialOption((TOKENS[2],), proposed=False),
        ),
        "writing secrets at the GitHub destinations, and `leaks`",
    ),
    credential=TOKENS[0],
    credential_help=f"{TOKENS[0]} (secrets: write at the destination; the GITHUB_TOKEN of Actions cannot)",
    tokens=r"gh[pousr]_|github_pat_",
    endpoints=(
        Endpoint(
            setting="[github] url",
            client="github",
            carries=(APP_KEY, *TOKENS),
            hosts=frozenset({"api.github.com"}),
        ),
        # GitHub's own domain for the OIDC tokens of jobs (docs.github.com, "OpenID Connect reference").
        Endpoint(
            setting=ISSUER,
            client="github",
            carries=(ISSUER_TOKEN,),
            below=".actions.githubusercontent.com",
            of_few=True,
        ),
    ),
    stands_at=("[github] url",),
    limits=LIMITS,
    dated="/rate_limit",
    schemes=SCHEMES,
    example="github:OWNER/REPO",
    written_by=r"\bgh\s+(?:secret|variable)\s+set\b",
    destination=destination,
    workflows=workflows,
    workflow_deployer=workflow_deployer,
    by_hand=by_hand,
    board=board,
    run_queue=run_queue,
    alerts=alerts,
    account=account,
    job_token=job_token,
    onboarding=onboarding,
)
