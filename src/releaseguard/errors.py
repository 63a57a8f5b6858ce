"""Everything that can go wrong, named by who has to act. What an app's writer can meet too is defined in its
distribution."""

from __future__ import annotations

from releaseguard_events.errors import (
    AccessDenied,
    ConfigError,
    ExitCode,
    NotFound,
    RateLimited,
    Refused,
    ReleaseguardError,
    SafeModeRefusal,
    ServiceError,
    Unreachable,
    UsageError,
)

__all__ = [
    "AccessDenied",
    "ConfigError",
    "ExitCode",
    "Failed",
    "LeaseHeld",
    "NotFound",
    "RateLimited",
    "Refused",
    "ReleaseguardError",
    "SafeModeRefusal",
    "ServiceError",
    "Undecided",
    "Unreachable",
    "UsageError",
]


class LeaseHeld(Refused):
    """Another run holds the rotation's lease."""


class Failed(ReleaseguardError):
    """The work was tried and did not succeed, and what was left behind has been said."""


class Undecided(ReleaseguardError):
    """The run ended without a decision, for instance while an approval is pending."""

    exit_code = ExitCode.UNDECIDED
