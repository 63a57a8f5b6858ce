"""The vocabulary of the CI room: the runs of one workflow of one repository, and where a release is spoken of."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


@dataclass(frozen=True, slots=True)
class WorkflowRun:
    """One run of a workflow."""

    place: str
    """The repository's address."""
    workflow: str
    id: int
    number: int
    status: str
    """The service's word: ``queued``, ``in_progress``, ``completed`` ..."""
    conclusion: str | None
    """How it ended, in the service's word (``success``, ``failure``, ``cancelled`` ...); ``None``: it has not."""
    started_at: datetime
    changed_at: datetime
    """When it ended, or when it was last heard of."""
    branch: str
    commit: str
    url: str

    @property
    def went_wrong(self) -> bool:
        """Whether it ended in a way that leaves the work undone or half done."""
        return self.conclusion in {"failure", "timed_out", "startup_failure", "action_required"}


class BoardState(StrEnum):
    """What is said of a deployment. ``SUCCESS`` is for what passed, and for nothing else."""

    SUCCESS = "success"
    FAILURE = "failure"
    PENDING = "pending"
    ERROR = "error"


class ReleaseBoard(ABC):
    """Where the people of one repository see what became of a release. Every method may raise ``ServiceError`` or one
    of its kinds."""

    place: str

    @abstractmethod
    def mark(self, deployment: str, state: BoardState, description: str, run_url: str | None) -> None:
        """Say of a deployment how it is."""

    @abstractmethod
    def requests_of(self, commit: str) -> Sequence[int]:
        """The numbers of the pull requests that brought the commit."""

    @abstractmethod
    def comment(self, request: int, marker: str, text: str) -> None:
        """Say something of a pull request; what was said under the same ``marker`` before is replaced."""


class WorkflowHistory(ABC):
    """The workflows of one repository. Every method may raise ``ServiceError`` or one of its kinds."""

    place: str

    @abstractmethod
    def newest(self, workflow: str, limit: int) -> Sequence[WorkflowRun] | None:
        """Its newest ``limit`` runs, newest first; ``None`` where the repository has no such workflow.

        ``workflow`` is its file's name, with or without the ending, or the name it gives itself.
        """

    def files(self) -> Mapping[str, str]:
        """Its workflows as they stand on the branch that runs them, by path within the repository."""
        return {}
