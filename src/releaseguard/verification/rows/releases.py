"""Which release is judged, by the ``release_deployed`` events of an environment. Pure."""

from __future__ import annotations

import shlex
from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import accumulate

from releaseguard.errors import UsageError
from releaseguard.model import OURSELVES, Event
from releaseguard.tomlfile import did_you_mean
from releaseguard.verification.values import Deployment
from releaseguard.verification.whose.as_read import ANY_ZONE
from releaseguard.verification.whose.foretold import Foretold, foretold_in
from releaseguard.verification.whose.tags import Tags

DEPLOYED = "release_deployed"
PLAIN = Tags()
"""The tags where no pattern is configured."""


@dataclass(frozen=True, slots=True)
class _Mark:
    """One event that marks a release as deployed, with what later marks of the same deployment add."""

    release: str
    environment: str
    at: datetime
    says_at: datetime | None
    """The time it states, where that is impossible because it was recorded long before."""
    learned: datetime
    """When the log learned of it."""
    component: str | None
    deployment_id: str | None
    again: bool
    said: Foretold

    @property
    def in_force(self) -> datetime:
        """From when it ends another release's window: what is written later changes nothing that was seen before."""
        return max(self.at, self.learned)

    def sorted_by(self) -> tuple[datetime, datetime, str]:
        return self.at, self.learned, self.release

    def ends(self, other: _Mark) -> bool:
        """Whether it ends the window of an earlier mark: one of its component, or, where it is of the whole app,
        any."""
        return self.at > other.at and self.component in (None, other.component)


def deployments_of(events: Iterable[Event], window: timedelta, tags: Tags = PLAIN) -> Sequence[Deployment]:
    """Every deployment in order of time, each with when another one ended its window.

    A release that is marked again within its ``window``, with no other release in between and no other deployment id,
    is the same deployment: a job that was run again. It keeps the time of the mark that the log learned of first. That
    does not apply where the mark says that it is a new deployment. What a later mark announces, such as a removed
    provider, is added. A mark of one component says nothing about another.
    """
    made: list[_Mark] = []
    alike = _Alike(tags)
    for mark in sorted((_mark(event) for event in events if _is_mark(event)), key=lambda one: (one.learned, one.at)):
        before = alike.to(mark.release)
        same = next((i for i in before if _is_same(made[i], mark, made, window, tags)), None)
        if same is None:
            alike.add(mark.release)
            made.append(mark)
        else:
            made[same] = _with(made[same], mark)
    course = _Course(sorted(made, key=_Mark.sorted_by), tags)
    return [_deployment(mark, course, window) for mark in course.every.marks]


class _Alike:
    """Where names stand that may be of one release. A platform that marks each start of a process makes thousands, and
    comparing every two of them took minutes."""

    __slots__ = ("_many", "_places", "_tags")

    def __init__(self, tags: Tags, names: Iterable[str] = ()) -> None:
        self._tags, self._many = tags, 0
        self._places: dict[str, list[int]] = defaultdict(list)
        for name in names:
            self.add(name)

    def add(self, name: str) -> None:
        for told in self._tags.told_by(name):
            self._places[told].append(self._many)
        self._many += 1

    def to(self, name: str) -> Sequence[int]:
        """The places of all that may be of its release, in order."""
        return sorted({place for told in self._tags.told_by(name) for place in self._places.get(told, ())})


class _MarksInOrder:
    """Marks in order of time."""

    __slots__ = ("_alike", "_in_force", "_tags", "_times", "marks")

    def __init__(self, marks: Sequence[_Mark], tags: Tags) -> None:
        self.marks, self._tags = marks, tags
        self._times = [one.at for one in marks]
        self._in_force = list(accumulate((one.in_force for one in reversed(marks)), min))[::-1]
        self._alike = _Alike(tags, (one.release for one in marks))

    def in_force_after(self, at: datetime) -> datetime | None:
        """When the first of the later ones was in force."""
        later = bisect_right(self._times, at)
        return self._in_force[later] if later < len(self._in_force) else None

    def others_before(self, mark: _Mark) -> Iterator[int]:
        """The places of the earlier ones of other releases, the last first."""
        places = range(bisect_left(self._times, mark.at) - 1, -1, -1)
        return (i for i in places if not self._tags.same(self.marks[i].release, mark.release))

    def has_before(self, place: int, release: str) -> bool:
        """Whether one of the release stands before a place."""
        return any(i < place and self._tags.same(self.marks[i].release, release) for i in self._alike.to(release))


