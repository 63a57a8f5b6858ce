"""The test user's sign-in at the app."""

from __future__ import annotations

import base64
import binascii
import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from releaseguard.errors import AccessDenied, Refused, ServiceError
from releaseguard.http import ServiceClient
from releaseguard.secret import Secret

REFUSED_FOR = 300.0
"""Seconds for which a refused sign-in is not repeated, so that a watch does not lock the test user out."""
RENEW_BEFORE = 60.0
"""Seconds before a token expires at which the test user signs in again."""


@dataclass(frozen=True, slots=True)
class SyntheticUser:
    """The test user, and the public key of the project where it signs in."""

    email: Secret
    password: Secret
    public_key: Secret


class UserSession:
    """The test user's sign-in. ``account`` is read at the first sign-in; ``clock`` counts seconds.

    :meth:`headers` provides the headers of the app's ``ServiceClient``.
    """

    def __init__(self, account: Callable[[], SyntheticUser], clock: Callable[[], float] = time.monotonic) -> None:
        self._ask = account
        self._clock = clock
        self._account: SyntheticUser | None = None
        self._token: Secret | None = None
        self._until = 0.0
        self._refusal: tuple[float, AccessDenied] | None = None
        """Until when the newest refusal holds, and the refusal."""
        self.user_id = ""

    @property
    def account(self) -> SyntheticUser:
        if self._account is None:
            self._account = self._ask()
        return self._account

    def headers(self) -> Mapping[str, str | Secret]:
        """The public key, and the token once there is one."""
        headers: dict[str, str | Secret] = {"apikey": self.account.public_key}
        if self._token is not None:
            headers["authorization"] = self._token
        return headers

    def sign_in(self, client: ServiceClient) -> None:
        """Make sure that a test user is signed in; nothing else is sent before that.

        Raises ``Refused`` where the account is not marked as a test user's, ``AccessDenied`` where the app refuses it.
        """
        if self._token is not None and self._clock() < self._until:
            return
        self._token = None
        if self._refusal is not None and self._clock() < self._refusal[0]:
            raise self._refusal[1].with_traceback(None)
        answer = self._ask_for_token(client)
        token = answer.get("access_token")
        claims = claims_of(token) if isinstance(token, str) else {}
        metadata = claims.get("app_metadata")
        if not isinstance(metadata, Mapping) or metadata.get("synthetic") is not True:
            raise Refused(
                "the account that signed in is not marked as a test user's: its token has no app_metadata.synthetic",
                where=client.host,
                next_step="Set app_metadata = {synthetic: true} for that user with the service role (users cannot set "
                "it themselves), or name another in SYNTHETIC_USER_EMAIL. Nothing else was sent.",
            )
        self.user_id = str(claims.get("sub", ""))
        self._until = self._clock() + _seconds(answer.get("expires_in")) - RENEW_BEFORE
        self._token = Secret(f"Bearer {token}")

    def _ask_for_token(self, client: ServiceClient) -> Mapping[str, Any]:
        try:
            reply = client.request(
                "POST",
                "/auth/v1/token",
                params={"grant_type": "password"},
                json={"email": self.account.email, "password": self.account.password},
                repeatable=True,  # a second sign-in changes nothing
            )
        except ServiceError as error:
            if error.status in (400, 401, 403, 422):
                refusal = AccessDenied(
                    f"the app does not let the test user in: it answered {error.status}",
                    where=client.host,
                    next_step="Check SYNTHETIC_USER_EMAIL, SYNTHETIC_USER_PASSWORD and the public key in the vault.",
                    status=error.status,
                )
                self._refusal = self._clock() + REFUSED_FOR, refusal
                raise refusal from None
            raise
        answer = reply.json()
        return answer if isinstance(answer, Mapping) else {}


def claims_of(token: str) -> Mapping[str, Any]:
    """The claims of a JSON Web Token (RFC 7519); empty where it is not one.

    The signature is not checked, since the claims grant nothing: the token came from the app's own sign-in over
    verified TLS, and the claims only say whether we may continue. The app checks the token at every request.
    """
    parts = token.split(".")
    if len(parts) != 3:
        return {}
    try:
        payload = base64.urlsafe_b64decode(parts[1] + "=" * (-len(parts[1]) % 4))
        claims = json.loads(payload)
    except (binascii.Error, ValueError, RecursionError):
        return {}
    return claims if isinstance(claims, Mapping) else {}


def _seconds(value: Any) -> float:
    return float(value) if isinstance(value, int | float) else 0.0
