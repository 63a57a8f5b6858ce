"""Logging in to Infisical, and keeping the token while it is valid."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from typing import Any, Protocol

from releaseguard.errors import AccessDenied, NotFound
from releaseguard.http import ServiceClient
from releaseguard.secret import Secret
from releaseguard.services.infisical.api import login_of


class Identity(Protocol):
    """A way to log in. ``renews``: whether logging in again can give another token."""

    renews: bool

    def login(self) -> Secret:
        """A token. Raises ``ServiceError`` or one of its subclasses."""


class PlainToken:
    """``INFISICAL_TOKEN``."""

    renews = False

    def __init__(self, token: Secret) -> None:
        self._token = token

    def login(self) -> Secret:
        return self._token


class UniversalAuth:
    """A client id and secret. ``client`` must send no credentials: a stale token makes the login fail."""

    renews = True

    def __init__(self, client: ServiceClient, client_id: str, client_secret: Secret) -> None:
        self._client = client
        self._client_id = client_id
        self._client_secret = client_secret

    def login(self) -> Secret:
        return _logged_in(self._client, lambda auth: auth.universal_auth.login(self._client_id, self._client_secret))


class OidcAuth:
    """A workload's own token (GitHub Actions') exchanged for Infisical's. ``client`` must send no credentials."""

    renews = True

    def __init__(self, client: ServiceClient, identity_id: str, id_token: Callable[[], Secret]) -> None:
        self._client = client
        self._identity_id = identity_id
        self._id_token = id_token

    def login(self) -> Secret:
        token = self._id_token()
        return _logged_in(self._client, lambda auth: auth.oidc_auth.login(self._identity_id, token))


def _logged_in(client: ServiceClient, login: Callable[[Any], object]) -> Secret:
    got: list[Secret] = []
    try:
        login(login_of(client, lambda token: got.append(Secret(token))))
    except NotFound as error:
        raise AccessDenied(
            error.what,
            where=error.where,
            next_step="Check INFISICAL_CLIENT_ID or INFISICAL_IDENTITY_ID, and [infisical] url.",
            status=error.status,
        ) from None
    return got[0]


class InfisicalSession:
    """The token that requests carry; had when it is first needed, and once more where it is refused."""

    def __init__(self, identity: Identity) -> None:
        self._identity = identity
        self._lock = threading.Lock()
        self._token: Secret | None = None

    def headers(self) -> Mapping[str, str | Secret]:
        """For the ``ServiceClient`` of the vault."""
        return {"authorization": Secret(f"Bearer {self.token().reveal()}")}

    def token(self) -> Secret:
        with self._lock:
            if self._token is None:
                self._token = self._identity.login()
            return self._token

    def renew(self, refused: Secret) -> bool:
        """Drop a token that was refused; whether another try can succeed. One of many threads logs in."""
        with self._lock:
            if self._token is refused:
                self._token = None
            return self._identity.renews
