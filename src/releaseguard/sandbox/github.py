"""A stand-in for GitHub's REST API: sealed-box secrets, variables, runs, secret-scanning alerts, limits.

Secrets are really encrypted: every place has a key pair of its own, and a ``PUT`` that cannot be opened with
it is refused as GitHub refuses it. Times have GitHub's resolution of one second.
"""

from __future__ import annotations

import base64
import binascii
import secrets
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, ClassVar

from releaseguard.model import utc_now
from releaseguard.sandbox.github_shapes import organization, repository, signed_in, workflow, workflow_run
from releaseguard.sandbox.server import Clock, Reject, Request, Response, StandIn, route, to_seconds

MOST_BYTES = 48 * 1024


class Scope(StrEnum):
    """Which of GitHub's stores a secret is in."""

    REPOSITORY = "repository"
    ENVIRONMENT = "environment"
    ORGANIZATION = "organization"
    DEPENDABOT = "dependabot"
    DEPENDABOT_ORGANIZATION = "dependabot organization"


PlaceKey = tuple[Scope, str, str]
"""Store, ``owner/repo`` or organisation (lower case), and environment or nothing."""


@dataclass(slots=True)
class GitHubSecret:
    value: str = field(repr=False)
    created_at: datetime
    updated_at: datetime
    visibility: str | None = None
    selected: tuple[int, ...] = ()


@dataclass(slots=True)
class GitHubVariable:
    value: str
    created_at: datetime
    updated_at: datetime


class GitHubPlace:
    """One store of secrets and variables with its key pair."""

    def __init__(self) -> None:
        from nacl.public import PrivateKey

        self.key = PrivateKey.generate()
        self.key_id = str(secrets.randbelow(10**18))
        self.secrets: dict[str, GitHubSecret] = {}
        self.variables: dict[str, GitHubVariable] = {}

    def rotate_key(self) -> None:
        """From now on only boxes sealed with a new key are opened."""
        from nacl.public import PrivateKey

        self.key = PrivateKey.generate()
        self.key_id = str(secrets.randbelow(10**18))

    def public_key(self) -> dict[str, str]:
        return {"key_id": self.key_id, "key": base64.b64encode(bytes(self.key.public_key)).decode()}

    def open(self, sealed: str) -> str:
        """What the box holds. Raises ``ValueError`` where it cannot be opened with this place's key."""
        from nacl.exceptions import CryptoError
        from nacl.public import SealedBox

        try:
            return SealedBox(self.key).decrypt(base64.b64decode(sealed, validate=True)).decode()
        except (CryptoError, binascii.Error, UnicodeDecodeError):
            raise ValueError("not a box sealed with this key") from None


@dataclass(slots=True)
class GitHubRepository:
    id: int
    full_name: str
    private: bool = True
    environments: dict[str, int] = field(default_factory=dict)
    runs: list[dict[str, Any]] = field(default_factory=list)
    workflows: dict[str, int] = field(default_factory=dict)
    """Name -> id."""
    alerts: list[dict[str, Any]] = field(default_factory=list)
    dispatches: list[dict[str, Any]] = field(default_factory=list)


class GitHubAppKey:
    """A GitHub App: its number and the private key that signs for it."""

    def __init__(self) -> None:
        from cryptography.hazmat.primitives.asymmetric import rsa

        self.app_id = str(secrets.randbelow(10**6))
        self._key = rsa.generate_private_key(public_exponent=65537, key_size=2048)

    @property
    def pem(self) -> str:
        """For ``RELEASEGUARD_GITHUB_APP_PRIVATE_KEY``."""
        from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

        return self._key.private_bytes(Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption()).decode()

    def signed(self, token: str | None) -> bool:
        """Whether the token is one that this App signed, and still good."""
        import jwt

        try:
            claims = jwt.decode(token or "", self._key.public_key(), algorithms=["RS256"])
        except jwt.PyJWTError:
            return False
        return str(claims.get("iss")) == self.app_id


