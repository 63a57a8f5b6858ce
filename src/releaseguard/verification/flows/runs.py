"""Values that describe a flow's run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from releaseguard.model import deterministic_id

NOT_CLEANED = "cleaning up failed; the next run tries again"
UNNAMED = "the app's answer does not say what there is to take back: look in the app"


class Result(StrEnum):
    """How a run ended."""

    ARRIVED = "arrived"
    """The event arrived as a success from the new release."""
    ANSWERED = "answered"
    """The app answered as the card expects, where no code of the app can log it (``proof = "answer"``)."""
    NOT_THIS_APP = "not_this_app"
    """The app does not have this request and the flow has never passed here: the card describes another app."""
    OLD_RELEASE = "old_release"
    """The event came from another release: the old version is still running."""
    UNTAGGED = "untagged"
    """The event names no release, so it proves nothing about the new one."""
    ERROR = "error"
    """The app answered with a failure and logged one."""
    LIED = "lied"
    """The app reported success and logged an error."""
    REFUSED = "refused"
    """A request failed and no error was logged for it."""
    NOT_ARRIVED = "not_arrived"
    """The app reported success and no event followed, while other events arrived."""
    UNMATCHED = "unmatched"
    """Only events without a correlation id followed: the app does not pass on the request's."""
    LOG_SILENT = "log_silent"
    """Nothing at all reached the log meanwhile, so the missing event says nothing."""
    LIMITED = "limited"
    """The app's own rate limit stopped the run."""
    ABANDONED = "abandoned"
    """It was killed, and a run for another release cleaned up after it."""

    @property
    def is_clean(self) -> bool:
        """Whether it speaks for the release."""
        return self in {Result.ARRIVED, Result.ANSWERED}

    @property
    def is_failure(self) -> bool:
        """Whether it speaks against the release."""
        return self in {Result.ERROR, Result.LIED, Result.REFUSED, Result.NOT_ARRIVED}


@dataclass(frozen=True, slots=True)
class StepRun:
    """One request of a run. ``status`` is ``None`` where it was not sent or not answered."""

    name: str
    status: int | None
    ok: bool
    note: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunKey:
    """The identity of a run. ``purpose`` is what it was run for: a release, or a rotation."""

    environment: str
    purpose: str
    provider: str
    flow: str
    number: int

    @property
    def run_id(self) -> str:
        """The run's id, the same in every process that continues it; also its correlation id."""
        return str(deterministic_id("flow", self.environment, self.purpose, self.provider, self.flow, self.number))

    def idempotency_key(self, step: str) -> str:
        """The same each time this step of this run is sent."""
        return str(deterministic_id("flow-step", self.run_id, step))


@dataclass(frozen=True, slots=True, kw_only=True)
class FlowRun:
    """A run that has ended."""

    key: RunKey
    release: str | None
    """The release from which the event had to come; ``None`` where any would do (a rotation's proof)."""
    result: Result
    reason: str
    finished_at: datetime
    steps: Sequence[StepRun] = ()
    event_ids: Sequence[str] = ()
    arrived_after_s: float | None = None
    cleaned: bool = True
    """Whether nothing was left behind."""
    remarks: Sequence[str] = ()
    requests: Sequence[str] = ()
    """Method and path of each step as configured; empty in rows that do not say."""

    @property
    def run_id(self) -> str:
        return self.key.run_id


@dataclass(frozen=True, slots=True)
class Unfinished:
    """A run that is not finished, and what it had learned."""

    key: RunKey
    release: str | None
    started_at: datetime
    extracted: Mapping[str, str]
    result: FlowRun | None
    """Set where the run itself ended and only its clean-up failed."""
