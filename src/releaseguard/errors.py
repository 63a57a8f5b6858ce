"""Everything that can go wrong, named by who has to act. What an app's writer can meet too is defined in its
distribution."""

from __future__ import annotations

from typing import Final

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
    "DISTRIBUTION",
    "AccessDenied",
    "ConfigError",
    "ExitCode",
    "Failed",
    "LeaseHeld",
    "MissingCredential",
    "NotFound",
    "NotInstalled",
    "RateLimited",
    "Refused",
    "ReleaseguardError",
    "SafeModeRefusal",
    "ServiceError",
    "Undecided",
    "Unreachable",
    "UsageError",
]


DISTRIBUTION: Final = "releaseguard-ops"
"""Under which name this package is installed."""


class NotInstalled(UsageError):
    """``what`` needs libraries that a small installation leaves out: whoever installs has to add ``extra``."""

    def __init__(self, what: str, extra: str) -> None:
        super().__init__(
            f"{what} needs libraries that are not installed",
            next_step=f"pip install '{DISTRIBUTION}[{extra}]'",
        )


class MissingCredential(ConfigError):
    """A service was needed, and the environment holds no credential for it."""


class LeaseHeld(Refused):
    """Another run holds the rotation's lease."""


class Failed(ReleaseguardError):
    """The work was tried and did not succeed, and what was left behind has been said."""


class Undecided(ReleaseguardError):
    """The run ended without a decision, for instance while an approval is pending."""

    exit_code = ExitCode.UNDECIDED
