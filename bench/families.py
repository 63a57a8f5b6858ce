"""Kinds of releases as they come outside a simulator, good and bad, each with what is right to say of it.

A family changes a :class:`~worlds.World` and says what is true: whether the release is harmful, which verdicts are
right, and what its report has to say or must not. ``python bench/situations.py`` judges them.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from worlds import DAY, EVENTS, HISTORY, NOTHING, WINDOW, Harm, Mark, Row, Truth, World

PASSES = frozenset({"pass", "warn", "inconclusive"})
"""Of a good release: anything but FAIL; what it costs to be undecided is counted beside it."""


@dataclass(frozen=True)
class Family:
    """One kind of release."""

    name: str
    bad: bool
    draw: Callable[[World], None]
    right: frozenset[str]
    """The verdicts as of the hour's end that are right."""
    says: re.Pattern[str] | None = None
    """What the report must say, where the verdict alone is not enough."""
    never: re.Pattern[str] | None = None
    """What it must not say."""
    names_harm: bool = False
    """A WARN that names the harm to others is no exit 0 on a bad release."""


FAMILIES: list[Family] = []


def family(
    *, bad: bool, right: str = "", says: str = "", never: str = "", names_harm: bool = False
) -> Callable[[Callable[[World], None]], Callable[[World], None]]:
    """Enter the function as a family of its name; ``right`` is a list of verdicts divided by blanks."""

    def enter(draw: Callable[[World], None]) -> Callable[[World], None]:
        verdicts = frozenset(right.split()) or (frozenset({"fail"}) if bad else PASSES)
        FAMILIES.append(Family(draw.__name__, bad, draw, verdicts, _pattern(says), _pattern(never), names_harm))
        return draw

    return enter


def _pattern(text: str) -> re.Pattern[str] | None:
    return re.compile(text, re.IGNORECASE) if text else None


def _early(world: World) -> None:
    """The release serves for some time before its mark, as where a workflow marks after it has deployed."""
    world.live = -world.rng.uniform(2, 25)


@family(bad=True)
def late_mark(world: World) -> None:
    _early(world)
    world.failing(world.rng.uniform(0.5, 1.0))


@family(bad=False)
def late_mark_fine(world: World) -> None:
    _early(world)


@family(bad=True)
def gate_run_again(world: World) -> None:
    world.failing(world.rng.uniform(0.5, 1.0))
    world.marks.append(Mark(world.sha, 35))


@family(bad=False)
def gate_run_again_fine(world: World) -> None:
    world.marks.append(Mark(world.sha, world.rng.uniform(5, 50)))


def _incident(world: World) -> float:
    """Trouble that began before the release, at a level which it returns."""
    level, began = world.rng.uniform(0.05, 0.15), -world.rng.uniform(20, 120)
    world.failing(level, began, fresh=None)
    return level


@family(bad=True)
def incident_then_worse(world: World) -> None:
    _incident(world)
    world.failing(world.rng.uniform(0.6, 1.0))


@family(bad=False)
def incident_goes_on(world: World) -> None:
    _incident(world)


def _first_use(world: World) -> None:
    """The victim is used by this release and by none before it."""
    world.rewritten = True
    world.harm(lambda _: Harm(volume=0.0), fresh=False)
    world.changes.append(lambda row: iter([row] if row.provider != world.victim or row.fresh else []))


@family(bad=True)
def provider_first_used_failing(world: World) -> None:
    _first_use(world)
    world.failing(world.rng.choice([1.0, 1.0, world.rng.uniform(0.4, 0.9)]))


@family(bad=False)
def provider_first_used_fine(world: World) -> None:
    _first_use(world)


@family(bad=True)
def canary_loses_mails(world: World) -> None:
    world.share = world.rng.uniform(0.2, 0.5)
    lost = world.rng.uniform(0.6, 1.0)
    world.harm(lambda offset: Harm(volume=1 - lost if offset >= world.live else 1.0))