class _Course:
    """All marks in order of time, and those of each component."""

    __slots__ = ("_lines", "_none", "every")

    def __init__(self, marks: Sequence[_Mark], tags: Tags) -> None:
        by_component: dict[str | None, list[_Mark]] = defaultdict(list)
        for mark in marks:
            by_component[mark.component].append(mark)
        self.every = _MarksInOrder(marks, tags)
        self._lines: Mapping[str | None, _MarksInOrder] = {
            name: _MarksInOrder(mine, tags) for name, mine in by_component.items()
        }
        self._none = _MarksInOrder([], tags)

    def of(self, component: str | None) -> _MarksInOrder:
        """Those that name the component; with ``None`` those that name none."""
        return self._lines.get(component, self._none)

    def ended_by(self, mark: _Mark) -> _MarksInOrder:
        """Those whose windows it may end."""
        return self.every if mark.component is None else self.of(mark.component)

    def followed_at(self, mark: _Mark) -> datetime | None:
        """When the first that ends its window was in force."""
        after = (self.of(name).in_force_after(mark.at) for name in {None, mark.component})
        return min((at for at in after if at is not None), default=None)


def _with(first: _Mark, mark: _Mark) -> _Mark:
    return replace(first, deployment_id=first.deployment_id or mark.deployment_id, said=first.said.with_(mark.said))


def _is_mark(event: Event) -> bool:
    return event.provider == OURSELVES and event.event == DEPLOYED and _release_of(event) is not None


AHEAD = timedelta(minutes=10)
"""How far a mark may be ahead of the log's clock and still be taken at its stated time, since a pipeline's clock may be
fast."""


def _mark(event: Event) -> _Mark:
    learned = event.recorded_at or event.occurred_at
    is_ahead = AHEAD < event.occurred_at - learned <= ANY_ZONE  # farther is not a local time: it is of another day
    return _Mark(
        release=_release_of(event) or "",
        environment=event.environment,
        at=learned if is_ahead else event.occurred_at,
        says_at=event.occurred_at if is_ahead else None,
        learned=learned,
        component=_text(event, "component"),
        deployment_id=_text(event, "deployment_id"),
        again=event.detail.get("again") is True,
        said=foretold_in(event.detail),
    )


def _text(event: Event, key: str) -> str | None:
    named = event.detail.get(key)
    return str(named) if named else None


def _is_same(first: _Mark, mark: _Mark, made: Sequence[_Mark], window: timedelta, tags: Tags) -> bool:
    if mark.again or mark.component != first.component or not tags.same(mark.release, first.release):
        return False
    if not first.at <= mark.at < first.at + window:
        return False
    if first.deployment_id and mark.deployment_id and first.deployment_id != mark.deployment_id:
        return False
    return not any(one.in_force <= mark.in_force for one in made if one is not first and one.ends(first))


def _deployment(mark: _Mark, course: _Course, window: timedelta) -> Deployment:
    back_since = _back_since(mark, course.of(mark.component))
    return Deployment(
        release=mark.release,
        environment=mark.environment,
        deployed_at=mark.at,
        says_at=mark.says_at,
        marked_at=mark.learned,
        followed_at=course.followed_at(mark),
        component=mark.component,
        deployment_id=mark.deployment_id,
        removes=mark.said.removes,
        expect_traffic=mark.said.expect_traffic,
        rolls_back=mark.said.rolls_back or back_since is not None,
        back_since=back_since,
        cut_short=_cut_short(mark, course.ended_by(mark), window),
    )


def _cut_short(mark: _Mark, line: _MarksInOrder, window: timedelta) -> datetime | None:
    """When the last release was deployed whose window it ended before its time."""
    last = next(line.others_before(mark), None)
    at = None if last is None else line.marks[last].at
    return at if at is not None and mark.at < at + window else None


