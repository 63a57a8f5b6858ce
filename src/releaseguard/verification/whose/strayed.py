"""Rows of a release that were written under another environment's name. Pure.

A fleet of which half says "prod" where "production" is configured loses no events: those missing here are there.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from releaseguard.eventlog.counts import MinuteCount
from releaseguard.verification.values import judged_from
from releaseguard.verification.whose.members import Members, Owner

USUAL_OVER: Final = timedelta(days=1)
"""The time before a release that shows what another environment usually has."""


@dataclass(frozen=True, slots=True)
class Strayed:
    """What a release wrote elsewhere, beyond what was there before it."""

    environments: Mapping[str, int] = field(default_factory=dict)
    """Environment -> rows, for names that are other spellings of this one's and for those that came with the
    release."""
    providers: Mapping[str, int] = field(default_factory=dict)
    """Provider -> rows."""
    alike: Mapping[str, int] = field(default_factory=dict)
    """Provider -> rows in environments whose names are other spellings only; a new one may be a separate place."""


NOWHERE: Final = Strayed()


def strayed_in(
    environments: Mapping[str, Iterable[MinuteCount]], members: Members, alike: Iterable[str], until: datetime
) -> Strayed:
    """What strayed, by the counted rows of other environments from :data:`USUAL_OVER` before the release on.

    An environment that is not named ``alike`` counts only where nothing was written there before the release: staging,
    which runs the same release, is another place and not another name.
    """
    named, there = set(alike), dict[str, int]()
    found, misspelt = Counter[str](), Counter[str]()
    for name, rows in environments.items():
        usual, now = _divided(rows, members)
        if usual and name not in named:
            continue
        part = max((until - judged_from(members.deployment)) / USUAL_OVER, 0.0)
        more = Counter({provider: round(count - part * usual[provider]) for provider, count in now.items()})
        found += more
        misspelt += more if name in named else Counter()
        there[name] = now.total()
    return Strayed({name: count for name, count in there.items() if count}, dict(found), dict(misspelt))


def _divided(rows: Iterable[MinuteCount], members: Members) -> tuple[Counter[str], Counter[str]]:
    """The traffic by provider before the release was live, and what may be the release's since."""
    before, since = Counter[str](), Counter[str]()
    live = judged_from(members.deployment).replace(second=0, microsecond=0)
    for row in rows:
        if row.synthetic:
            continue
        if row.occurred_minute < live:
            before[row.provider] += row.count
        elif members.of_tag(row.release) is not Owner.ANOTHER:
            since[row.provider] += row.count
    return before, since
