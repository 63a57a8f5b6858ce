"""What could not be looked at, as messages in any language. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from releaseguard.errors import (
    AccessDenied,
    ConfigError,
    NotFound,
    RateLimited,
    ReleaseguardError,
    Unreachable,
)
from releaseguard.incident.values import ControlResult, Status
from releaseguard.messages.message import Message, message


@dataclass(frozen=True, slots=True)
class ServiceLabel:
    """A service on which releaseguard depends, as messages name it."""

    name: str
    variable: str
    """The variable of its credential."""


APP_DATABASE = ServiceLabel("[app] database", "APP_DATABASE_URL")


def problem(error: ReleaseguardError, service: ServiceLabel) -> Message:
    """What went wrong. ``what`` is the error's own text, which is English."""
    return message(
        f"problem.{_kind(error)}",
        service=service.name,
        variable=service.variable,
        what=error.what,
        where=error.where or "",
    )


def remedy(error: ReleaseguardError, service: ServiceLabel) -> Message:
    """What to do about it: in English, the error's own next step where it has one."""
    facts = {"service": service.name, "variable": service.variable}
    return Message(f"remedy.{_kind(error)}", facts, in_english=error.next_step or "")


def not_done(error: ReleaseguardError, service: ServiceLabel) -> ControlResult:
    """The result of a control that could not be carried out."""
    return ControlResult(status=Status.NOT_DONE, says=[problem(error, service)], next_step=remedy(error, service))


def broke(error: Exception, trace: str | None) -> ControlResult:
    """The result of a control in which releaseguard itself failed."""
    says = [message("problem.broken", problem=type(error).__name__)]
    return ControlResult(status=Status.NOT_DONE, says=says, next_step=message("remedy.broken", trace=trace or "-"))


def not_configured(what: str, setting: str) -> ControlResult:
    """The result of a control whose configuration is incomplete."""
    return ControlResult(
        status=Status.NOT_DONE,
        says=[message(f"not_configured.{what}")],
        next_step=message("remedy.configure", setting=setting),
    )


def no_database(variable: str) -> ControlResult:
    """The result of a control that asks the app's database, whose address is in no variable."""
    step = message("remedy.credential", variable=variable)
    return ControlResult(
        status=Status.NOT_DONE, says=[message("problem.credential", variable=variable)], next_step=step
    )


def invariant_off(check: str) -> ControlResult:
    """The result of a control for an invariant that the project has not enabled."""
    step = message("remedy.invariant", setting=f'[app.invariants] "{check}" = "SELECT ..."')
    return ControlResult(status=Status.NOT_DONE, says=[message("invariant.off")], next_step=step)


def _kind(error: ReleaseguardError) -> str:
    if isinstance(error, ConfigError):
        return "credential" if error.where == "environment" else "setting"
    kinds = ((AccessDenied, "denied"), (NotFound, "absent"), (RateLimited, "limited"), (Unreachable, "dead"))
    return next((kind for type_, kind in kinds if isinstance(error, type_)), "other")
