"""The vocabulary of the deployments room."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from releaseguard.errors import ServiceError

AFTER = "releaseguardAfter"
"""In a request's meta: what was there before, for services that do not keep what is asked with a request."""


class Phase(StrEnum):
    RUNNING = "running"
    """Queued, initializing or building."""
    READY = "ready"
    FAILED = "failed"
    """Error, cancelled, blocked."""


@dataclass(frozen=True, slots=True)
class HostingDeployment:
    """One deployment of one project."""

    id: str
    target: str
    """``production``, ``preview``, or a custom environment."""
    phase: Phase
    state: str
    """The service's own word (``BUILDING``), for messages."""
    created_at: datetime
    release: str | None = None
    """The commit or release it runs, where the service knows it."""
    url: str | None = None
    reason: str | None = None
    """Why it failed, in the service's words."""


class Deployer(ABC):
    """Redeploys what a target serves. Every method may raise ``ServiceError`` or one of its kinds."""

    place: str
    """The destination's URI without targets."""

    @abstractmethod
    def current(self, target: str) -> HostingDeployment | None:
        """What ``target`` serves now; ``None`` where nothing has been deployed there."""

    def serving_id(self, target: str) -> str | None:
        """The id of what :meth:`current` gives, for less where that is to be had."""
        current = self.current(target)
        return current.id if current else None

    def seen_before(self) -> Mapping[str, str]:
        """What the next request's ``meta`` is to say besides, so that :meth:`find` knows what came after it."""
        return {}

    def kept(self, before: datetime) -> Sequence[HostingDeployment]:
        """What was deployed before then, does not serve production, and can still be reached: it holds the variables of
        its day for good. The newest first, and not without end."""
        del before
        return ()

    def why_not(self) -> ServiceError | None:
        """What reading shows beforehand: why nothing could be deployed here, before anything is written."""
        return None

    @abstractmethod
    def find(self, target: str, meta: Mapping[str, str]) -> HostingDeployment | None:
        """The newest deployment of ``target`` that was requested with this ``meta``, so that a request whose
        answer was lost is found again instead of being repeated."""

    @abstractmethod
    def redeploy(self, source: HostingDeployment, meta: Mapping[str, str]) -> HostingDeployment:
        """Request a new deployment of the same code. Never repeated blindly: after ``Unreachable`` use ``find``."""

    @abstractmethod
    def get(self, deployment_id: str) -> HostingDeployment:
        """Its state now."""
