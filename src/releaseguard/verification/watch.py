"""Looking at a release until it is decided, and writing the results back."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

from releaseguard.clocks import REAL, Clocks
from releaseguard.errors import ExitCode, ReleaseguardError, UsageError
from releaseguard.model import Verdict
from releaseguard.verification.context import VerifyContext, VerifyRequest
from releaseguard.verification.rows.accepted import Accepting, accepting_rows
from releaseguard.verification.rows.reader import LogReader
from releaseguard.verification.run import Verifier
from releaseguard.verification.values import Judged
from releaseguard.verification.write_back import written_back

LOOK_EVERY = 10.0
"""Seconds between the looks of a watch; each look reads only what changed since the last one."""


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
    verifier, clock = Verifier(request, context, again=True), watching.clocks.elapsed
    deadline = None if watching.within is None else clock() + watching.within.total_seconds()
    said = None
    while True:
        judged = verifier.look()
        left = LOOK_EVERY if deadline is None else deadline - clock()
        is_last = judged.final or left <= 0
        if is_last and not verifier.is_sure:
            judged = Verifier(request, context).look()
        if judged.final or left <= 0:
            return judged
        missing = _missing(judged)
        if missing != said:
            watching.tell(missing or "waiting for the window's end")
        said = missing
        watching.clocks.sleep(min(LOOK_EVERY, left))


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
