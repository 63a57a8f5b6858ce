"""Projects and repositories, each question asked once; its failure is repeated for every later one."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from releaseguard.ci.interface import WorkflowHistory, WorkflowRun
from releaseguard.errors import ReleaseguardError
from releaseguard.functions.interface import EdgeFunction, FunctionLogs
from releaseguard.incident.sources.problems import ServiceLabel
from releaseguard.incident.sources.secrets import unless_refused

MOST_RUNS = 10
"""The most runs of a workflow that are requested."""


@dataclass(slots=True)
class _Once:
    """Remembers answers and failures, so that a dead service is waited for once."""

    _held: dict[str, Any] = field(default_factory=dict)

    def ask(self, key: str, call: Callable[[], Any]) -> Any:
        if key not in self._held:
            try:
                self._held[key] = call()
            except ReleaseguardError as error:
                self._held[key] = unless_refused(error)
        answer = self._held[key]
        if isinstance(answer, ReleaseguardError):
            raise answer
        return answer


@dataclass(slots=True)
class Project:
    """A place where functions run; ``open`` may raise ``ConfigError`` where the credential is missing."""

    place: str
    open: Callable[[], FunctionLogs]
    service: ServiceLabel
    _once: _Once = field(default_factory=_Once)

    def logs(self) -> FunctionLogs:
        logs: FunctionLogs = self._once.ask("logs", self.open)
        return logs

    def functions(self) -> Sequence[EdgeFunction]:
        found: Sequence[EdgeFunction] = self._once.ask("functions", lambda: self.logs().functions())
        return found


@dataclass(slots=True)
class Repository:
    """A place where workflows run; ``open`` may raise ``ConfigError`` where the credential is missing."""

    place: str
    open: Callable[[], WorkflowHistory]
    service: ServiceLabel
    _once: _Once = field(default_factory=_Once)

    def newest(self, workflow: str) -> Sequence[WorkflowRun] | None:
        """The workflow's newest runs, newest first; ``None`` where there is no such workflow."""
        found: Sequence[WorkflowRun] | None = self._once.ask(workflow, lambda: self.open().newest(workflow, MOST_RUNS))
        return found
