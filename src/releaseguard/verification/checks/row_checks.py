"""Checks of single rows: release tags, personal data, failures that must not block users. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from releaseguard import readable
from releaseguard.cards.spec import Check, NonBlockingCheck, PrivacyCheck, ReleaseTagCheck
from releaseguard.model import Event, Outcome, Verdict, by_phones, duration, to_text
from releaseguard.stats.bounds import clean_trials_needed, lower_share, upper_share
from releaseguard.stats.silence import SilenceCause
from releaseguard.verification.evidence import (
    MOST_IDS,
    Evidence,
    NonBlockingEvidence,
    PrivacyEvidence,
    ReleaseTagEvidence,
)
from releaseguard.verification.judge.traffic import LateRows
from releaseguard.verification.values import LEAST_TAGGED, Deployment, Finding, judged_from
from releaseguard.verification.whose.foretold import REMOVED_WORDS
from releaseguard.verification.whose.members import Members, Owner

SURE = 0.999
"""The confidence with which a share of untagged rows counts against a release."""
CLAIM = 0.95
"""The confidence with which a share is claimed in a PASS."""

Kinds = Callable[[Mapping[str, Any]], Mapping[str, str]]
"""Finds personal data and secrets in a row's detail: key -> kind of data."""
Numbered = Sequence[tuple[Event, int]]
"""Rows, each with the number of rows that it represents."""
First = Callable[[int], Iterable[Event]]
"""The first rows of one kind, of the given number in all."""


def finding(provider: str, check: Check, verdict: Verdict, reason: str, evidence: Evidence) -> Finding:
    """The finding of a check; a check that cannot block can only warn."""
    said = Verdict.WARN if verdict is Verdict.FAIL and not check.blocking else verdict
    kind = str(type(check).__struct_config__.tag)
    return Finding(
        id=check.id,
        provider=provider,
        kind=kind,
        verdict=said,
        blocking=check.blocking,
        undecided=check.undecided,
        reason=reason,
        evidence=evidence,
    )


def tagged_since(check: ReleaseTagCheck, deployment: Deployment) -> datetime:
    """The time from which rows are checked for their tag."""
    return deployment.deployed_at + duration(check.grace)


def release_tag(
    provider: str, check: ReleaseTagCheck, rows: Numbered, members: Members, as_of: datetime, first_untagged: First
) -> Finding:
    """Whether events carry the deployed release; without the tag no event can count for or against it."""
    deployment = members.deployment
    since = tagged_since(check, deployment)
    owners: Counter[Owner] = Counter()
    others: set[str] = set()
    for row, many in rows:
        if row.event in check.events and not by_phones(row.source) and not row.synthetic and row.occurred_at >= since:
            owner = members.of_row(row)
            owners[owner] += many
            others |= {str(row.release)} if owner is Owner.ANOTHER else set()
    tagged, untagged, total = owners[Owner.OURS], owners[Owner.UNTAGGED], owners[Owner.OURS] + owners[Owner.UNTAGGED]
    low, high = lower_share(tagged, total, CLAIM), upper_share(tagged, total, SURE)
    evidence = ReleaseTagEvidence(
        window=_window(since, as_of),
        tagged=tagged,
        untagged=untagged,
        other_releases=owners[Owner.ANOTHER],
        interval=[round(low, 4), round(high, 4)],
        event_ids=ids(first_untagged(untagged)) if untagged else [],
    )
    time = readable.minutes(as_of - since)
    seen = f"observed {tagged} of {total} events of {time} with release {deployment.release}"
    needed = f"needed {check.min_share:.0%}"
    if not total:
        return _nothing_tagged(provider, check, sorted(others), evidence)
    if high < check.min_share:
        reason = (
            f"{seen}; {needed}; therefore most events cannot be tied to the release: set the tag where they are written"
        )
        return finding(provider, check, Verdict.FAIL, reason, evidence)
    if low >= check.min_share:
        return finding(provider, check, Verdict.PASS, f"{seen}; {needed}", evidence)
    trials = clean_trials_needed(1 - check.min_share, CLAIM)
    more = max(trials - total, 1) if trials is not None and not untagged else None
    wait = f"about {more} more tagged events" if more else "more events"
    reason = f"{seen}; {needed} with confidence, which takes {wait}"
    return finding(provider, check, Verdict.INCONCLUSIVE, reason, replace(evidence, needed_events=more))


