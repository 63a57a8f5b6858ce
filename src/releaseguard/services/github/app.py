"""A GitHub App as the credential: its key signs, an installation's token is what requests carry.

PyGithub makes the signed token (``github.Auth.AppAuth``); the two requests go through our own client, so that
time limits, SAFE MODE and redaction are those of every other request.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import TypedDict

from releaseguard.destinations.sending import moment_of
from releaseguard.errors import AccessDenied, NotFound
from releaseguard.http import ServiceClient, quoted
from releaseguard.model import utc_now
from releaseguard.secret import Secret

FRESH = timedelta(minutes=5)
"""A token with less than this left is replaced: a push may last that long."""


class InstallationDocument(TypedDict, total=False):
    """An App's installation at an account."""

    id: int
    permissions: Mapping[str, str] | None


class GitHubApp:
    """Signs as the App itself; only good for finding installations and asking for their tokens."""

    def __init__(self, app_id: str, private_key: Secret) -> None:
        self._app_id = app_id
        self._private_key = private_key

    def token(self) -> Secret:
        """A signed token of a few minutes. Raises ``AccessDenied`` where the private key is not one."""
        from github.Auth import AppAuth
        from jwt.exceptions import PyJWTError

        try:
            return Secret(AppAuth(self._app_id, self._private_key.reveal()).create_jwt())
        except (PyJWTError, ValueError, TypeError, AssertionError):
            raise AccessDenied(
                "the GitHub App's private key cannot be read",
                where="RELEASEGUARD_GITHUB_APP_PRIVATE_KEY",
                next_step="Set it to the whole PEM file that GitHub gave, line breaks included.",
            ) from None


class GitHubInstallation:
    """The App's installation that reaches ``account`` (``OWNER`` or ``OWNER/REPO``).

    ``client`` must carry the App's own token (:class:`GitHubApp`). :meth:`token` may be called by any thread.
    """

    def __init__(self, client: ServiceClient, account: str, *, wall: Callable[[], datetime] = utc_now) -> None:
        self._client = client
        self._account = account
        self._wall = wall
        self._lock = threading.Lock()
        self._token: Secret | None = None
        self._expires: datetime | None = None

    def token(self) -> Secret:
        """A token that is good for some minutes at least. Raises ``ServiceError`` or one of its kinds."""
        with self._lock:
            if self._token is None or self._expires is None or self._wall() > self._expires - FRESH:
                self._token, self._expires = self._fresh()
            return self._token

    def permissions(self) -> Mapping[str, str]:
        """What the installation may do, by GitHub's names: ``{"secrets": "write"}``."""
        told = self._installation().get("permissions")
        return {str(name): str(level) for name, level in told.items()} if isinstance(told, Mapping) else {}

    def _fresh(self) -> tuple[Secret, datetime | None]:
        path = f"/app/installations/{self._installation()['id']}/access_tokens"
        # A second token beside a lost one harms nobody, so this POST may be repeated.
        made = self._client.request("POST", path, json={}, repeatable=True).json()
        return Secret(str(made["token"])), moment_of(made.get("expires_at"))

    def _installation(self) -> InstallationDocument:
        owner, _, repo = self._account.partition("/")
        asked = [f"/repos/{quoted(owner)}/{quoted(repo)}"] if repo else []
        asked += [f"/orgs/{quoted(owner)}", f"/users/{quoted(owner)}"]
        for path in asked:
            reply = self._client.request("GET", f"{path}/installation", allow=(404,))
            if reply.status != 404:
                found: InstallationDocument = reply.json()
                return found
        raise NotFound(
            f"the GitHub App is not installed for {self._account}",
            where=self._client.host,
            next_step="Install it there, with Secrets and Variables: read and write.",
        )
