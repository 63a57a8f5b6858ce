"""How long a complete proof is observed further: one of several processes may still run on the old value, which only a
use of it shows.

This takes a few seconds at most, since in a leak every minute counts and the revocation asks again. It takes no time
where the new value has been in service that long already, or has been used so often without a contradiction that such a
process would have shown itself.
"""

from __future__ import annotations

import math
from contextlib import suppress

from releaseguard import readable
from releaseguard.errors import ServiceError
from releaseguard.rotation.proof.judge import HIDDEN_SHARE
from releaseguard.rotation.proof.values import Proof, Question
from releaseguard.rotation.session import RotationSession
from releaseguard.rotation.values import Direction

SHARE = 0.1
"""The fraction of the time for the proof."""
LONGEST = 5.0
"""Seconds. Where this is too short to tell, the certificate has to find a process on the old value."""
PROCESSES = 10
"""The number of processes among which one on the old value should be noticed."""
ENOUGH = math.ceil(math.log(HIDDEN_SHARE) / math.log1p(-1 / PROCESSES))
"""The number of consecutive successes in which such a process would stay unnoticed with that probability."""


class Settling:
    """The observation of one proof, at most ``within`` seconds long."""

    def __init__(self, session: RotationSession, direction: Direction, within: float) -> None:
        self._session = session
        holds = direction is Direction.FORWARD and not session.group.client
        self._ends = session.context.clocks.elapsed() + (min(within * SHARE, LONGEST) if holds else 0.0)
        self._is_known = False

    def left(self, proof: Proof, question: Question) -> float:
        """The seconds for which ``proof`` still has to be observed; 0 where it stands."""
        left = self._ends - self._session.context.clocks.elapsed()
        if left <= 0 or all(one.successes >= ENOUGH for one in proof.runtimes):
            return 0.0
        if not self._is_known:
            self._is_known = True
            self._ends -= self._served(question)
            return self.left(proof, question)
        return left

    def _served(self, question: Question) -> float:
        """The seconds for which the new value has been in service everywhere; 0 where that is unknown."""
        with suppress(ServiceError):
            served = self._session.context.log.now() - max(one.serving for one in question.runtimes)
            return max(served.total_seconds(), 0.0)
        return 0.0


def settling_words(proof: Proof) -> str:
    """``6 of 6 proofs; looking on for a process that still runs on the old value``."""
    needed = sum(one.needed for one in proof.runtimes)
    there = f"{needed} of {readable.count(needed, 'proof')}"
    return f"{there}; looking on for a process that still runs on the old value"
