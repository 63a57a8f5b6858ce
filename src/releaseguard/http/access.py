"""A credential and its successor: work goes on where a service stops taking the one that is being replaced."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence

from releaseguard.http.replies import Reply, parse_json
from releaseguard.secret import Secret


class Access:
    """One credential until the service refuses it, then its ``successor``, for all threads.

    ``changed`` is called once, when that happens.
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
        """Whether there is another credential than those that were ``sent`` and refused; from now on it is in use."""
        with self._lock:
            if self._successor is None or any(self._successor.same_as(Secret(one)) for one in sent):
                return False
            if self._token is not self._successor:
                self._token = self._successor
                self._changed()
            return True


def refuses_credential(reply: Reply) -> bool:
    """Whether the credential itself is refused, whatever was asked: 401, or a 403 that says ``invalidToken``."""
    if reply.status != 403:
        return reply.status == 401
    found, _ = parse_json(reply.body)
    error = found.get("error") if isinstance(found, dict) else None
    return isinstance(error, dict) and error.get("invalidToken") is True
