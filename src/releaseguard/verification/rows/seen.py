"""What was seen since a deployment that no check examines: other tags and environments, a test user's failures. Pure.

Most releases that "serve nobody" serve under another name. What is there is named in one line.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from releaseguard.eventlog.counts import MinuteCount
from releaseguard.model import Outcome, by_phones
from releaseguard.verification.values import Deployment, Seen, judged_from
from releaseguard.verification.whose.members import Members, Owner
from releaseguard.verification.whose.population import Population

MOST_SEEN: Final = 5
LONGEST_SEEN: Final = 80
LEAST_MINUTES_APART: Final = 5
"""The minutes with rows of another release from which their source is not merely late in a roll-out."""


def seen_beside(
    rows: Iterable[MinuteCount], deployment: Deployment, population: Population, environments: Mapping[str, int]
) -> Seen:
    """What the counted rows since the deployment contain besides what checks examine."""
    members, since = Members(deployment, population.tags), judged_from(deployment).replace(second=0, microsecond=0)
    own: Counter[Owner] = Counter()
    tested = 0
    tags: Counter[str] = Counter()
    failures: Counter[str] = Counter()
    sources: Counter[str] = Counter()
    by_writer: dict[tuple[str, Owner], list[MinuteCount]] = defaultdict(list)
    for row in rows:
        if row.occurred_minute < since or population.components.is_elsewhere(row.source, deployment.component):
            continue
        if row.synthetic:
            failures[row.event] += row.count if row.outcome is Outcome.ERROR else 0
            tested += row.count if members.of_tag(row.release) is Owner.OURS else 0
            continue
        owner = members.of_tag(row.release)
        own[owner] += row.count
        by_writer[row.source or "", owner].append(row)
        tags[row.release or ""] += row.count if owner is Owner.ANOTHER else 0
        if deployment.component is not None and population.components.of(row.source) is None:
            sources[row.source or "(none)"] += row.count
    return Seen(
        tagged=own[Owner.OURS],
        tested=tested,
        untagged=own[Owner.UNTAGGED],
        other_tags=most_of(tags),
        environments=most_of(Counter(environments)),
        test_failures=most_of(failures),
        of_no_component=most_of(sources),
        written_apart={} if population.components.by_source else most_of(_apart(by_writer, deployment)),
    )


def _apart(by_writer: Mapping[tuple[str, Owner], Sequence[MinuteCount]], deployment: Deployment) -> Counter[str]:
    """Source -> its rows, for sources that write another release's rows and none of this one's until another mark ended
    its window. A few such minutes belong to a roll-out; phones keep old releases for weeks."""
    apart: Counter[str] = Counter()
    ended, tagged = deployment.followed_at, {source for source, owner in by_writer if owner is Owner.OURS}
    for (source, owner), rows in by_writer.items():
        if ended is None or not tagged or owner is not Owner.ANOTHER or source in tagged or by_phones(source):
            continue
        inside = [row for row in rows if row.occurred_minute < ended]
        if len({row.occurred_minute for row in inside}) >= LEAST_MINUTES_APART:
            apart[source or "(none)"] = sum(row.count for row in inside)
    return apart


def called_alike(environments: Mapping[str, int], name: str) -> Mapping[str, int]:
    """The environments whose names are other spellings of ``name``: in another letter case, with blanks, shortened."""
    return {other: count for other, count in environments.items() if is_called(other, name)}


def is_called(other: str, name: str) -> bool:
    """Whether a name is ``name`` or another spelling of it."""
    one, bare = other.strip().casefold(), name.strip().casefold()
    return bool(one) and (one.startswith(bare) or bare.startswith(one))


def most_of(names: Counter[str]) -> Mapping[str, int]:
    """The most frequent names, each cut, since an app may write anything there."""
    first = sorted(names.items(), key=lambda named: (-named[1], named[0]))[:MOST_SEEN]
    return {name[:LONGEST_SEEN]: count for name, count in first if count > 0}


def remarks_on(seen: Seen, deployment: Deployment) -> Sequence[str]:
    """A line for each thing that no check examines."""
    lines = [*_of_tags(seen, deployment), *_of_environments(seen, deployment)]
    if seen.test_failures:
        lines.append(f"failures of the test user, which count for no share of errors: {_named(seen.test_failures)}")
    if seen.of_no_component:
        lines.append(f"rows of sources that are in no component count for every one: {_named(seen.of_no_component)}")
    if seen.written_apart:
        lines.append(
            f"another mark ended the window, and rows of these sources carry other releases alone: "
            f"{_named(seen.written_apart)}; where they are another part of the app, neither ends the other's window: "
            "name the sources of each in [components], and mark with events deployed --component"
        )
    return lines


def _of_tags(seen: Seen, deployment: Deployment) -> Sequence[str]:
    if seen.tagged or not seen.other_tags:
        return []
    step = "have the app write the deployed release, or say how they read: [verify] release_pattern"
    release, others = deployment.release, _named(seen.other_tags)
    if seen.tested:
        only = f"no row but {seen.tested} of the test user carries {release}"
        return [f"{only}, but other releases were seen: {others}; {step}"]
    return [f"no row carries {release}, but other releases were seen: {others}; {step}"]


def _of_environments(seen: Seen, deployment: Deployment) -> Sequence[str]:
    if not seen.environments:
        return []
    step = f"have the app write {deployment.environment}, or name theirs: [project] environment"
    return [f"rows since the deployment are in other environments: {_named(seen.environments)}; {step}"]


def _named(names: Mapping[str, int]) -> str:
    return ", ".join(f"{name} ({count})" for name, count in names.items())
