"""The families of releases that come outside a simulator, judged by the command line as a pipeline runs it.

python bench/situations.py --each 3 --rates 60            # a minute or two
python bench/situations.py --each 40 --processes 2        # the table
python bench/situations.py --family late_mark --show 0    # what is said of one release

Every release is a project of its own with an SQLite log; ``verify --as-of`` judges it an hour after the mark, and what
others' documented rules say of the same rows stands beside it. An oracle that knows every intensity is the limit.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import json
import math
import multiprocessing
import os
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import contestants
from families import FAMILIES, Family, hash_of, world_of
from releaseguard.cli import entrypoint
from releaseguard.model import from_text, to_text
from releaseguard.safemode import build_policy, guarding
from releaseguard.stats.bounds import upper_share
from releaseguard.stats.series import Cell
from shares import share
from simulator import NEW, OLD, Simulated
from worlds import WINDOW, Row, World, past_of, write

RATES = (10, 60, 600)
SURE = math.log(100)
"""Where the oracle's likelihood ratio is enough for a false alarm in a hundred."""


@dataclass(frozen=True)
class Said:
    """What ``verify`` said of one release."""

    verdict: str
    failed: float | None
    """Minutes after the mark."""
    text: str
    """The whole report, as JSON."""


@dataclass(frozen=True)
class Result:
    """One release with what everybody said about it."""

    family: str
    rate: int
    number: int
    bad: bool
    verdict: str
    failed: float | None
    right: bool
    """Whether the verdict is one of the right ones, and said with the right words."""
    exit_0: bool
    """Whether a pipeline would have gone on, unless a warning names harm to others."""
    oracle: bool
    others: dict[str, str]


def verified(world: World, folder: Path) -> Said:
    """``verify`` as of an hour after the mark, in this process."""
    at = datetime.fromtimestamp(world.at(WINDOW), UTC)
    asked = ["verify", "--release", world.asked, "--as-of", to_text(at), "--window", f"{WINDOW}m"]
    done = _run([*asked, "--no-flows", "--format", "json"], folder)
    try:
        document = json.loads(done)
    except ValueError:
        return Said("broke", None, done)
    mark = datetime.fromtimestamp(world.at(0), UTC)
    times = [one["evidence"].get("failed_at") for one in document["checks"] if one["verdict"] == "fail"]
    failed = min((from_text(time) for time in times if time), default=None)
    minutes = None if failed is None else max((failed - mark) / timedelta(minutes=1), 0.0)
    return Said(document["verdict"], minutes, json.dumps(document))


def _run(arguments: Sequence[str], folder: Path) -> str:
    out, err = io.StringIO(), io.StringIO()
    before = Path.cwd()
    os.chdir(folder)
    try:
        with guarding(build_policy({}, {})), contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            entrypoint.run(list(arguments))
    finally:
        os.chdir(before)
    return out.getvalue() or err.getvalue()