def _nothing_tagged(
    provider: str, check: ReleaseTagCheck, others: Sequence[str], evidence: ReleaseTagEvidence
) -> Finding:
    if others:
        named = ", ".join(others[:3])
        came = evidence.other_releases
        reason = f"observed {came} events, all from other releases ({named}): the release is not live"
        silent = replace(evidence, silence_cause=SilenceCause.RELEASE_NOT_LIVE)
        return finding(provider, check, Verdict.INCONCLUSIVE, reason, silent)
    reason = "observed no event since the deployment, so nothing can be said about its tag"
    return finding(provider, check, Verdict.INCONCLUSIVE, reason, evidence)


def privacy(
    provider: str, check: PrivacyCheck, rows: Numbered, members: Members, as_of: datetime, kinds: Kinds
) -> Finding:
    """Whether event details are free of personal data. Findings name key and kind and never repeat the data."""
    since = judged_from(members.deployment)
    mine = [(row, many) for row, many in rows if (not check.events or row.event in check.events) and members.has(row)]
    found = _found(mine, kinds)
    keys = sorted({f"{key}: {kind}" for _, _, places in found for key, kind in places.items()})
    seen, bad = sum(many for _, many in mine), sum(many for _, many, _ in found)
    evidence = PrivacyEvidence(
        window=_window(since, as_of),
        rows=seen,
        rows_with_personal_data=bad,
        keys=keys[:10],
        event_ids=ids(row for row, _, _ in found),
    )
    if found:
        where = ", ".join(keys[:3])
        reason = f"observed {bad} of {seen} events with personal data in their detail ({where}); needed none"
        return finding(provider, check, Verdict.FAIL, reason, evidence)
    said = f"observed {seen} events, none with personal data" if mine else "observed no event of the release yet"
    return finding(provider, check, *_held_back(Verdict.PASS, said, mine), evidence)


def are_found_together(rows: Numbered, kinds: Kinds) -> bool:
    """Whether personal data stands in rows that were returned as one, so that their ids are not known."""
    return any(many > 1 and kinds(row.detail) for row, many in rows)


def _found(rows: Numbered, kinds: Kinds) -> Sequence[tuple[Event, int, Mapping[str, str]]]:
    looked = _Looked(kinds)
    told = ((row, many, looked.kinds_in(row)) for row, many in rows)
    return [(row, many, places) for row, many, places in told if places]


@dataclass(frozen=True, slots=True)
class _Looked:
    """What was found in details. Details that hold labels only, as most do, repeat in thousands of rows and are
    examined once."""

    kinds: Kinds
    _known: dict[tuple[tuple[str, Any], ...], Mapping[str, str]] = field(default_factory=dict)

    def kinds_in(self, row: Event) -> Mapping[str, str]:
        # Texts alone: 1 and 1.0 are equal, and written otherwise.
        if not all(type(value) is str for value in row.detail.values()):
            return self.kinds(row.detail)
        labels = tuple(row.detail.items())
        if labels not in self._known:
            self._known[labels] = self.kinds(row.detail)
        return self._known[labels]


