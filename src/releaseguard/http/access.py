"""A credential and its successor: work continues when a service stops accepting the one that is being replaced."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

from releaseguard.http.replies import Reply, parse_json
from releaseguard.secret import Secret


def no_other_credential(_sent: Sequence[str]) -> bool:
    """:attr:`Authorization.refused` of a service that has a single credential, or none."""
    return False


class Authorization(NamedTuple):
    """How requests to a service are authorized, and what happens where the service refuses that."""

    headers: Callable[[], Mapping[str, str | Secret]] = dict
    """The headers that carry the credential, asked for before each try."""
    refused: Callable[[Sequence[str]], bool] = no_other_credential
    """Given the credentials that the service refused; returns whether ``headers`` has others now (:class:`Access`)."""
    help: str | None = None
    """What the user should check where the service refuses the credential, for instance the name of a variable."""


class Access:
    """One credential until the service refuses it, then its ``successor``, for all threads.

    ``changed`` is called once, when the successor takes over.
    """

    def __init__(
        self, token: Secret, successor: Secret | None = None, changed: Callable[[], None] = lambda: None
    ) -> None:
        self._token = token
        self._successor = successor
        self._changed = changed
        self._lock = threading.Lock()

    def token(self) -> Secret:
        """The credential in use."""
        return self._token

    def refused(self, sent: Sequence[str]) -> bool:
        """Switch to the successor. Returns whether that is another credential than those that were ``sent`` and
        refused."""
        with self._lock:
            if self._successor is None or any(self._successor.same_as(Secret(one)) for one in sent):
                return False
            if self._token is not self._successor:
                self._token = self._successor
                self._changed()
            return True


def refuses_credential(reply: Reply) -> bool:
    """Whether the service refuses the credential itself and not the request: 401, or a 403 whose body has
    ``error.invalidToken``."""
    if reply.status != 403:
        return reply.status == 401
    found, _ = parse_json(reply.body)
    error = found.get("error") if isinstance(found, dict) else None
    return isinstance(error, dict) and error.get("invalidToken") is True
