"""Looking at a release until it is decided, and writing the results back."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import timedelta

from releaseguard.clocks import REAL, Clocks
from releaseguard.errors import ExitCode, ReleaseguardError, ServiceError, UsageError
from releaseguard.model import Verdict
from releaseguard.verification.context import VerifyContext, VerifyRequest
from releaseguard.verification.rows.accepted import Accepting, accepting_rows
from releaseguard.verification.rows.reader import LogReader
from releaseguard.verification.run import Verifier
from releaseguard.verification.values import Judged, end_of
from releaseguard.verification.write_back import written_back

LOOK_EVERY = 10.0
"""Seconds between the looks of a watch; each look reads only what changed since the last one."""
PATIENCE = 600.0
"""Seconds after the window's end for which a log that does not answer is waited for, where nobody said how long."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Watching:
    """Whether to look more than once, and whom to tell of it."""

    tell: Callable[[str], None]
    warn: Callable[[str], None]
    again: bool = False
    """Look again until decided."""
    within: timedelta | None = None
    """How long; ``None``: until the window ends."""
    accepting: Accepting | None = None
    """What is accepted for the deployment, before the first look."""
    clocks: Clocks = REAL


def verify(context: VerifyContext, request: VerifyRequest, watching: Watching) -> Judged:
    """Judge a release, and log the results where it is the present that was judged.

    Raises ``UsageError`` where a past moment is asked for of a log that does not know when rows were recorded, and
    what :meth:`Verifier.look` raises.
    """
    if request.as_of is not None and not context.log.capabilities.has("recorded_at"):
        raise UsageError(
            "--as-of needs the column recorded_at, and the event table has none",
            where="[events.columns] recorded_at",
            next_step="Add the column, as releaseguard events migrate --additions prints it, or judge without --as-of.",
        )
    if watching.accepting:
        deployment = LogReader(context, request).deployment(context.now())
        context.log.append(accepting_rows(watching.accepting, deployment, context.now()))
    judged = _watch(context, request, watching) if watching.again else Verifier(request, context).look()
    if request.as_of is None:
        _write_back(context, judged, watching.warn)
    return judged


def _watch(context: VerifyContext, request: VerifyRequest, watching: Watching) -> Judged:
    """Look until decided, or until time is up, saying what is missing whenever that changes."""
    watch = _Watch(context, request, watching)
    while (judged := watch.look()) is None:
        watch.wait()
    return judged


class _Watch:
    """One deployment, looked at again and again: that of the first look, whatever is deployed meanwhile. A log that
    stops answering is waited for."""

    def __init__(self, context: VerifyContext, request: VerifyRequest, watching: Watching) -> None:
        self._context, self._request, self._watching = context, request, watching
        self._verifier = Verifier(request, context, again=True)
        self._deadline = None if watching.within is None else self._clock() + watching.within.total_seconds()
        self._window_ends: float | None = None
        """By this machine's clock; ``None`` before the first look."""
        self._said = ""

    def look(self) -> Judged | None:
        """The verdict, once it is decided or time is up. Raises ``ServiceError`` where the log does not answer the
        first look, or not until the end."""
        try:
            judged = self._verifier.look()
            is_over = judged.final or self._left <= 0
            if is_over and not self._verifier.is_sure:
                judged = Verifier(self._request, self._context).look()
        except ServiceError as error:
            self._look_later(error)
            return None
        self._keep_to(judged)
        if judged.final or is_over:
            return judged
        self._tell(_missing(judged) or "waiting for the window's end")
        return None

    def wait(self) -> None:
        """Until the next look."""
        self._watching.clocks.sleep(min(LOOK_EVERY, max(self._left, 0)))

    def _look_later(self, error: ServiceError) -> None:
        """What was read up to the error may be half of a look: the next one reads anew."""
        if self._window_ends is None:
            raise error
        if self._clock() >= (self._window_ends + PATIENCE if self._deadline is None else self._deadline):
            raise error
        self._tell(f"This look was not possible, and the next is in ten seconds: {error}")
        self._verifier = Verifier(self._request, self._context, again=True)

    def _keep_to(self, judged: Judged) -> None:
        self._request = replace(self._request, watched=judged.deployment)
        left = end_of(judged.deployment, judged.promise) - judged.as_of
        self._window_ends = self._clock() + left.total_seconds()

    def _tell(self, what: str) -> None:
        if what != self._said:
            self._watching.tell(what)
        self._said = what

    @property
    def _left(self) -> float:
        return LOOK_EVERY if self._deadline is None else self._deadline - self._clock()

    def _clock(self) -> float:
        return self._watching.clocks.elapsed()


def _missing(judged: Judged) -> str:
    undecided = [one for one in judged.findings if one.verdict in {Verdict.INCONCLUSIVE, Verdict.ERROR}]
    return "\n".join(f"waiting for {finding.id}: {finding.reason}" for finding in undecided)


def _write_back(context: VerifyContext, judged: Judged, warn: Callable[[str], None]) -> None:
    """Log the results. A log that takes no rows does not undo the verdict: that is said beside it."""
    try:
        context.log.append(written_back(judged))
    except ReleaseguardError as error:
        if error.exit_code is ExitCode.REFUSED:
            raise
        warn(f"The verdict stands, but it could not be written to the event log: {error}")
