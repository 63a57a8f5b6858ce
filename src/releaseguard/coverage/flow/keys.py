"""What the name under which a function is given says of when it runs: ``onError``, ``onSettled``."""

from __future__ import annotations

import re

from releaseguard.coverage.flow.states import NOWHERE, State
from releaseguard.coverage.languages.syntax import Choice, Function, If, Name
from releaseguard.coverage.languages.within import expressions_of, inside, statements_of

BAD_WORDS = re.compile(
    r"(?i:error|fail|exception|rejected|denied|invalid|timeout|timed_?out)|(?:^|_)(?i:err)(?![a-z])|[a-z0-9]Err(?![a-z])|^[Ee]rr"
)
"""In the name of what holds a failure."""
_GOOD_KEYS = re.compile(r"success|complete|fulfilled|finish|load|ready|render|idle|then|done", re.IGNORECASE)
BAD_KEYS = re.compile(r"(?i:error|fail|reject|catch)|(?:^|_)err(?![a-z])|[a-z]Err(?![a-z])")
LATE_KEYS = re.compile(r"settled|finally", re.IGNORECASE)


def begins_as(key: str | None, good: State, bad: State, component: bool) -> State:
    """How the call stands where the function given under ``key`` begins: ``good``, ``bad``, either or never."""
    if key is None:
        return good
    if LATE_KEYS.search(key):
        return good | bad
    if BAD_KEYS.search(key):
        return bad
    return good if not component or _GOOD_KEYS.search(key) else NOWHERE


def names_an_end(key: str) -> bool:
    """Whether a function under this key runs once the call has ended, one way or the other."""
    return bool(key.startswith("on") and (_GOOD_KEYS.search(key) or BAD_KEYS.search(key) or LATE_KEYS.search(key)))


def hears_failures(function: Function) -> bool:
    """Whether a function is given an error and nothing else, and does not ask whether there is one."""
    if len(function.params) != 1 or not BAD_WORDS.search("".join(names := function.params[0].names)):
        return False
    asked = [one.test for one in statements_of(function.body) if isinstance(one, If)]
    asked += [one.parts[0] for each in expressions_of(function.body) for one in inside(each) if isinstance(one, Choice)]
    return not any(isinstance(part, Name) and part.id in names for test in asked for part in inside(test))
