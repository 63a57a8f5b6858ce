"""All errors, named after whoever has to act on them. Those that an app's writer can raise too are defined in its own
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
"""The name of this distribution, for installing extras."""


class NotInstalled(UsageError):
    """``what`` needs libraries that are not installed: the extra ``extra`` has to be added."""

    def __init__(self, what: str, extra: str) -> None:
        super().__init__(
            f"{what} needs libraries that are not installed",
            next_step=f"pip install '{DISTRIBUTION}[{extra}]'",
        )


class MissingCredential(ConfigError):
    """A service is needed, and the environment holds no credential for it."""


class LeaseHeld(Refused):
    """Another run holds the rotation's lease."""


class Failed(ReleaseguardError):
    """The work was tried and failed; the message says what was left behind."""


class Undecided(ReleaseguardError):
    """The run ended without a decision, for instance while an approval is pending."""

    exit_code = ExitCode.UNDECIDED