class GitHubStandIn(StandIn):
    """GitHub's REST API, and the OIDC token address of GitHub Actions."""

    name: ClassVar[str] = "github"

    def __init__(self, clock: Clock = utc_now) -> None:
        super().__init__(clock)
        self.login = "release-bot"
        self.token = f"ghp_{secrets.token_hex(18)}"
        self.tokens: dict[str, bool] = {self.token: True}
        """Each token and whether it may see and write secrets (the one Actions gives may not)."""
        self.organizations: dict[str, int] = {}
        self.repositories: dict[str, GitHubRepository] = {}
        self.places: dict[PlaceKey, GitHubPlace] = {}
        self.scopes = "admin:org, repo"
        """Of a classic personal access token; other kinds do not say what they may do."""
        self.used = 0
        self.drops_writes = False
        """Answer writes of secrets as if they had happened, without storing them."""
        self.oidc_request_token = secrets.token_urlsafe(32)
        self._app: GitHubAppKey | None = None
        self.app_permissions = {"secrets": "write", "actions_variables": "write", "metadata": "read"}
        self.issue_oidc: Callable[[str], str] | None = None
        """Makes the JSON Web Token for an audience; ``None``: not inside Actions."""
        self._ids = iter(range(1000, 10**9))

    # --- what tests and the demo do to it --------------------------------------------------------------------

    def add_organization(self, login: str) -> None:
        self.organizations[login.lower()] = next(self._ids)
        for scope in (Scope.ORGANIZATION, Scope.DEPENDABOT_ORGANIZATION):
            self.places[scope, login.lower(), ""] = GitHubPlace()

    def add_repository(self, full_name: str, environments: Iterable[str] = ()) -> GitHubRepository:
        """Add ``owner/repo`` with these environments."""
        repo = GitHubRepository(next(self._ids), full_name)
        self.repositories[full_name.lower()] = repo
        for scope in (Scope.REPOSITORY, Scope.DEPENDABOT):
            self.places[scope, full_name.lower(), ""] = GitHubPlace()
        for environment in environments:
            self.add_environment(full_name, environment)
        return repo

    def add_app(self) -> GitHubAppKey:
        """Install a GitHub App in every account."""
        self._app = GitHubAppKey()
        return self._app

    def add_environment(self, full_name: str, environment: str) -> None:
        self.repositories[full_name.lower()].environments[environment] = next(self._ids)
        self.places[Scope.ENVIRONMENT, full_name.lower(), environment.lower()] = GitHubPlace()

    def place(self, owner: str, environment: str = "", *, dependabot: bool = False) -> GitHubPlace:
        """The store of ``owner/repo``, of one of its environments, or of an organisation."""
        return self.places[self._scope(owner, environment, dependabot=dependabot), owner.lower(), environment.lower()]

    @staticmethod
    def _scope(owner: str, environment: str, *, dependabot: bool) -> Scope:
        if "/" not in owner:
            return Scope.DEPENDABOT_ORGANIZATION if dependabot else Scope.ORGANIZATION
        if environment:
            return Scope.ENVIRONMENT
        return Scope.DEPENDABOT if dependabot else Scope.REPOSITORY

    def put(self, owner: str, name: str, value: str, environment: str = "", *, dependabot: bool = False) -> None:
        """Set a secret as a person on the web site would."""
        with self.lock:
            self._store(self.place(owner, environment, dependabot=dependabot), name.upper(), value, {})

    def value(self, owner: str, name: str, environment: str = "", *, dependabot: bool = False) -> str | None:
        """The decrypted value that the stand-in holds, or ``None``."""
        stored = self.place(owner, environment, dependabot=dependabot).secrets.get(name.upper())
        return stored.value if stored else None

    def add_workflow(self, full_name: str, name: str) -> int:
        """Add a workflow (``<name>.yml``) that has never run, unless it is there; returns its id."""
        workflows = self.repositories[full_name.lower()].workflows
        return workflows.setdefault(name, next(self._ids))

    def add_run(
        self,
        full_name: str,
        status: str = "queued",
        name: str = "deploy",
        *,
        conclusion: str | None = None,
        at: datetime | None = None,
    ) -> int:
        """Add a run of the workflow ``name``; returns its id. A completed one succeeded unless ``conclusion`` says."""
        repo, now = self.repositories[full_name.lower()], to_seconds(at or self.clock())
        number = next(self._ids)
        run = {
            "name": name,
            "path": f".github/workflows/{name}.yml",
            "workflow_id": self.add_workflow(full_name, name),
            "status": status,
            "conclusion": (conclusion or "success") if status == "completed" else None,
            "head_sha": secrets.token_hex(20),
            "run_number": len(repo.runs) + 1,
            "created_at": now,
            "updated_at": now,
            "run_started_at": now,
        }
        repo.runs.append(workflow_run(self.url, self._shown(repo), number, run))
        return number

    def add_alert(self, full_name: str, secret_type: str, value: str, state: str = "open") -> int:
        """Add a secret-scanning alert; returns its number."""
        repo, now = self.repositories[full_name.lower()], to_seconds(self.clock())
        number = len(repo.alerts) + 1
        repo.alerts.append(
            {
                "number": number,
                "created_at": now,
                "updated_at": now,
                "url": f"{self.url}/repos/{full_name}/secret-scanning/alerts/{number}",
                "html_url": f"{self.url}/{full_name}/security/secret-scanning/{number}",
                "locations_url": f"{self.url}/repos/{full_name}/secret-scanning/alerts/{number}/locations",
                "state": state,
                "resolution": None,
                "resolved_at": None,
                "resolved_by": None,
                "resolution_comment": None,
                "secret_type": secret_type,
                "secret_type_display_name": secret_type.replace("_", " ").title(),
                "secret": value,
                "validity": "unknown",
                "publicly_leaked": False,
                "multi_repo": False,
            }
        )
        return number

    # --- what every answer has in common ------------------------------------------------------------------

    def headers(self, request: Request) -> dict[str, str]:
        if request.path != "/rate_limit":
            self.used += 1
        reset = int(self.clock().timestamp()) + 3600
        classic = (request.bearer or "").startswith("ghp_") and request.bearer in self.tokens
        return {
            **({"x-oauth-scopes": self.scopes} if classic else {}),
            "x-github-request-id": secrets.token_hex(8).upper(),
            "x-ratelimit-limit": "5000",
            "x-ratelimit-remaining": str(max(0, 5000 - self.used)),
            "x-ratelimit-used": str(self.used),
            "x-ratelimit-reset": str(reset),
            "x-ratelimit-resource": "core",
        }

    def not_found(self, _request: Request) -> Response:
        return self._refusal(404, "Not Found")

    def unreadable(self, _request: Request) -> Response:
        return self._refusal(422, "Invalid request.")

    def authorize(self, request: Request) -> None:
        if request.path.startswith("/_services/token"):
            return
        if request.path.startswith("/app/") or request.path.endswith("/installation"):
            if self._app is None or not self._app.signed(request.bearer):
                raise Reject(self._refusal(401, "A JSON web token could not be decoded"))
            return
        if request.bearer is None:
            raise Reject(self._refusal(401, "Requires authentication"))
        if request.bearer not in self.tokens:
            raise Reject(self._refusal(401, "Bad credentials"))
        guarded = ("/secrets", "/variables", "/secret-scanning")
        if not self.tokens[request.bearer] and any(part in request.path for part in guarded):
            raise Reject(self._refusal(403, "Resource not accessible by integration"))

    @staticmethod
    def _refusal(status: int, message: str) -> Response:
        body = {"message": message, "documentation_url": "https://docs.github.com/rest", "status": str(status)}
        return Response(status, body)

    def _page(self, request: Request, found: list[Any], key: str | None = None) -> Response:
        """One page of a listing with GitHub's ``link`` header."""
        size, page = int(request.query.get("per_page", 30)), int(request.query.get("page", 1))
        part = found[(page - 1) * size : page * size]
        response = Response(200, part if key is None else {"total_count": len(found), key: part})
        if page * size < len(found):
            others = "".join(f"&{name}={value}" for name, value in request.query.items() if name != "page")
            response.headers["link"] = f'<{self.url}{request.path}?page={page + 1}{others}>; rel="next"'
        return response

    # --- accounts and repositories ------------------------------------------------------------------------

    @route("GET", "/user")
    def get_user(self, _request: Request) -> Response:
        return Response(200, signed_in(self.url, self.login, to_seconds(self.clock())))

    @route("GET", "/rate_limit")
    def rate_limit(self, _request: Request) -> Response:
        core = {"limit": 5000, "remaining": max(0, 5000 - self.used), "used": self.used}
        core["reset"] = int(self.clock().timestamp()) + 3600
        return Response(200, {"resources": {"core": core, "search": core}, "rate": core})

    @route("GET", "/user/repos")
    def list_my_repositories(self, request: Request) -> Response:
        return self._page(request, [self._shown(repo) for repo in self.repositories.values()])

    @route("GET", "/orgs/{org}")
    def get_organization(self, request: Request) -> Response:
        login = request.params["org"]
        if login.lower() not in self.organizations:
            return self.not_found(request)
        number, now = self.organizations[login.lower()], to_seconds(self.clock())
        return Response(200, organization(self.url, login, number, now))

    @route("GET", "/orgs/{org}/repos")
    def list_organization_repositories(self, request: Request) -> Response:
        login = request.params["org"].lower()
        if login not in self.organizations:
            return self.not_found(request)
        mine = [repo for name, repo in self.repositories.items() if name.startswith(f"{login}/")]
        return self._page(request, [self._shown(repo) for repo in mine])

    @route("GET", "/repos/{owner}/{repo}")
    def get_repository(self, request: Request) -> Response:
        return Response(200, self._shown(self._repository(request)))

    def _repository(self, request: Request) -> GitHubRepository:
        name = f"{request.params['owner']}/{request.params['repo']}".lower()
        if name not in self.repositories:
            raise Reject(self._refusal(404, "Not Found"))
        return self.repositories[name]

    def _shown(self, repo: GitHubRepository) -> dict[str, Any]:
        owner = repo.full_name.partition("/")[0].lower()
        kind = "Organization" if owner in self.organizations else "User"
        return repository(self.url, repo.id, repo.full_name, kind, to_seconds(self.clock()), private=repo.private)

    @route("GET", "/repos/{owner}/{repo}/environments")
    def list_environments(self, request: Request) -> Response:
        repo = self._repository(request)
        shown = [self._shown_environment(repo, name) for name in repo.environments]
        return self._page(request, shown, "environments")

    @route("GET", "/repos/{owner}/{repo}/environments/{environment}")
    def get_environment(self, request: Request) -> Response:
        repo = self._repository(request)
        if request.params["environment"] not in repo.environments:
            return self.not_found(request)
        return Response(200, self._shown_environment(repo, request.params["environment"]))

    def _shown_environment(self, repo: GitHubRepository, name: str) -> dict[str, Any]:
        now = to_seconds(self.clock())
        return {
            "id": repo.environments[name],
            "node_id": f"EN_{repo.environments[name]}",
            "name": name,
            "url": f"{self.url}/repos/{repo.full_name}/environments/{name}",
            "html_url": f"{self.url}/{repo.full_name}/deployments/activity_log?environments_filter={name}",
            "created_at": now,
            "updated_at": now,
            "protection_rules": [],
            "deployment_branch_policy": None,
        }

    @route("GET", "/repos/{owner}/{repo}/installation")
    @route("GET", "/orgs/{org}/installation")
    @route("GET", "/users/{user}/installation")
    def get_installation(self, request: Request) -> Response:
        if "repo" in request.params:
            self._repository(request)
        elif request.params.get("org", "").lower() not in self.organizations:
            return self.not_found(request)
        app_id = self._app.app_id if self._app else None
        return Response(
            200, {"id": 1, "app_id": app_id, "target_type": "Organization", "permissions": self.app_permissions}
        )

    @route("POST", "/app/installations/{installation}/access_tokens")
    def create_installation_token(self, _request: Request) -> Response:
        token = f"ghs_{secrets.token_hex(18)}"
        self.tokens[token] = True
        expires = to_seconds(self.clock() + timedelta(hours=1))
        return Response(201, {"token": token, "expires_at": expires, "permissions": {"secrets": "write"}})

    @route("GET", "/installation/repositories")
    def list_installation_repositories(self, request: Request) -> Response:
        return self._page(request, [self._shown(repo) for repo in self.repositories.values()], "repositories")

    # --- secrets --------------------------------------------------------------------------------------------

    def _place_of(self, request: Request) -> GitHubPlace:
        params = request.params
        owner = f"{params['owner']}/{params['repo']}" if "repo" in params else params["org"]
        environment = params.get("environment", "")
        scope = self._scope(owner, environment, dependabot="/dependabot/" in request.path)
        place = self.places.get((scope, owner.lower(), environment.lower()))
        if place is None:
            raise Reject(self._refusal(404, "Not Found"))
        return place

    @route("GET", "/repos/{owner}/{repo}/actions/secrets/public-key")
    @route("GET", "/repos/{owner}/{repo}/environments/{environment}/secrets/public-key")
    @route("GET", "/repos/{owner}/{repo}/dependabot/secrets/public-key")
    @route("GET", "/orgs/{org}/actions/secrets/public-key")
    @route("GET", "/orgs/{org}/dependabot/secrets/public-key")
    def get_public_key(self, request: Request) -> Response:
        return Response(200, self._place_of(request).public_key())

    @route("GET", "/repos/{owner}/{repo}/actions/secrets")
    @route("GET", "/repos/{owner}/{repo}/environments/{environment}/secrets")
    @route("GET", "/repos/{owner}/{repo}/dependabot/secrets")
    @route("GET", "/orgs/{org}/actions/secrets")
    @route("GET", "/orgs/{org}/dependabot/secrets")
    def list_secrets(self, request: Request) -> Response:
        stored = sorted(self._place_of(request).secrets.items())
        return self._page(request, [self._shown_secret(request, name, one) for name, one in stored], "secrets")

    @route("GET", "/repos/{owner}/{repo}/actions/organization-secrets")
    def list_organization_secrets(self, request: Request) -> Response:
        repo = self._repository(request)
        owner = repo.full_name.partition("/")[0].lower()
        place = self.places.get((Scope.ORGANIZATION, owner, ""))
        stored = sorted(place.secrets.items()) if place else []
        seen = [(name, one) for name, one in stored if one.visibility != "selected" or repo.id in one.selected]
        shown = [self._shown_secret(request, name, one) for name, one in seen]
        return self._page(request, shown, "secrets")

    @route("GET", "/repos/{owner}/{repo}/actions/secrets/{name}")
    @route("GET", "/repos/{owner}/{repo}/environments/{environment}/secrets/{name}")
    @route("GET", "/repos/{owner}/{repo}/dependabot/secrets/{name}")
    @route("GET", "/orgs/{org}/actions/secrets/{name}")
    @route("GET", "/orgs/{org}/dependabot/secrets/{name}")
    def get_secret(self, request: Request) -> Response:
        name = request.params["name"].upper()
        stored = self._place_of(request).secrets.get(name)
        return Response(200, self._shown_secret(request, name, stored)) if stored else self.not_found(request)

    def _shown_secret(self, request: Request, name: str, stored: GitHubSecret) -> dict[str, Any]:
        shown = {
            "name": name,
            "created_at": to_seconds(stored.created_at),
            "updated_at": to_seconds(stored.updated_at),
        }
        if not request.path.startswith("/orgs/"):
            return shown
        link = f"{self.url}{request.path.split('/secrets')[0]}/secrets/{name}/repositories"
        selected = {"selected_repositories_url": link} if stored.visibility == "selected" else {}
        return {**shown, "visibility": stored.visibility or "private", **selected}

    @route("GET", "/orgs/{org}/actions/secrets/{name}/repositories")
    @route("GET", "/orgs/{org}/dependabot/secrets/{name}/repositories")
    def list_selected_repositories(self, request: Request) -> Response:
        stored = self._place_of(request).secrets.get(request.params["name"].upper())
        if stored is None:
            return self.not_found(request)
        mine = [self._shown(repo) for repo in self.repositories.values() if repo.id in stored.selected]
        return self._page(request, mine, "repositories")

    @route("PUT", "/repos/{owner}/{repo}/actions/secrets/{name}")
    @route("PUT", "/repos/{owner}/{repo}/environments/{environment}/secrets/{name}")
    @route("PUT", "/repos/{owner}/{repo}/dependabot/secrets/{name}")
    @route("PUT", "/orgs/{org}/actions/secrets/{name}")
    @route("PUT", "/orgs/{org}/dependabot/secrets/{name}")
    def put_secret(self, request: Request) -> Response:
        place, body, name = self._place_of(request), request.json(), request.params["name"].upper()
        value = self._opened(place, body)
        if request.path.startswith("/orgs/") and body.get("visibility") not in {"all", "private", "selected"}:
            return self._refusal(422, "Invalid request. visibility is required.")
        new = name not in place.secrets
        if not self.drops_writes:
            self._store(place, name, value, body)
        return Response(201, {}) if new else Response(204)

    def _opened(self, place: GitHubPlace, body: Mapping[str, Any]) -> str:
        if body.get("key_id") != place.key_id:
            raise Reject(self._refusal(422, "Bad request - key_id does not match the current public key"))
        try:
            value = place.open(body["encrypted_value"])
        except ValueError:
            raise Reject(self._refusal(422, "Bad request - improperly encrypted secret")) from None
        if len(value.encode()) > MOST_BYTES:
            raise Reject(self._refusal(422, "Secret value is too large"))
        return value

    def _store(self, place: GitHubPlace, name: str, value: str, body: Mapping[str, Any]) -> None:
        now, old = self.clock(), place.secrets.get(name)
        created = old.created_at if old else now
        selected = tuple(int(one) for one in body.get("selected_repository_ids", ()))
        place.secrets[name] = GitHubSecret(value, created, now, body.get("visibility"), selected)

    @route("DELETE", "/repos/{owner}/{repo}/actions/secrets/{name}")
    @route("DELETE", "/repos/{owner}/{repo}/environments/{environment}/secrets/{name}")
    @route("DELETE", "/repos/{owner}/{repo}/dependabot/secrets/{name}")
    @route("DELETE", "/orgs/{org}/actions/secrets/{name}")
    @route("DELETE", "/orgs/{org}/dependabot/secrets/{name}")
    def delete_secret(self, request: Request) -> Response:
        stored = self._place_of(request).secrets.pop(request.params["name"].upper(), None)
        return Response(204) if stored else self.not_found(request)

    # --- variables ------------------------------------------------------------------------------------------

    @route("GET", "/repos/{owner}/{repo}/actions/variables")
    @route("GET", "/repos/{owner}/{repo}/environments/{environment}/variables")
    @route("GET", "/orgs/{org}/actions/variables")
    def list_variables(self, request: Request) -> Response:
        stored = sorted(self._place_of(request).variables.items())
        return self._page(request, [self._shown_variable(request, name, one) for name, one in stored], "variables")

    @route("POST", "/repos/{owner}/{repo}/actions/variables")
    @route("POST", "/repos/{owner}/{repo}/environments/{environment}/variables")
    @route("POST", "/orgs/{org}/actions/variables")
    def create_variable(self, request: Request) -> Response:
        place, body = self._place_of(request), request.json()
        name, now = body["name"].upper(), self.clock()
        if name in place.variables:
            return self._refusal(409, "Variable already exists")
        place.variables[name] = GitHubVariable(body["value"], now, now)
        return Response(201, {})

    @route("GET", "/repos/{owner}/{repo}/actions/variables/{name}")
    @route("GET", "/repos/{owner}/{repo}/environments/{environment}/variables/{name}")
    @route("GET", "/orgs/{org}/actions/variables/{name}")
    def get_variable(self, request: Request) -> Response:
        name = request.params["name"].upper()
        stored = self._place_of(request).variables.get(name)
        return Response(200, self._shown_variable(request, name, stored)) if stored else self.not_found(request)

    @route("PATCH", "/repos/{owner}/{repo}/actions/variables/{name}")
    @route("PATCH", "/repos/{owner}/{repo}/environments/{environment}/variables/{name}")
    @route("PATCH", "/orgs/{org}/actions/variables/{name}")
    def update_variable(self, request: Request) -> Response:
        stored = self._place_of(request).variables.get(request.params["name"].upper())
        if stored is None:
            return self.not_found(request)
        stored.value, stored.updated_at = request.json()["value"], self.clock()
        return Response(204)

    @route("DELETE", "/repos/{owner}/{repo}/actions/variables/{name}")
    @route("DELETE", "/repos/{owner}/{repo}/environments/{environment}/variables/{name}")
    @route("DELETE", "/orgs/{org}/actions/variables/{name}")
    def delete_variable(self, request: Request) -> Response:
        stored = self._place_of(request).variables.pop(request.params["name"].upper(), None)
        return Response(204) if stored else self.not_found(request)

    def _shown_variable(self, request: Request, name: str, stored: GitHubVariable) -> dict[str, Any]:
        visibility = {"visibility": "private"} if request.path.startswith("/orgs/") else {}
        return {
            "name": name,
            "value": stored.value,
            "created_at": to_seconds(stored.created_at),
            "updated_at": to_seconds(stored.updated_at),
            **visibility,
        }

    # --- runs, alerts, dispatches ---------------------------------------------------------------------------

    @route("GET", "/repos/{owner}/{repo}/actions/runs")
    def list_runs(self, request: Request) -> Response:
        wanted = request.query.get("status")
        found = [run for run in reversed(self._repository(request).runs) if wanted in {None, run["status"]}]
        return self._page(request, found, "workflow_runs")

    @route("GET", "/repos/{owner}/{repo}/actions/workflows")
    def list_workflows(self, request: Request) -> Response:
        repo, now = self._repository(request), to_seconds(self.clock())
        found = [workflow(self.url, repo.full_name, number, name, now) for name, number in repo.workflows.items()]
        return self._page(request, found, "workflows")

    @route("GET", "/repos/{owner}/{repo}/actions/workflows/{workflow}/runs")
    def list_workflow_runs(self, request: Request) -> Response:
        """The runs of one workflow, by its id or its file's name."""
        repo, asked, wanted = self._repository(request), request.params["workflow"], request.query.get("status")
        number = next((id_ for name, id_ in repo.workflows.items() if asked in {str(id_), f"{name}.yml"}), None)
        if number is None:
            return self._refusal(404, "Not Found")
        runs = (run for run in reversed(repo.runs) if run["workflow_id"] == number)
        found = [run for run in runs if wanted in {None, run["status"], run["conclusion"]}]
        return self._page(request, found, "workflow_runs")

    @route("GET", "/repos/{owner}/{repo}/secret-scanning/alerts")
    def list_alerts(self, request: Request) -> Response:
        wanted = request.query.get("state")
        found = [alert for alert in self._repository(request).alerts if wanted in {None, alert["state"]}]
        return self._page(request, [self._shown_alert(request, alert) for alert in found])

    @route("GET", "/orgs/{org}/secret-scanning/alerts")
    def list_organization_alerts(self, request: Request) -> Response:
        prefix, wanted = f"{request.params['org'].lower()}/", request.query.get("state")
        found = [
            {**self._shown_alert(request, alert), "repository": self._shown(repo)}
            for name, repo in self.repositories.items()
            for alert in repo.alerts
            if name.startswith(prefix) and wanted in {None, alert["state"]}
        ]
        return self._page(request, found)

    @route("GET", "/repos/{owner}/{repo}/secret-scanning/alerts/{number}")
    def get_alert(self, request: Request) -> Response:
        return Response(200, self._shown_alert(request, self._alert(request)))

    @route("PATCH", "/repos/{owner}/{repo}/secret-scanning/alerts/{number}")
    def update_alert(self, request: Request) -> Response:
        alert, body = self._alert(request), request.json()
        if body.get("state") == "resolved" and not body.get("resolution"):
            return self._refusal(422, "Invalid request. resolution is required when the state is resolved.")
        now = to_seconds(self.clock())
        alert.update({"state": body["state"], "updated_at": now})
        resolved = body["state"] == "resolved"
        alert["resolution"] = body.get("resolution") if resolved else None
        alert["resolution_comment"] = body.get("resolution_comment") if resolved else None
        alert["resolved_at"] = now if resolved else None
        return Response(200, self._shown_alert(request, alert))

    def _alert(self, request: Request) -> dict[str, Any]:
        for alert in self._repository(request).alerts:
            if str(alert["number"]) == request.params["number"]:
                return alert
        raise Reject(self._refusal(404, "Not Found"))

    @staticmethod
    def _shown_alert(request: Request, alert: Mapping[str, Any]) -> dict[str, Any]:
        hidden = request.query.get("hide_secret") == "true"
        return {key: value for key, value in alert.items() if not (hidden and key == "secret")}

    @route("POST", "/repos/{owner}/{repo}/dispatches")
    def dispatch_event(self, request: Request) -> Response:
        body = request.json()
        if not 1 <= len(body["event_type"]) <= 100 or len(body.get("client_payload", {})) > 10:
            return self._refusal(422, "Invalid request.")
        self._repository(request).dispatches.append(body)
        return Response(204)

    @route("GET", "/_services/token")
    def oidc_token(self, request: Request) -> Response:
        """What ``ACTIONS_ID_TOKEN_REQUEST_URL`` points at inside GitHub Actions."""
        if self.issue_oidc is None or request.bearer != self.oidc_request_token:
            return self._refusal(401, "Requires authentication")
        return Response(200, {"count": 1, "value": self.issue_oidc(request.query.get("audience", ""))})
