"""The ways in which a stand-in can fail on demand."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any


class FaultKind(StrEnum):
    ANSWER = "answer"
    RESET = "reset"
    HALF_ANSWER = "half answer"
    SILENCE = "silence"
    DELAY = "delay"


@dataclass(frozen=True, slots=True)
class InjectedFault:
    """One failure. With ``takes_effect`` the request is carried out all the same and only its answer is lost."""

    kind: FaultKind
    status: int = 0
    body: Any = None
    headers: Mapping[str, str] = field(default_factory=dict)
    seconds: float = 0.0
    takes_effect: bool = False


def answer(
    status: int, body: Any = None, headers: Mapping[str, str] | None = None, *, takes_effect: bool = False
) -> InjectedFault:
    """Another answer than the service's own; ``bytes`` as the body go out as they are."""
    return InjectedFault(FaultKind.ANSWER, status, body, headers or {}, takes_effect=takes_effect)


def reset(*, takes_effect: bool = False) -> InjectedFault:
    """The connection is reset instead of answered."""
    return InjectedFault(FaultKind.RESET, takes_effect=takes_effect)


def half_answer(*, takes_effect: bool = True) -> InjectedFault:
    """The answer breaks off in the middle of its body."""
    return InjectedFault(FaultKind.HALF_ANSWER, takes_effect=takes_effect)


def silence(*, takes_effect: bool = False) -> InjectedFault:
    """No answer until the stand-in's ``release``, which closes the connection."""
    return InjectedFault(FaultKind.SILENCE, takes_effect=takes_effect)


def delay(seconds: float) -> InjectedFault:
    """The service's own answer, late."""
    return InjectedFault(FaultKind.DELAY, seconds=seconds, takes_effect=True)


def github_secondary_limit(retry_after: int) -> InjectedFault:
    """GitHub's secondary limit: 403 with ``retry-after``, while the primary limit has room."""
    body = {
        "message": "You have exceeded a secondary rate limit. Please wait a few minutes before you try again.",
        "documentation_url": "https://docs.github.com/rest/overview/rate-limits-for-the-rest-api",
    }
    headers = {"retry-after": str(retry_after), "x-ratelimit-remaining": "4000"}
    return answer(403, body, headers)


def github_primary_limit(reset_at: float) -> InjectedFault:
    """GitHub's primary limit: 403 without ``retry-after``; ``x-ratelimit-reset`` is in epoch seconds."""
    headers = {"x-ratelimit-remaining": "0", "x-ratelimit-reset": str(int(reset_at))}
    return answer(403, {"message": "API rate limit exceeded for user ID 1."}, headers)


def vercel_limit(retry_after: int, reset_at: float) -> InjectedFault:
    """Vercel's 429: ``error.limit`` holds what is left and when it is reset (epoch seconds)."""
    limit = {"total": 120, "remaining": 0, "reset": int(reset_at)}
    body = {"error": {"code": "rate_limited", "message": "The rate limit of 120 exceeded", "limit": limit}}
    return answer(429, body, {"retry-after": str(retry_after)})


def infisical_limit(retry_after: int) -> InjectedFault:
    """Infisical's 429."""
    body = {
        "statusCode": 429,
        "message": f"Rate limit exceeded. Please try again in {retry_after} seconds",
        "error": "RateLimitExceeded",
    }
    headers = {
        "x-ratelimit-limit": "60",
        "x-ratelimit-remaining": "0",
        "x-ratelimit-reset": str(retry_after),
        "retry-after": str(retry_after),
    }
    return answer(429, body, headers)
