"""Whether a project's record holds: what harms planted into its history promise, and what true harms then are found.

python bench/records.py --rate 60 --apps 4          # minutes; --first N for worlds that nobody has seen

Of each app harms are planted into a good release's world, as ``backtest --plant`` does; beside that the same harms are
drawn into fresh worlds of the app from the release's first minute on, and judged as a pipeline judges them.
"""

from __future__ import annotations

import argparse
import tempfile
from collections import defaultdict
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

from families import hash_of
from releaseguard.cards.load import load_cards
from releaseguard.eventlog.interface import Query
from releaseguard.eventlog.stores.sqlite import SqliteEventLog
from releaseguard.verification.backtesting.planting import HARMS, PlantedHarm, Soil, planted
from releaseguard.verification.values import Promise
from releaseguard.verification.whose.population import ALIKE
from shares import share
from situations import RATES, verified
from worlds import HISTORY, WINDOW, Harm, World, write

DAY = 1440


def world_of(rate: int, app: int, number: int, harm: PlantedHarm | None) -> World:
    """A release of an app, with one of the harms that are planted, or none."""
    world = World(seed=hash_of("record", rate, 100 * app + number), rate=rate, app=hash_of("record app", rate, app))
    world.live = 0
    if harm is not None and harm.kind == "errors":
        world.failing(harm.size)
    elif harm is not None:
        left = 1.0 - harm.size
        world.harm(lambda offset: Harm(volume=left if offset >= world.live else 1.0))
    return world


def promised(rate: int, app: int, folder: Path) -> Mapping[PlantedHarm, tuple[int, int]]:
    """By harm: how many that were planted into the app's history of its first provider were found, and of how many."""
    world = world_of(rate, app, 0, None)
    write(world, folder, world.rows())
    with SqliteEventLog(folder / "log.db") as log:
        rows = list(log.minute_counts(Query(environment="production")))
    promise = Promise(window_minutes=WINDOW, baseline_minutes=(HISTORY[rate] - 1) * DAY)
    soil = Soil(rows=rows, cards=tuple(load_cards()), environment="production", promise=promise, population=ALIKE)
    found = planted(soil, [datetime.fromtimestamp(world.at(0), UTC)])
    return {one.harm: (one.found, len(one.tried)) for one in found if one.provider == world.victim}


def observed(rate: int, app: int, number: int, harm: PlantedHarm) -> bool:
    """Whether a true harm is found within the window."""
    world = world_of(rate, app, number, harm)
    with tempfile.TemporaryDirectory() as folder:
        write(world, Path(folder), world.rows())
        return verified(world, Path(folder)).verdict == "fail"


def main() -> None:
    """Parse, run, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rate", type=int, default=60, choices=RATES)
    parser.add_argument("--apps", type=int, default=4)
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--each", type=int, default=3, help="true harms of each kind and app")
    args = parser.parse_args()
    told: defaultdict[PlantedHarm, list[tuple[int, int]]] = defaultdict(list)
    seen: defaultdict[PlantedHarm, list[bool]] = defaultdict(list)
    for app in range(args.first, args.first + args.apps):
        with tempfile.TemporaryDirectory() as folder:
            for harm, counts in promised(args.rate, app, Path(folder)).items():
                told[harm].append(counts)
        for harm in HARMS:
            seen[harm] += [observed(args.rate, app, number, harm) for number in range(1, args.each + 1)]
    print(f"| harm, {args.rate}/h | promised | observed |\n|---|---|---|")
    for harm in HARMS:
        found, tried = sum(one for one, _ in told[harm]), sum(of for _, of in told[harm])
        print(f"| {harm.kind} {harm.size:.0%} | {share(found, tried)} | {share(sum(seen[harm]), len(seen[harm]))} |")


if __name__ == "__main__":
    main()
