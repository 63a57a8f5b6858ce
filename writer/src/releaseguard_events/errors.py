"""Everything that can go wrong, named by who has to act, and the exit code each kind ends with."""

from __future__ import annotations

from enum import IntEnum


class ExitCode(IntEnum):
    """What a command tells the shell. "Found problems" is never the code for "could not look"."""

    OK = 0
    BAD = 1
    USAGE = 2
    UNDECIDED = 3
    REFUSED = 4
    SERVICE = 5
    BUG = 70
    INTERRUPTED = 130


class ReleaseguardError(Exception):
    """An expected failure: what happened, where, and what to do next.

    ``where`` is the file and line, key or host the reader should look at; ``next_step`` is a sentence or a
    command. None of the three may hold a secret's value.
    """

    exit_code = ExitCode.BAD

    def __init__(self, what: str, *, where: str | None = None, next_step: str | None = None) -> None:
        super().__init__(what)
        self.what = what
        self.where = where
        self.next_step = next_step
        self.reported = False
        """Whether the command's own document on stdout tells of it already."""

    def __str__(self) -> str:
        return f"{self.where}: {self.what}" if self.where else self.what


class UsageError(ReleaseguardError):
    """The command was called with words that do not fit: its caller has to act."""

    exit_code = ExitCode.USAGE


class ConfigError(ReleaseguardError):
    """``releaseguard.toml``, a card, or an event table is wrong: whoever keeps the file has to act."""

    exit_code = ExitCode.USAGE


class Refused(ReleaseguardError):
    """releaseguard declines on purpose; nothing was sent or changed."""

    exit_code = ExitCode.REFUSED


class SafeModeRefusal(Refused):
    """SAFE MODE does not allow this host."""


class ServiceError(ReleaseguardError):
    """A service that releaseguard stands on refused or did not answer.

    ``status`` is the HTTP status where there was one.
    """

    exit_code = ExitCode.SERVICE

    def __init__(
        self,
        what: str,
        *,
        where: str | None = None,
        next_step: str | None = None,
        status: int | None = None,
    ) -> None:
        super().__init__(what, where=where, next_step=next_step)
        self.status = status


class Unreachable(ServiceError):
    """No usable answer within the time limit: whether a write took effect is unknown."""


class AccessDenied(ServiceError):
    """The credential is missing, wrong, expired, or lacks a permission."""


class NotFound(ServiceError):
    """The service answered that the thing asked for does not exist."""


class RateLimited(ServiceError):
    """The service's limit leaves no room within the time this run may take."""


class TookTooLong(ServiceError):
    """A statement was ended by its limit."""
