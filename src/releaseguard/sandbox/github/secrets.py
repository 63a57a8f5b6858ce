"""Secrets and variables at GitHub."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from releaseguard.harmless import JsonDocument
from releaseguard.sandbox.github.accounts import GitHubAccounts
from releaseguard.sandbox.github.values import (
    GitHubPlace,
    GitHubSecret,
    GitHubVariable,
    SecretStore,
)
from releaseguard.sandbox.serving.exchange import Reject, Request, Response, to_seconds
from releaseguard.sandbox.serving.stand_in import route

MOST_BYTES = 48 * 1024


class GitHubSecrets(GitHubAccounts):
    """Secrets and variables of every kind of place."""

    def put(self, owner: str, name: str, value: str, environment: str = "", *, dependabot: bool = False) -> None:
        """Set a secret as a person on the web site would."""
        with self.lock:
            self._store(self.place(owner, environment, dependabot=dependabot), name.upper(), value, {})

    def value(self, owner: str, name: str, environment: str = "", *, dependabot: bool = False) -> str | None:
        """The decrypted value that the stand-in holds, or ``None``."""
        stored = self.place(owner, environment, dependabot=dependabot).secrets.get(name.upper())
        return stored.value if stored else None

    def _place_of(self, request: Request) -> GitHubPlace:
        params = request.params
        owner = f"{params['owner']}/{params['repo']}" if "repo" in params else params["org"]
        environment = params.get("environment", "")
        scope = self._store_of(owner, environment, dependabot="/dependabot/" in request.path)
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
        place = self.places.get((SecretStore.ORGANIZATION, owner, ""))
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

    def _shown_secret(self, request: Request, name: str, stored: GitHubSecret) -> JsonDocument:
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

    def _shown_variable(self, request: Request, name: str, stored: GitHubVariable) -> JsonDocument:
        visibility = {"visibility": "private"} if request.path.startswith("/orgs/") else {}
        return {
            "name": name,
            "value": stored.value,
            "created_at": to_seconds(stored.created_at),
            "updated_at": to_seconds(stored.updated_at),
            **visibility,
        }