def non_blocking(
    provider: str,
    check: NonBlockingCheck,
    rows: Iterable[Event],
    members: Members,
    as_of: datetime,
    complete: datetime,
) -> Finding:
    """Whether each failure is followed by its user action: a failed scan must only mean that no flag is made.

    ``complete`` is the time up to which the log's rows have arrived: a later action is not missing, only not here yet.
    """
    since, patience = judged_from(members.deployment), duration(check.within)
    recent = [row for row in rows if members.has(row)]
    failures = [row for row in recent if row.event in check.error]
    done = [row for row in recent if row.event in check.user_actions and row.outcome is Outcome.SUCCESS]
    by_action = {row.correlation_id for row in done if row.correlation_id}
    due = min(as_of, complete) - patience
    ripe = [row for row in failures if row.correlation_id and row.occurred_at <= due]
    stopped = [row for row in ripe if row.correlation_id not in by_action]
    evidence = NonBlockingEvidence(
        window=_window(since, as_of),
        failures=len(failures),
        judged=len(ripe),
        without_user_action=len(stopped),
        without_correlation_id=sum(not row.correlation_id for row in failures),
        user_actions=len(done),
        event_ids=ids(stopped),
    )
    if stopped:
        reason = (
            f"observed {len(stopped)} of {len(ripe)} failures with no {' or '.join(check.user_actions)} within "
            f"{check.within}; needed none: a failure stopped the user's action"
        )
        return finding(provider, check, Verdict.FAIL, reason, evidence)
    verdict, reason = _not_stopped(check, failures, ripe, done)
    return finding(provider, check, *_held_back(verdict, reason, [(row, 1) for row in (*ripe, *done)]), evidence)


def _not_stopped(
    check: NonBlockingCheck, failures: Sequence[Event], ripe: Sequence[Event], done: Sequence[Event]
) -> tuple[Verdict, str]:
    if ripe:
        return Verdict.PASS, f"observed {len(ripe)} failures, each with its user action"
    if failures:
        untied = all(not row.correlation_id for row in failures)
        why = "none carries a correlation id" if untied else f"their user action has {check.within} to reach the log"
        return Verdict.INCONCLUSIVE, f"observed {len(failures)} failures, but {why}"
    if done:
        return Verdict.PASS, f"observed {len(done)} user actions and no failure that could have stopped one"
    return Verdict.INCONCLUSIVE, "observed neither a failure nor a user action since the deployment"


def _held_back(verdict: Verdict, reason: str, rows: Numbered) -> tuple[Verdict, str]:
    """A PASS requires events of real users, most of which carry the release; others say nothing about it."""
    real = sum(many for row, many in rows if not row.synthetic)
    tagged = sum(many for row, many in rows if not row.synthetic and row.release is not None)
    if verdict is not Verdict.PASS or (real and tagged >= LEAST_TAGGED * real):
        return verdict, reason
    if not rows:
        return Verdict.INCONCLUSIVE, reason
    why = "most of them carry no release" if real else "all of them are the test user's"
    return Verdict.INCONCLUSIVE, f"{reason}; but {why}, so they cannot pass it"


def of_removed(found: Finding, removed: frozenset[str]) -> Finding:
    """The finding; where it is undecided about a provider that the release was declared to remove, that is the
    reason."""
    if found.verdict is not Verdict.INCONCLUSIVE or found.provider not in removed:
        return found
    return replace(found, verdict=Verdict.WARN, reason=f"{found.reason}; {REMOVED_WORDS}")


def unheard(found: Finding, late: LateRows | None) -> Finding:
    """The finding where nothing from any provider reaches the log, or only ``late`` rows: earlier rows then pass
    nothing."""
    if found.verdict is not Verdict.PASS:
        return found
    down = replace(found, evidence=replace(found.evidence, silence_cause=SilenceCause.LOG))
    return _withheld(down, unheard_words(late))


def unheard_words(late: LateRows | None) -> str:
    """What happened to a log that receives nothing, or only ``late`` rows."""
    if late is None:
        return "nothing from any provider reaches the log: its pipeline is down or late"
    return f"{late.words}, so nobody can tell what happened since"


def unknown_log(found: Finding) -> Finding:
    """The finding where it is unknown whether the log works: nothing passes."""
    return _withheld(found, "whether the log works could not be judged")


def _withheld(found: Finding, why: str) -> Finding:
    if found.verdict is not Verdict.PASS:
        return found
    return replace(found, verdict=Verdict.INCONCLUSIVE, reason=f"{found.reason}; but {why}")


def ids(rows: Iterable[Event]) -> Sequence[str]:
    """The ids of up to five rows, oldest first."""
    ordered = sorted(rows, key=lambda row: (row.occurred_at, row.id.int))
    return [str(row.id) for row in ordered[:MOST_IDS]]


def _window(since: datetime, until: datetime) -> Sequence[str]:
    return [to_text(since), to_text(until)]