@family(bad=True)
def canary_fails(world: World) -> None:
    world.share = world.rng.uniform(0.1, 0.5)
    world.failing(world.rng.uniform(0.15, 1.0))


@family(bad=False)
def canary_fine(world: World) -> None:
    world.share = world.rng.uniform(0.1, 0.5)


@family(bad=True, right="fail warn", says="other release|old release|migration|before it", names_harm=True)
def migration_harms_the_old(world: World) -> None:
    world.share = world.rng.uniform(0.2, 0.4)
    world.failing(world.rng.uniform(0.2, 0.6), fresh=False)


@family(bad=False)
def provider_breaks_for_both(world: World) -> None:
    world.share = world.rng.uniform(0.3, 0.7)
    world.failing(world.rng.uniform(0.3, 0.9), world.rng.uniform(4, 20), fresh=None)


def _renaming(world: World, ok: bool, name: str) -> Callable[[Row], Iterator[Row]]:
    def rename(row: Row) -> Iterator[Row]:
        hit = row.fresh and row.provider == world.victim and row.ok is ok
        yield row._replace(event=name) if hit else row

    return rename


@family(bad=True)
def errors_of_an_unknown_event(world: World) -> None:
    world.failing(world.rng.uniform(0.2, 0.7))
    world.changes.append(_renaming(world, False, f"{world.victim}_request_failed"))


@family(bad=False, says="{victim}_done")
def success_event_renamed(world: World) -> None:
    world.changes.append(_renaming(world, True, f"{world.victim}_done"))


def _doubling(world: World) -> None:
    def double(row: Row) -> Iterator[Row]:
        yield row
        if row.fresh and row.provider == world.victim:
            later = world.rng.uniform(0.2, 3)
            yield row._replace(at=row.at + later, recorded=row.recorded + later)

    world.changes.append(double)


@family(bad=False)
def two_mails_for_one_action(world: World) -> None:
    _doubling(world)


@family(bad=True)
def two_mails_and_failing(world: World) -> None:
    _doubling(world)
    world.failing(world.rng.uniform(0.3, 0.9))


def _campaign(world: World) -> None:
    factor, began, ends = world.rng.uniform(3, 6), -world.rng.uniform(60, 280), world.rng.uniform(2, 10)

    def level(offset: int, _name: str, _fresh: bool) -> Harm:
        return Harm(volume=factor if began <= offset < ends else 1.0)

    world.effects.append(level)


@family(bad=False)
def campaign_ends_after_the_mark(world: World) -> None:
    _campaign(world)


@family(bad=True)
def campaign_ends_and_fails(world: World) -> None:
    _campaign(world)
    world.failing(world.rng.uniform(0.3, 0.9), world.rng.uniform(2, 10))


