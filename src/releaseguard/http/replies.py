"""What an answer means: pure functions from a reply to a time to wait, a fault, or a text that may be quoted."""

from __future__ import annotations

import base64
import json as json_module
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import Enum
from typing import Any, Final, NamedTuple
from urllib.parse import quote

from releaseguard.errors import ServiceError
from releaseguard.secret import without_keys

LONGEST_QUOTE: Final = 200
PIECE: Final = 8
"""A text that contains this many consecutive characters of a secret is not quoted."""


class ClockReading(NamedTuple):
    """A service's clock, read between two readings of this machine's."""

    before: datetime
    """Our time before the request."""
    theirs: datetime
    """The service's time, truncated to whole seconds in a ``Date`` header."""
    after: datetime
    """Our time after the answer."""


@dataclass(frozen=True, slots=True)
class Reply:
    """A whole answer. The names in ``headers`` are lower-case; ``where`` is host and path, for messages."""

    status: int
    headers: Mapping[str, str]
    body: bytes = field(repr=False)
    where: str = ""

    def json(self) -> Any:
        """The parsed body. Raises ``ServiceError``, naming host and path, where it is not JSON."""
        parsed, is_json = parse_json(self.body)
        if not is_json:
            raise ServiceError(
                f"the answer ({self.status}) is not JSON",
                where=self.where or None,
                next_step="Check that the configured address is the service's API and not a web page or a proxy.",
                status=self.status,
            )
        return parsed


def member(document: Any, key: str, where: str | None = None) -> Any:
    """``document[key]``. Raises ``ServiceError`` where an answer lacks this member, or where it is empty."""
    found = document.get(key) if isinstance(document, Mapping) else None
    if found is None:
        raise ServiceError(
            f"the answer has no {key!r}",
            where=where,
            next_step="Check that the configured address is the service's API, in a version that releaseguard knows.",
        )
    return found


class Fault(Enum):
    """A request without a whole answer. The value is the number of times that it is tried in all."""

    NOT_CONNECTED = ("could not be connected to", 3)
    """Connection refused, unknown name or no route: nothing was sent, so any method may be repeated."""
    CONNECT_SILENT = ("did not accept the connection in time", 2)
    BAD_CERTIFICATE = ("shows a certificate that cannot be verified", 1)
    SILENT = ("did not answer in time", 2)
    BROKEN_OFF = ("broke off the connection", 4)

    def __init__(self, words: str, tries: int) -> None:
        self.words = words
        self.tries = tries

    @property
    def was_sent(self) -> bool:
        return self in {Fault.SILENT, Fault.BROKEN_OFF}


def is_limit(reply: Reply) -> bool:
    """Whether the answer is a rate limit: 429, or a 403 that names a limit in a header or its text, as some services
    answer for their secondary limits."""
    if reply.status != 403:
        return reply.status == 429
    # A 403 is a limit only where it says so: for most services it means that a permission is missing.
    if "retry-after" in reply.headers or reply.headers.get("x-ratelimit-remaining") == "0":
        return True
    return "secondary rate limit" in _message(reply).lower()


def stated_wait(reply: Reply, now: datetime) -> float | None:
    """The seconds that the service asks to wait, from a header or ``error.limit.reset``; ``None`` where it does not
    say."""
    # Seconds or a date: https://www.rfc-editor.org/rfc/rfc9110.html#section-10.2.3
    after = reply.headers.get("retry-after")
    if after is not None:
        return _seconds(after) if _seconds(after) is not None else _until_date(after, now)
    if reply.status not in {403, 429}:
        return None
    if reply.headers.get("x-ratelimit-remaining", "0") == "0":
        reset = _seconds(reply.headers.get("x-ratelimit-reset"))
        if reset is not None:
            return _from_now(reset, now)
    reset = _seconds(_reset_in_body(reply))
    return None if reset is None else _from_now(reset, now)


def _reset_in_body(reply: Reply) -> object:
    found, _ = parse_json(reply.body)
    for key in ("error", "limit", "reset"):
        found = found.get(key) if isinstance(found, dict) else None
    return found


def _seconds(text: object) -> float | None:
    try:
        number = float(text)  # type: ignore[arg-type]
    except (TypeError, ValueError):
        return None
    return max(0.0, number) if number < 1e15 else None  # also drops nan


def _until_date(text: str, now: datetime) -> float | None:
    from email.utils import parsedate_to_datetime

    try:
        moment = parsedate_to_datetime(text)
    except ValueError:
        return None
    aware = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return max(0.0, (aware - now).total_seconds())


def _from_now(reset: float, now: datetime) -> float:
    """The seconds from now: some services give seconds since 1970, others seconds from now; the size tells them
    apart."""
    if reset > 1e11:
        reset /= 1000  # milliseconds
    return max(0.0, reset - now.timestamp()) if reset > 1e8 else reset


def parse_json(body: bytes) -> tuple[Any, bool]:
    """The parsed body, and whether it was JSON. The parser's own error is dropped, since it contains the text."""
    try:
        return json_module.loads(body), True
    except (ValueError, RecursionError):
        return None, False


def _message(reply: Reply) -> str:
    """The service's own words: ``message`` or ``error``, at the top or one level down; a list is joined."""
    parsed, _ = parse_json(reply.body)
    if not isinstance(parsed, dict):
        return ""
    inner = parsed.get("error")
    for found in (parsed.get("message"), inner.get("message") if isinstance(inner, dict) else inner):
        if isinstance(found, str):
            return found
        if isinstance(found, list) and all(isinstance(part, str) for part in found):
            return "; ".join(found)
    return ""


def quote_from(reply: Reply, secrets: Sequence[str]) -> str:
    """The service's words for an error text, only where they are short, printable, and free of anything confidential
    that was sent, in any form."""
    message = _message(reply)
    if not message or len(message) > LONGEST_QUOTE or not message.isprintable():
        return ""
    if any(_holds(message, form) for secret in secrets for form in _forms(secret)):
        return " (its message holds a secret and is not shown)"
    return f" ({without_keys(message)})"


def next_step(reply: Reply, credential: str) -> str:
    """What to do about a refusal; ``credential`` names the credential that was sent."""
    if reply.status in {401, 403}:
        needed = next((text for name, text in reply.headers.items() if _PERMISSIONS.fullmatch(name.lower())), "")
        permission = f" The service names the permission: {needed[:100]}." if needed else ""
        return f"Check {credential}.{permission}"
    if reply.status == 404:
        return (
            f"Check the name in the configuration, and that {credential} may see it: "
            "services answer 404 for what a credential must not know of."
        )
    if 300 <= reply.status < 400:
        return "Redirects are not followed: correct the address, or the renamed repository or project."
    return (
        "The service does not accept what it was asked: check that the configured address is its API "
        "and that the names in releaseguard.toml are ones it takes."
    )


_PERMISSIONS = re.compile("x-accepted-[a-z]+-permissions")
"""Headers in which a service names the permissions that a refused credential lacks."""


def _forms(secret: str) -> tuple[str, ...]:
    raw = secret.encode(errors="surrogatepass")
    encoded = (base64.b64encode(raw).decode().rstrip("="), base64.urlsafe_b64encode(raw).decode().rstrip("="))
    return (secret, quote(raw, safe=""), json_module.dumps(secret)[1:-1], raw.hex(), *encoded)


def _holds(text: str, secret: str) -> bool:
    if not secret:
        return False
    size = min(PIECE, len(secret))
    lowered, folded = text.lower(), secret.lower()
    return any(folded[i : i + size] in lowered for i in range(len(folded) - size + 1))
