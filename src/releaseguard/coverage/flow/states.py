"""How a call may stand at a place of the function around it.

- ``before``: it was not made yet;
- ``done``: it came back, and nobody looked at what it brought;
- ``good``, ``bad``: its answer was looked at, or it raised;
- ``either``: its answer was looked at, in a way that cannot be read.

An empty set is a place that is never reached.
"""

from __future__ import annotations

from dataclasses import dataclass

State = frozenset[str]
NOWHERE: State = frozenset()
BEFORE: State = frozenset({"before"})
BAD: State = frozenset({"bad"})
DONE: State = frozenset({"done"})
EXPECTED = 3
"""The sign of a condition under which what looks like a failure is an answer that the app expects."""


@dataclass
class Ends:
    """How the statements of a body may be left."""

    normal: State = NOWHERE
    returned: State = NOWHERE
    broken: State = NOWHERE
    continued: State = NOWHERE

    def join(self, other: Ends) -> Ends:
        """Either of two ways."""
        return Ends(
            self.normal | other.normal,
            self.returned | other.returned,
            self.broken | other.broken,
            self.continued | other.continued,
        )


def tried_again(state: State) -> State:
    """``state`` where a failure leads to another try, whose end is not known here."""
    return (state - BAD) | {"either"} if state & BAD else state


def refined(state: State, sign: int | None) -> State:
    """``state`` where a condition is known to mean success (1), failure (below 0), that an answer came (2), either (0)
    or nothing (``None``). :data:`EXPECTED` takes a failure back; where that does not hold, nothing more is known."""
    if sign == EXPECTED:
        return (state & BEFORE) | {"either"} if state - BEFORE else state
    if sign == -EXPECTED:
        return state
    if sign is not None and sign > 1:
        return (state - BAD) or state
    if sign is None:
        return state
    made = state - BEFORE
    if not made:
        return state
    before = state & BEFORE
    if sign < 0:
        return before | BAD
    if made == BAD:  # it failed, whatever else is asked
        return state
    return before | {"good" if sign > 0 else "either" if made - {"good"} else "good"}