def _batch(world: World, after: tuple[int, int, int], hour: int, offset: float) -> None:
    """A batch of the victim at a local hour of every day; the mark lies ``offset`` minutes after that of its day."""
    world.timezone = "Europe/Berlin"
    zone = ZoneInfo(world.timezone)
    due = datetime(*after, hour, 0, tzinfo=zone).astimezone(UTC)
    world.mark = int(due.timestamp() // 60) + round(offset)
    world.providers = [name for name in world.providers if name != world.victim]
    size = max(world.rate, 30)
    for day in range(max(HISTORY[world.rate], 14) + 1):
        local = datetime.fromtimestamp(due.timestamp() - day * DAY * 60, zone).replace(hour=hour, minute=0)
        _write_batch(world, local.timestamp() + world.rng.uniform(0, 120), size)


def _write_batch(world: World, begins: float, size: int) -> None:
    rng, ok = world.rng, world.usual[world.victim]
    for _ in range(rng.randint(round(0.9 * size), round(1.1 * size))):
        at = begins + rng.uniform(0, 600)
        fresh = at >= world.at(world.live)
        row = world.row(world.victim, at, fresh, rng.random() >= ok)
        if row.at < world.at(WINDOW):
            world.more.append(row)


CLOCKS_CHANGED = ((2026, 4, 1), (2025, 10, 29))
"""Three days after Europe's clocks went forward, and back."""


@family(bad=False, never="log is down|pipeline is down")
def batch_after_the_clocks_changed(world: World) -> None:
    day = world.rng.choice(CLOCKS_CHANGED)
    _batch(world, day, world.rng.randint(5, 9), world.rng.uniform(-110, 50))


@family(bad=True)
def batch_fails(world: World) -> None:
    _batch(world, world.rng.choice(CLOCKS_CHANGED), world.rng.randint(5, 9), -world.rng.uniform(5, 30))
    share = world.rng.uniform(0.3, 1.0)
    for row in world.more:
        if row.fresh:
            usual = world.usual[world.victim]
            _expect(world, int(row.recorded // 60) - world.mark, usual, usual * (1 - share) + share)
    world.more = [_failed(world, row) if row.fresh and world.rng.random() < share else row for row in world.more]


def _failed(world: World, row: Row) -> Row:
    return row._replace(event=EVENTS[world.victim][1], ok=False, code="500")


@family(bad=False, never="log is down|pipeline is down|users are away")
def batch_not_yet_due(world: World) -> None:
    _batch(world, (2026, 6, 10), world.rng.randint(5, 9), -world.rng.uniform(70, 300))
    if world.rng.random() < 0.5:
        world.providers = []


def _job(world: World, now: float) -> None:
    """A daily job of the victim beside its steady traffic, a few minutes after the mark, of whose calls a part fails
    every day, and ``now`` with the release."""
    begins, share, size = world.rng.uniform(5, 25), world.rng.uniform(0.2, 0.7), max(world.rate // 2, 5)
    for day in range(HISTORY[world.rate] + 1):
        for _ in range(world.rng.randint(round(0.8 * size), round(1.2 * size))):
            at = world.at(begins - day * DAY) + world.rng.uniform(0, 480)
            fails = world.rng.random() < (share if day else max(share, now))
            world.more.append(world.row(world.victim, at, not day, not fails))
            if not day:
                _expect(world, int(world.more[-1].recorded // 60) - world.mark, share, max(share, now))


def _expect(world: World, offset: int, usual: float, now: float) -> None:
    """One row more in a minute, of which so much fails usually, and now."""
    one = (1 - now, now, 1 - usual, usual)
    world.truth[offset] = Truth(*(a + b for a, b in zip(world.truth.get(offset, NOTHING), one, strict=True)))


@family(bad=False)
def job_that_fails_in_part(world: World) -> None:
    _job(world, 0.0)


@family(bad=True)
def job_that_fails_wholly(world: World) -> None:
    _job(world, 1.0)


@family(bad=True)
def job_that_fails_in_part_and_failing(world: World) -> None:
    _job(world, 0.0)
    world.failing(world.rng.uniform(0.5, 1.0))


def _rolled_back(world: World, worked: bool, release: str) -> None:
    """A release harms for a while; another then takes its place, and it works or does not."""
    broken = f"{world.rng.getrandbits(160):040x}"
    began = -world.rng.uniform(20, 60)
    world.failing(world.rng.uniform(0.4, 1.0), began, fresh=False if worked else None)

    def tagged(row: Row) -> Iterator[Row]:
        is_broken = not row.fresh and row.release and world.at(began) <= row.at
        yield row._replace(release=broken) if is_broken else row

    world.changes.append(tagged)
    world.tag, world.asked = release, release
    world.marks = [Mark(world.before, -3 * DAY), Mark(broken, began), Mark(release)]


@family(bad=False, never="goes on|go on")
def rollback_that_worked(world: World) -> None:
    _rolled_back(world, True, world.before)


@family(bad=True, right="fail inconclusive")
def rollback_that_did_not_work(world: World) -> None:
    _rolled_back(world, False, world.before)


@family(bad=False, never="goes on|go on")
def hotfix_that_worked(world: World) -> None:
    _rolled_back(world, True, world.sha)


def _named_otherwise(world: World) -> None:
    new, old = world.sha, world.before
    forms: list[Callable[[str], str]] = [
        lambda sha: sha[:7],
        lambda sha: sha[:12],
        lambda sha: f"shop@{sha}",
        lambda sha: f"shop@{sha[:10]}",
    ]
    form = world.rng.choice(forms)
    world.tag, world.old_tag = form(new), form(old)


@family(bad=True)
def other_tags_failing(world: World) -> None:
    _named_otherwise(world)
    world.failing(world.rng.uniform(0.4, 1.0))


@family(bad=False, right="pass warn inconclusive", never="serves nobody|not live")
def other_tags_fine(world: World) -> None:
    _named_otherwise(world)


@family(bad=False, right="inconclusive", says=r"\bprod\b")
def other_environment(world: World) -> None:
    world.new_environment = "prod"
    if world.rng.random() < 0.5:
        world.rewritten = True
        world.changes.append(lambda row: iter([row._replace(environment="prod")]))


@family(bad=False, right="warn", says="latency")
def providers_slower(world: World) -> None:
    factor = world.rng.uniform(5, 20)
    world.harm(lambda offset: Harm(latency=factor if offset >= world.live else 1.0))


@family(bad=False)
def cold_start(world: World) -> None:
    """Calls of the first three minutes are slower, after this deployment as after every one."""

    def cold(offset: int, _name: str, fresh: bool) -> Harm:
        return Harm(latency=4.0 if fresh and offset < world.live + 3 else 1.0)

    world.effects.append(cold)


def _clock_behind(world: World) -> None:
    behind = world.rng.uniform(20, 200) * 60
    world.rewritten = always = world.rng.random() < 0.5

    def behind_the_time(row: Row) -> Iterator[Row]:
        yield row._replace(at=row.at - behind) if always or row.fresh else row

    world.changes.append(behind_the_time)


@family(bad=False, never="log is down|pipeline is down|nothing of any provider")
def clock_behind(world: World) -> None:
    _clock_behind(world)


@family(bad=True)
def clock_behind_failing(world: World) -> None:
    _clock_behind(world)
    world.failing(world.rng.uniform(0.5, 1.0))


def _backfill(world: World) -> None:
    """Rows of past days that the log did not have are written shortly before the mark, or after it."""
    begins = world.rng.uniform(-30, 20)
    hole = world.at(-world.rng.uniform(1, HISTORY[world.rate] - 1) * DAY)
    length = world.rng.uniform(2, 12) * 3600

    def late(row: Row) -> Iterator[Row]:
        if hole <= row.at < hole + length:
            yield row._replace(recorded=world.at(begins) + world.rng.uniform(0, 300))
        else:
            yield row

    world.rewritten = True
    world.changes.append(late)


@family(bad=False, never="log is down|pipeline is down")
def backfill(world: World) -> None:
    _backfill(world)


@family(bad=True)
def backfill_and_failing(world: World) -> None:
    _backfill(world)
    world.failing(world.rng.uniform(0.4, 1.0))


@family(bad=False)
def plain(world: World) -> None:
    """Nothing happens."""


@family(bad=True)
def plain_failing(world: World) -> None:
    world.failing(world.rng.uniform(0.1, 1.0), world.rng.choice([world.live, world.live, 15]))


@family(bad=True)
def plain_silent(world: World) -> None:
    left = world.rng.choice([0.0, 0.0, world.rng.uniform(0.05, 0.4)])
    world.harm(lambda offset: Harm(volume=left if offset >= world.live else 1.0))


def world_of(one: Family, rate: int, number: int) -> World:
    """World ``number`` of a family; the same number is the same world, and of all families the same app."""
    world = World(seed=hash_of(one.name, rate, number), rate=rate, app=hash_of("app", rate, number))
    one.draw(world)
    return world


def hash_of(name: str, rate: int, number: int) -> int:
    """A seed that does not depend on the interpreter's hashing."""
    digest = hashlib.sha256(f"{name} {rate} {number}".encode()).digest()
    return int.from_bytes(digest[:8], "big")
