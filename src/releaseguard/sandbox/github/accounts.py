"""Accounts and repositories, and what every answer of GitHub has in common."""

from __future__ import annotations

import base64
import secrets
from collections.abc import Callable, Iterable
from datetime import timedelta
from typing import Any, ClassVar

from releaseguard.harmless import JsonDocument
from releaseguard.model import utc_now
from releaseguard.sandbox.github.shapes import organization, repository, signed_in
from releaseguard.sandbox.github.values import (
    GitHubAppKey,
    GitHubPlace,
    GitHubRepository,
    PlaceKey,
    SecretStore,
)
from releaseguard.sandbox.serving.exchange import Clock, Reject, Request, Response, to_seconds
from releaseguard.sandbox.serving.stand_in import StandIn, route

WORKFLOWS = ".github/workflows"


class GitHubAccounts(StandIn):
    """Accounts, repositories and environments; who may ask, and what every answer carries."""

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
        self.workflow_states: dict[str, str] = {}
        """By file name: ``disabled_manually`` and the like; every other workflow is active."""
        self.used = 0
        self.drops_writes = False
        """Answer writes of secrets as if they had happened, without storing them."""
        self.oidc_request_token = secrets.token_urlsafe(32)
        self._app: GitHubAppKey | None = None
        self.app_permissions = {"secrets": "write", "actions_variables": "write", "metadata": "read"}
        self.issue_oidc: Callable[[str], str] | None = None
        """Makes the JSON Web Token for an audience; ``None``: not inside Actions."""
        self._ids = iter(range(1000, 10**9))

    def add_organization(self, login: str) -> None:
        self.organizations[login.lower()] = next(self._ids)
        for scope in (SecretStore.ORGANIZATION, SecretStore.DEPENDABOT_ORGANIZATION):
            self.places[scope, login.lower(), ""] = GitHubPlace()

    def add_repository(self, full_name: str, environments: Iterable[str] = ()) -> GitHubRepository:
        """Add ``owner/repo`` with these environments."""
        repo = GitHubRepository(next(self._ids), full_name)
        self.repositories[full_name.lower()] = repo
        for scope in (SecretStore.REPOSITORY, SecretStore.DEPENDABOT):
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
        self.places[SecretStore.ENVIRONMENT, full_name.lower(), environment.lower()] = GitHubPlace()

    def place(self, owner: str, environment: str = "", *, dependabot: bool = False) -> GitHubPlace:
        """The store of ``owner/repo``, of one of its environments, or of an organisation."""
        return self.places[
            self._store_of(owner, environment, dependabot=dependabot), owner.lower(), environment.lower()
        ]

    @staticmethod
    def _store_of(owner: str, environment: str, *, dependabot: bool) -> SecretStore:
        if "/" not in owner:
            return SecretStore.DEPENDABOT_ORGANIZATION if dependabot else SecretStore.ORGANIZATION
        if environment:
            return SecretStore.ENVIRONMENT
        return SecretStore.DEPENDABOT if dependabot else SecretStore.REPOSITORY

    def headers(self, request: Request) -> dict[str, str]:
        """What GitHub sends with every answer: how much of the limit is used, and a classic token's scopes."""
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
        """Raise ``Reject`` with GitHub's own answer where the request's token does not reach what it asks for."""
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

    @route("GET", "/repos/{owner}/{repo}/contents/.github/workflows")
    def list_workflow_files(self, request: Request) -> Response:
        files = self._repository(request).files
        if not files:
            return self.not_found(request)
        return Response(200, [{"type": "file", "name": name, "path": f"{WORKFLOWS}/{name}"} for name in sorted(files)])

    @route("GET", "/repos/{owner}/{repo}/contents/.github/workflows/{file}")
    def get_workflow_file(self, request: Request) -> Response:
        name = request.params["file"]
        text = self._repository(request).files.get(name)
        if text is None:
            return self.not_found(request)
        content = base64.encodebytes(text.encode()).decode()
        shown = {"type": "file", "name": name, "path": f"{WORKFLOWS}/{name}", "encoding": "base64", "content": content}
        return Response(200, shown)

    def _repository(self, request: Request) -> GitHubRepository:
        name = f"{request.params['owner']}/{request.params['repo']}".lower()
        if name not in self.repositories:
            raise Reject(self._refusal(404, "Not Found"))
        return self.repositories[name]

    def _shown(self, repo: GitHubRepository) -> JsonDocument:
        owner = repo.full_name.partition("/")[0].lower()
        kind = "Organization" if owner in self.organizations else "User"
        shown = repository(self.url, repo.id, repo.full_name, kind, to_seconds(self.clock()), private=repo.private)
        return {**shown, "archived": repo.archived}

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

    def _shown_environment(self, repo: GitHubRepository, name: str) -> JsonDocument:
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
