"""How often good releases are failed where one assumption of the promise does not hold; see docs/verdicts-measured.md.

python bench/assumptions.py --releases 60   # of each kind and rate; some minutes

Each kind breaks one sentence of "What the promise rests on" and leaves the others as they are. No release does harm.
"""

from __future__ import annotations

import argparse
import math
import multiprocessing
import random
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from releaseguard.stats.bounds import upper_share
from releaseguard.stats.series import Cell, Ledger
from releaseguard.verification.judge.replay import Replay
from releaseguard.verification.values import Deployment, Promise, Rule
from simulator import poisson

DEPLOYED = 29_000_040
WINDOW, DAYS = 60, 3
PROVIDERS = ("mail", "sms", "pay")
RATES = (0.2, 1.0, 10.0)
"""Events a minute of each provider."""
USUAL = 0.01

Share = Callable[[int, bool], float]
"""By minute after the mark, and whether the release under test serves: the share of calls that fail."""


@dataclass(frozen=True)
class Broken:
    """One world of good releases."""

    share: Callable[[random.Random], Share]
    """Drawn once for each provider."""
    served: float = 1.0
    """The part of the traffic that the release has."""


def _as_assumed(_rng: random.Random) -> Share:
    return lambda _minute, _fresh: USUAL


def _drift(rng: random.Random) -> Share:
    """Wanders from hour to hour like a random walk, by a tenth an hour, and is drawn back to the usual within a day."""
    log, hours = 0.0, {}
    for hour in range(-DAYS * 24 - 6, 2):
        log = 0.96 * log + rng.gauss(0.0, 0.1)
        hours[hour] = USUAL * math.exp(log)
    return lambda minute, _fresh: hours[minute // 60]


def _clusters(rng: random.Random) -> Share:
    """Errors come together: of a hundred minutes four have ten times the usual share, and the rest a little less."""
    bad = {minute for minute in range(-DAYS * 1440 - 300, WINDOW) if rng.random() < 0.04}
    return lambda minute, _fresh: 10 * USUAL if minute in bad else 0.6 * USUAL


def _sticky(rng: random.Random) -> Share:
    """The canary's users stay with it, and their calls fail up to twice as often as others', whatever is deployed."""
    times = rng.uniform(1.0, 2.0)
    return lambda _minute, fresh: USUAL * times if fresh else USUAL


def _outages(rng: random.Random) -> Share:
    """Half an hour in which six calls in ten fail, by itself: one a month for each provider."""
    began = {minute for minute in range(-DAYS * 1440 - 300, WINDOW) if rng.random() < 1 / (30 * 1440)}
    return lambda minute, _fresh: 0.6 if any(minute - 30 < one <= minute for one in began) else USUAL


def _an_outage(rng: random.Random) -> Share:
    """The same, where one is sure to begin in the window."""
    began = rng.uniform(0, 30)
    return lambda minute, _fresh: 0.6 if began <= minute < began + 30 else USUAL


BROKEN = {
    "as assumed": Broken(_as_assumed),
    "shares drift": Broken(_drift),
    "errors in clusters": Broken(_clusters),
    "a sticky canary (30%)": Broken(_sticky, 0.3),
    "an outage a month": Broken(_outages),
    "an outage of all in the window": Broken(_an_outage),
    "an outage of all beside an old release (70%)": Broken(_an_outage, 0.3),
}


def rules() -> list[Rule]:
    """The two checks of each provider."""
    made = []
    for name in PROVIDERS:
        ok, error = frozenset({f"{name}_ok"}), frozenset({f"{name}_error"})
        made.append(Rule(id=f"{name}.errors", provider=name, kind="signal", success=ok, error=error))
        made.append(Rule(id=f"{name}.volume", provider=name, kind="volume", success=ok))
    return made


def cells(broken: Broken, rate: float, seed: int) -> Iterator[Cell]:
    """The rows of one release and of the days before it."""
    rng = random.Random(f"{seed} {rate}")
    shares = {name: broken.share(rng) for name in PROVIDERS}
    for minute in range(-DAYS * 1440 - 300, WINDOW):
        part = broken.served if minute >= 0 else 0.0
        for fresh, of_all in ((True, part), (False, 1.0 - part)):
            for name in PROVIDERS if of_all else ():
                yield from _minute(rng, name, minute, rate * of_all, shares[name](minute, fresh), fresh)


def _minute(rng: random.Random, name: str, minute: int, rate: float, share: float, fresh: bool) -> Iterator[Cell]:
    made = poisson(rng, rate)
    bad = sum(rng.random() < share for _ in range(made))
    release = "new" if fresh else "old"
    for ok, count in ((True, made - bad), (False, bad)):
        if count:
            at, event = DEPLOYED + minute, f"{name}_{'ok' if ok else 'error'}"
            yield Cell(at, at, name, event, ok, release, False, False, count, 0)


def judged(job: tuple[str, float, int]) -> tuple[str, float, str]:
    """What is said of one release at the window's end."""
    kind, rate, seed = job
    every = rules()
    ledger = Ledger([one.reading for one in every], [DEPLOYED], WINDOW)
    ledger.add(cells(BROKEN[kind], rate, seed))
    at = datetime.fromtimestamp(DEPLOYED * 60, UTC)
    deployment = Deployment(release="new", environment="production", deployed_at=at)
    replay = Replay(ledger, every, deployment, Promise(window_minutes=WINDOW, baseline_minutes=DAYS * 1440))
    return kind, rate, replay.look(DEPLOYED + WINDOW).verdict.value


def table(said: Sequence[tuple[str, float, str]]) -> str:
    """Of each kind: how many were failed at each rate, and the upper bound of all together."""
    failed = Counter((kind, rate) for kind, rate, verdict in said if verdict == "fail")
    of = Counter((kind, rate) for kind, rate, _ in said)
    lines = ["| good releases, where | " + " | ".join(f"{rate * 60:g}/h" for rate in RATES) + " | upper 95% bound |"]
    lines.append("|---" * (len(RATES) + 2) + "|")
    for kind in BROKEN:
        some = [f"{failed[kind, rate]} of {of[kind, rate]}" for rate in RATES]
        bad, every = sum(failed[kind, rate] for rate in RATES), sum(of[kind, rate] for rate in RATES)
        lines.append(f"| {kind} | " + " | ".join(some) + f" | {upper_share(bad, every, 0.95):.1%} |")
    return "\n".join(lines)


def main() -> None:
    """Parse, run, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--releases", type=int, default=60, help="of each kind and rate")
    parser.add_argument("--first", type=int, default=0, help="the first seed")
    parser.add_argument("--processes", type=int, default=2)
    args = parser.parse_args()
    seeds = range(args.first, args.first + args.releases)
    jobs = [(kind, rate, seed) for kind in BROKEN for rate in RATES for seed in seeds]
    with multiprocessing.Pool(args.processes) as pool:
        print(table(pool.map(judged, jobs, chunksize=4)))


if __name__ == "__main__":
    main()