def oracle(world: World, rows: Sequence[Row]) -> bool:
    """Whether one who knows the harmed rows' intensities, with and without the harm, would be sure of it."""
    good, bad = Counter[int](), Counter[int]()
    for row in rows:
        if row.provider == world.victim and world.harmed_fresh in (None, row.fresh):
            (good if row.ok else bad)[int(row.recorded // 60) - world.mark] += 1
    evidence = 0.0
    for minute, (g1, b1, g0, b0) in sorted(world.truth.items()):
        if minute < world.live:
            continue
        evidence += g0 + b0 - g1 - b1
        evidence += _ratio(good[minute], g1, g0) + _ratio(bad[minute], b1, b0)
        if evidence >= SURE:
            return True
    return False


def _ratio(seen: int, harmed: float, usual: float) -> float:
    return seen * math.log(max(harmed, 1e-9) / usual) if seen and usual else 0.0


Counted = Counter[tuple[int, int, str, str, bool, str | None]]


def as_cells(world: World, counted: Counted, names: Sequence[str]) -> Simulated:
    """The rows as the other rules read them: those that carry the release's own name are its rows."""
    sim = Simulated(0, "", False, world.rate, world.mark, WINDOW, names, None, None, None)
    sim.cells = [Cell(*kind, False, False, number, 0) for kind, number in counted.items()]
    return sim


def counted_of(asked: str, rows: Sequence[Row]) -> Counted:
    """How many rows there are of each kind."""
    return Counter(_kind(asked, row) for row in rows if row.environment == "production")


def _kind(asked: str, row: Row) -> tuple[int, int, str, str, bool, str | None]:
    release = NEW if row.release == asked else None if row.release is None else OLD
    return int(row.at // 60), int(row.recorded // 60), row.provider, row.event, row.ok, release


class App:
    """The releases of one app: its far history is drawn, written and counted once."""

    def __init__(self, rate: int, number: int, folder: Path) -> None:
        self.rate, self.number, self._folder = rate, number, folder
        self._far = World(seed=0, rate=rate, app=hash_of("app", rate, number)).far()
        self._past = past_of(self._far, folder)
        self._counted: dict[str, Counted] = {}

    def judge(self, one: Family) -> Result:
        """Draw one release and let everybody judge it."""
        world = world_of(one, self.rate, self.number)
        is_plain = world.has_the_apps_past
        rows = world.near() if is_plain else world.rows()
        with tempfile.TemporaryDirectory(dir=self._folder) as folder:
            (self._past.write if is_plain else write)(world, Path(folder), rows)
            said = verified(world, Path(folder))
        return self._result(one, world, rows, said)

    def _result(self, one: Family, world: World, rows: Sequence[Row], said: Said) -> Result:
        counted = counted_of(world.asked, rows)
        if world.has_the_apps_past:
            if world.asked not in self._counted:
                self._counted[world.asked] = counted_of(world.asked, self._far)
            counted += self._counted[world.asked]
        cells = as_cells(world, counted, sorted({kind[2] for kind in counted}))
        return Result(
            family=one.name,
            rate=self.rate,
            number=self.number,
            bad=one.bad,
            verdict=said.verdict,
            failed=said.failed,
            right=is_right(one, world, said),
            exit_0=said.verdict in {"pass", "warn"} and not (one.names_harm and is_right(one, world, said)),
            oracle=one.bad and oracle(world, rows),
            others={rule: judged(cells).verdict for rule, judged in contestants.RULES.items()},
        )


def judge(job: tuple[int, int, Sequence[str]]) -> Sequence[Result]:
    """Draw an app and a release of each of these families, and let everybody judge it."""
    rate, number, names = job
    with tempfile.TemporaryDirectory() as folder:
        app = App(rate, number, Path(folder))
        return [app.judge(one) for one in FAMILIES if one.name in names]


def is_right(one: Family, world: World, said: Said) -> bool:
    """Whether the verdict is right and what must be said is said."""
    if said.verdict not in one.right:
        return False
    if one.says and not any(one.says.search(text) for text in (said.text, said.text.replace(world.victim, "{victim}"))):
        return False
    return not (one.never and one.never.search(said.text))


def table(results: Sequence[Result]) -> str:
    """Each family at each rate, then the figures that are promised."""
    rates = sorted({one.rate for one in results})
    lines = ["| family | is | " + " | ".join(f"{rate}/h" for rate in rates) + " |", "|---" * (len(rates) + 2) + "|"]
    for family in dict.fromkeys(one.family for one in results):
        mine = [one for one in results if one.family == family]
        cells = [_cell([one for one in mine if one.rate == rate]) for rate in rates]
        lines.append(f"| {family} | {'bad' if mine[0].bad else 'good'} | " + " | ".join(cells) + " |")
    return "\n".join([*lines, "", *_figures(results)])


def _cell(some: Sequence[Result]) -> str:
    """How many were right of how many, and what else was said of the others."""
    wrong = Counter(one.verdict for one in some if not one.right)
    told = ", ".join(f"{number} {verdict}" for verdict, number in sorted(wrong.items()))
    return f"{sum(one.right for one in some)} of {len(some)}" + (f" ({told})" if told else "")


def _figures(results: Sequence[Result]) -> Iterator[str]:
    good, bad = [one for one in results if not one.bad], [one for one in results if one.bad]
    quick = [one for one in bad if one.rate >= 600]
    alarms = sum(one.verdict == "fail" for one in good)
    yield "| measure | releaseguard | " + " | ".join(contestants.RULES) + " |"
    yield "|---" * (len(contestants.RULES) + 2) + "|"
    bound = f"{share(alarms, len(good))}, upper bound {100 * upper_share(alarms, len(good), 0.95):.2f}%"
    yield _line("false alarms (at most 1%)", bound, good, lambda said: said == "fail")
    yield _line("bad with exit 0 (at most 2%)", share(sum(one.exit_0 for one in bad), len(bad)), bad, _goes_on)
    yield _line("found", share(sum(map(_found, bad)), len(bad)), bad, lambda said: said == "fail")
    yield _line(
        "found at 600/h (at least 85%)", share(sum(map(_found, quick)), len(quick)), quick, lambda said: said == "fail"
    )
    yield f"| found by an oracle | {share(sum(one.oracle for one in bad), len(bad))} |"
    yield f"| undecided on good | {share(sum(one.verdict == 'inconclusive' for one in good), len(good))} |"
    yield f"| broke | {sum(one.verdict == 'broke' for one in results)} |"


def _found(one: Result) -> bool:
    return one.verdict == "fail" or one.right


def _goes_on(said: str) -> bool:
    return said in {"pass", "warn"}


def _line(measure: str, ours: str, some: Sequence[Result], hit: Callable[[str], bool]) -> str:
    others = [
        f"{100 * sum(hit(one.others[rule]) for one in some) / max(len(some), 1):.1f}%" for rule in contestants.RULES
    ]
    return f"| {measure} | {ours} | " + " | ".join(others) + " |"


def show(name: str, rate: int, number: int) -> None:
    """What is said of one release, as text."""
    world = world_of(next(one for one in FAMILIES if one.name == name), rate, number)
    with tempfile.TemporaryDirectory() as folder:
        write(world, Path(folder), world.rows())
        at = to_text(datetime.fromtimestamp(world.at(WINDOW), UTC))
        asked = ["verify", "--release", world.asked, "--as-of", at, "--window", f"{WINDOW}m", "--no-flows"]
        print(_run(asked, Path(folder)))


def run(
    names: Sequence[str], rates: Sequence[int], each: int, first: int, processes: int, kept: Path | None = None
) -> Sequence[Result]:
    """Judge ``each`` releases of every family at every rate; the result does not depend on the processes.

    What is said of them is added to the file ``kept``, app by app."""
    jobs = [(rate, number, names) for rate in rates for number in range(first, first + each)]
    results: list[Result] = []
    with multiprocessing.Pool(processes) as pool:
        for some in pool.imap(judge, jobs):
            results += some
            if kept is not None:
                with kept.open("a", encoding="utf-8") as file:
                    file.writelines(json.dumps(asdict(one)) + "\n" for one in some)
    return results


def measured(each: int, first: int = 0, processes: int = 2) -> str:
    """The table of all families at every rate."""
    return table(run([one.name for one in FAMILIES], RATES, each, first, processes))


def main() -> None:
    """Parse, run, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--each", type=int, default=3, help="releases of each family and rate")
    parser.add_argument("--rates", type=int, nargs="*", default=RATES, choices=RATES)
    parser.add_argument("--family", nargs="*", default=[one.name for one in FAMILIES])
    parser.add_argument("--first", type=int, default=0, help="the first world's number: others were never tuned on")
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--rows", type=Path, help="add every result as a JSON line to this file")
    parser.add_argument("--table", action="store_true", help="judge nothing: print the table of what --rows holds")
    parser.add_argument("--show", type=int, metavar="N", help="print what is said of world N of the family")
    args = parser.parse_args()
    if args.table:
        print(table([Result(**json.loads(line)) for line in args.rows.read_text(encoding="utf-8").splitlines()]))
    elif args.show is not None:
        show(args.family[0], args.rates[-1], args.show)
    else:
        print(table(run(args.family, args.rates, args.each, args.first, args.processes, args.rows)))


if __name__ == "__main__":
    main()