def _back_since(mark: _Mark, line: _MarksInOrder) -> datetime | None:
    """When another release was deployed last, where this one had been deployed before it: a roll-back, announced or
    not; ``None`` otherwise."""
    last = next(line.others_before(mark), None)
    return line.marks[last].at if last is not None and line.has_before(last, mark.release) else None


def _release_of(event: Event) -> str | None:
    named = event.release or event.detail.get("release")
    return str(named) if named else None


def pick(
    deployments: Sequence[Deployment],
    *,
    environment: str,
    release: str | None = None,
    deployed_at: datetime | None = None,
    component: str | None = None,
    tags: Tags = PLAIN,
) -> Deployment:
    """The newest deployment, the newest of ``release``, or one that the caller vouches for with ``deployed_at``.

    Where ``component`` is given, it must be of that component or of the whole app. Raises ``UsageError`` where the log
    has no such deployment.
    """
    if component is not None:
        mine = [one for one in deployments if one.component in (None, component)]
        deployments = [replace(one, component=component) for one in mine]
    if deployed_at is not None:
        return _vouched_for(deployments, environment, release, deployed_at, component, tags)
    found = [one for one in deployments if release is None or tags.same(release, one.release)]
    if found:
        return found[-1]
    step = _marking(release, environment, component)
    where = environment if component is None else f"{component} to {environment}"
    if release is None:
        raise UsageError(f"no deployment of {where} is in the event log", next_step=step)
    known = [one.release for one in deployments[-20:]]
    hint = f"{did_you_mean(release, known)} " if known else ""
    where = environment if component is None else f"{environment} as {component}"
    raise UsageError(f"the event log holds no deployment of {release} to {where}", next_step=hint + step)


def _marking(release: str | None, environment: str, component: str | None) -> str:
    """The command that marks the deployment, for a run where the release was built."""
    named = '"$(git rev-parse HEAD)"' if release is None else shlex.quote(release)
    place = ["--environment", environment, *(["--component", component] if component else [])]
    command = f"releaseguard events deployed --release {named} {shlex.join(place)}"
    return f"Mark it: {command}, or give --release and --deployed-at."


def refuse_unmarked(deployments: Sequence[Deployment], environment: str, component: str) -> None:
    """Raise ``UsageError`` where components are marked, but ``component`` never was. Where no configuration names it, a
    typing error would otherwise be answered with an older deployment of the whole app."""
    marked = {one.component for one in deployments if one.component is not None}
    if marked and component not in marked:
        step = f"{did_you_mean(component, sorted(marked))} {_marking(None, environment, component)}"
        where = f"{component} to {environment}"
        raise UsageError(f"no deployment of {where} is in the event log", next_step=step)


def again_in(deployments: Sequence[Deployment], watched: Deployment) -> Deployment | None:
    """The deployment that was watched before, with what is known about it now; ``None`` where it has no mark."""
    about = watched.release, watched.deployed_at
    mine = (one for one in deployments if one.component in (None, watched.component))
    found = next((one for one in mine if (one.release, one.deployed_at) == about), None)
    return found and replace(found, component=watched.component)


def _vouched_for(
    deployments: Sequence[Deployment],
    environment: str,
    release: str | None,
    deployed_at: datetime,
    component: str | None,
    tags: Tags,
) -> Deployment:
    at_that_time = [one for one in deployments if deployed_at in (one.deployed_at, one.says_at)]
    named = [one for one in at_that_time if release is None or tags.same(release, one.release)]
    if named:
        return named[-1]
    if release is None:
        raise UsageError("--deployed-at names a moment at which nothing was deployed", next_step="Give --release too.")
    later = (one for one in deployments if one.deployed_at > deployed_at and not tags.same(release, one.release))
    after = [max(one.deployed_at, one.marked_at or one.deployed_at) for one in later]
    return Deployment(
        release=release,
        environment=environment,
        deployed_at=deployed_at,
        followed_at=min(after, default=None),
        component=component,
    )
