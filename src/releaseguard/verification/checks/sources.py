"""Rows that a source writes which is new with the release: a monitor that uses a provider in place of users whose calls
no longer come would carry a PASS. Pure."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from releaseguard.model import Event, Verdict
from releaseguard.verification.values import Finding

USUAL_FROM: Final = 0.1
"""The part of such rows of before from which on a source is a usual one."""
MOST_NEW: Final = 0.5
"""The part of the release's rows beyond which others than the usual sources carry them: what is left of the usual ones
may then be half of what they wrote, which is a loss."""


@dataclass(frozen=True, slots=True)
class Newcomers:
    """The sources that write a provider's rows with the release, where the usual ones do not."""

    rows: int
    of: int
    """The newest rows of the release that were looked at."""
    new: Sequence[str]
    usual: Sequence[str]

    @property
    def words(self) -> str:
        """What was seen and what to do, for people."""
        new, usual = (", ".join(names) for names in (self.new, self.usual))
        return (
            f"{self.rows} of its newest {self.of} events are by {new}, where {usual} wrote them before: a monitor's "
            "events are to be marked synthetic, and where a source was renamed, accept it"
        )


def newcomers_in(now: Sequence[Event], before: Sequence[Sequence[Event]]) -> Newcomers | None:
    """Who writes the rows of one provider ``now``, where others wrote them in each of the samples of ``before``;
    ``None`` where the usual sources do, or nothing tells which are usual: a row without a source may be anybody's."""
    usual = {name for sample in before for name in _usual_in(sample)}
    new = Counter(row.source or "" for row in now if name_of(row.source) not in {*usual, _UNNAMED})
    if not usual or _UNNAMED in usual or new.total() <= MOST_NEW * len(now):
        return None
    shown = [_shown(name) for name, _ in new.most_common(3)]
    return Newcomers(new.total(), len(now), shown, sorted(map(_shown, usual)))


def _usual_in(sample: Sequence[Event]) -> Sequence[str]:
    counted = Counter(name_of(row.source) for row in sample)
    return [name for name, rows in counted.items() if rows >= USUAL_FROM * len(sample)]


def name_of(source: str | None) -> str:
    """A source without what changes with each deployment: the ids of containers and hosts."""
    words = re.split(r"[^0-9a-z]+", (source or "").casefold())
    return " ".join(word for word in words if word and not _OF_AN_INSTANCE.fullmatch(word))


_UNNAMED: Final = ""
_OF_AN_INSTANCE: Final = re.compile(r"[a-z]*\d[0-9a-z]*|[^aeiouy]{4,}")
"""A word with a digit, or without a vowel, as Kubernetes makes them for each pod."""


def _shown(name: str) -> str:
    return name[:40]


def not_carried(findings: Sequence[Finding], found: Mapping[str, Newcomers]) -> Sequence[Finding]:
    """The findings, without a PASS of errors or volume that rests on sources which are new with the release."""
    return [_not_carried(one, found.get(one.provider)) for one in findings]


def rests_on_counts(finding: Finding) -> bool:
    """Whether it is a PASS of errors or volume."""
    return finding.kind in ("signal", "volume") and finding.verdict is Verdict.PASS


def _not_carried(finding: Finding, found: Newcomers | None) -> Finding:
    if found is None or not rests_on_counts(finding):
        return finding
    reason = f"{finding.reason}; but {found.words}"
    return replace(finding, verdict=Verdict.INCONCLUSIVE, reason=reason, undecided="block")
