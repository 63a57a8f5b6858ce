"""Which rows say that a key was refused, and which only that one use was not allowed. Pure.

Providers answer 403 where a key lacks a permission, but also where the key is good and only this use is not allowed:
the sender's address is not verified, a country is not enabled, a row belongs to another user. The code does not tell
the two apart. What tells them apart is whether the second kind also occurred with the value before; then such an answer
neither proves a key nor speaks against it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from itertools import count

from releaseguard import readable
from releaseguard.cards.refused import is_refusal
from releaseguard.model import Event, Outcome
from releaseguard.rotation.history.views import store_time
from releaseguard.rotation.proof.rows import action_of, carried_by
from releaseguard.rotation.proof.values import Question
from releaseguard.stats.bounds import lower_share, upper_share

SURE = 0.99
"""The confidence required that more is denied than with the value before, for denials to count as refusals."""
CONFIDENT = 0.95
"""The confidence required that it is not much more, for a proof."""
LEAST_RISE = 0.1
_FAILED = re.compile(r"(?<!\d)[45]\d\d(?!\d)")
"""An HTTP status that no success has."""


@dataclass(slots=True)
class Denials:
    """The uses by one source that were not allowed, and those that succeeded; each user action counts once."""

    denied: set[object] = field(default_factory=set)
    succeeded: set[object] = field(default_factory=set)

    @property
    def share(self) -> float:
        """The fraction of finished uses that were not allowed; 0 without any."""
        return len(self.denied) / self.uses if self.uses else 0.0

    @property
    def uses(self) -> int:
        return len(self.denied) + len(self.succeeded)


def successes_needed(now: Denials, before: Denials) -> int:
    """The number of successes, beside the current denials, from which it is 95% sure that the share of denials has not
    risen by more than itself or by more than a tenth, whichever allows more; a key that lacks a permission is denied
    more often than that. 0 where the earlier share is too high to tell."""
    allowed, denied = before.share + max(before.share, LEAST_RISE), len(now.denied)
    if allowed >= 1:
        return 0
    return next(n for n in count() if upper_share(denied, denied + n, CONFIDENT) <= allowed)


DenialsBySource = Mapping[str | None, Denials]


def refuses(question: Question, event: Event) -> bool:
    """Whether the error code says that the credential was refused, whatever the outcome says: an app that does not
    check the answer of ``fetch`` logs a 401 as a success. A denial does not count where its source is denied no more
    often than with the value before."""
    if not is_refusal(event.error_code, question.auth_error_codes):
        return False
    return not (event.source in question.denied_as_before and denies(question, event))


def denies(question: Question, event: Event) -> bool:
    """Whether the code says that something was not allowed, which may happen to a good credential as well."""
    certain = question.auth_error_codes - question.denied_codes
    return is_refusal(event.error_code, question.denied_codes) and not is_refusal(event.error_code, certain)


def has_failed(event: Event) -> bool:
    """Whether it failed, by its outcome or, where the app did not check the answer, by its code."""
    return event.outcome is not Outcome.SUCCESS or _FAILED.search(event.error_code or "") is not None


def succeeds(question: Question, event: Event) -> bool:
    """Whether the event shows that the provider accepted the credential."""
    return question.shows_success(event) and not has_failed(event)


def denials_of(question: Question, events: Iterable[Event]) -> DenialsBySource:
    """The denials and successes of each source in ``events``."""
    found: dict[str | None, Denials] = {}
    for event in events:
        one = found.setdefault(event.source, Denials())
        if denies(question, event):
            one.denied.add(action_of(event))
        elif succeeds(question, event):
            one.succeeded.add(action_of(event))
    return found


def denied_as_before(question: Question, events: Iterable[Event], before: DenialsBySource) -> DenialsBySource:
    """Per source, the denials since the new value is in service, where they are no more than with the value before."""
    now = denials_of(question, (event for event in events if _is_of_the_new(question, event)))
    none = Denials()
    return {
        source: one
        for source, one in now.items()
        if one.denied and before.get(source, none).denied and _is_no_more(one, before[source])
    }


def _is_no_more(now: Denials, before: Denials) -> bool:
    return lower_share(len(now.denied), now.uses, SURE) <= before.share


def _is_of_the_new(question: Question, event: Event) -> bool:
    """Whether it came after the new value was in service at its source, and does not name the value before."""
    mine = [one.serving for one in question.runtimes if one.runs(event.source)]
    since = min(mine or [one.serving for one in question.runtimes])
    carried = carried_by(event)
    return store_time(event) > since and not (carried is not None and question.labels.is_before(carried))


def sentence(source: str | None, now: Denials, before: Denials) -> str:
    """Why these denials do not mean that the key is refused."""
    return (
        f"{source or 'An unnamed source'} gets 'not allowed' in {len(now.denied)} of "
        f"{readable.count(now.uses, 'use')}, no more than in the day before ({len(before.denied)} of {before.uses}): "
        "that says nothing about the key."
    )
