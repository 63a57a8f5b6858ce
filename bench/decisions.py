"""How often verdicts are right, measured on simulated releases; see docs/verdicts-measured.md.

python bench/decisions.py --releases 2000
python bench/decisions.py --mixture families --releases 10   # of each family and rate; see situations.py
"""

from __future__ import annotations

import argparse
import hashlib
import json
import math
import multiprocessing
import statistics
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path

import contestants
import simulator
from releaseguard.model import Verdict
from releaseguard.stats.bounds import upper_share
from releaseguard.stats.series import Ledger
from releaseguard.verification.judge.log import silence_of
from releaseguard.verification.judge.replay import Replay
from releaseguard.verification.values import Deployment, Promise, Rule
from shares import share
from simulator import Mixture, Simulated, simulate

WINDOW = 60


@dataclass
class Outcome:
    """What one contestant said about one release."""

    verdict: str
    failed: int | None
    """Minutes after the deployment."""
    passed_early: int | None = None
    causes: dict[str, tuple[str, str | None, float]] = field(default_factory=dict)
    """By silent provider: the true cause, the one named, and how many events were expected."""
    note: str = ""


@dataclass
class Row:
    """One release with what everyone said about it."""

    number: int
    kind: str
    bad: bool
    rate: float
    onset: int | None
    harm: float
    outcomes: dict[str, Outcome]


def rules_for(sim: Simulated) -> list[Rule]:
    """The two checks of each provider, as on a card of its own."""
    rules = []
    for name in sim.providers:
        ok, error = frozenset({f"{name}_ok"}), frozenset({f"{name}_error"})
        rules += [
            Rule(
                id=f"{name}.errors",
                provider=name,
                kind="signal",
                success=ok,
                error=error,
                grace_minutes=1,
                undecided="block",
            ),
            Rule(id=f"{name}.volume", provider=name, kind="volume", success=ok, undecided="block"),
        ]
    return rules


def releaseguard(sim: Simulated) -> Outcome:
    """Our own judge, minute by minute."""
    rules = rules_for(sim)
    ledger = Ledger([r.reading for r in rules], [sim.deployed], WINDOW)
    ledger.add(sim.cells)
    at = datetime.fromtimestamp(sim.deployed * 60, UTC)
    deployment = Deployment(release=simulator.NEW, environment="production", deployed_at=at)
    replay = Replay(ledger, rules, deployment, Promise(window_minutes=WINDOW))
    passed = None
    for minute in range(1, WINDOW + 1):
        look = replay.look(sim.deployed + minute)
        if look.verdict is Verdict.PASS and passed is None:
            passed = minute
    failed = min(replay.state.failed.values(), default=None)
    causes = {}
    for name, truth in sim.silence.items():
        rule = next(r for r in rules if r.provider == name and r.kind == "volume")
        said = silence_of(replay.state, rule)
        expected = replay.state.known.traffic[name].expected(0, WINDOW) if name in replay.state.known.traffic else 0.0
        causes[name] = (truth, said.value if said else None, expected)
    note = ",".join(f"{k}@{v - sim.deployed}" for k, v in replay.state.failed.items())
    return Outcome(look.verdict.value, None if failed is None else failed - sim.deployed, passed, causes, note)


def oracle(sim: Simulated) -> Outcome:
    """The limit: knows every true intensity with and without the harm, and which provider it hits.

    Its likelihood ratio reaches 100 with probability at most 1% on a good release.
    """
    failed, evidence = None, 0.0
    if sim.bad:
        good, bad = [0] * sim.minutes, [0] * sim.minutes
        for cell in sim.cells:
            offset = cell.recorded - sim.deployed
            if cell.provider == sim.victim and cell.occurred >= sim.deployed and offset < sim.minutes:
                (good if cell.ok else bad)[offset] += cell.total
        for minute, (g1, b1, g0, b0) in enumerate(sim.truth):
            evidence += g0 + b0 - g1 - b1
            evidence += good[minute] * math.log(max(g1, 1e-9) / g0) + bad[minute] * math.log(max(b1, 1e-9) / b0)
            if evidence >= math.log(100) and failed is None:
                failed = minute + 1
    return Outcome("inconclusive" if failed is None else "fail", failed)


def _other(rule: Callable[[Simulated], contestants.Said]) -> Callable[[Simulated], Outcome]:
    def said(sim: Simulated) -> Outcome:
        result = rule(sim)
        return Outcome(result.verdict, result.failed)

    return said


CONTESTANTS: dict[str, Callable[[Simulated], Outcome]] = {
    "releaseguard": releaseguard,
    "oracle": oracle,
    **{name: _other(rule) for name, rule in contestants.RULES.items()},
}


def judge_one(job: tuple[Mixture, int, Sequence[str]]) -> Row:
    """Simulate one release and let every contestant judge it."""
    mixture, number, names = job
    sim = simulate(mixture, number)
    return Row(
        number,
        sim.kind,
        sim.bad,
        sim.rate,
        sim.onset,
        sim.harm,
        {name: CONTESTANTS[name](sim) for name in names},
    )


def run(mixture: Mixture, releases: int, names: Sequence[str], processes: int, first: int = 0) -> list[Row]:
    """Judge ``releases`` of a mixture in parallel; the result does not depend on the number of processes."""
    jobs = [(mixture, number, names) for number in range(first, first + releases)]
    with multiprocessing.Pool(processes) as pool:
        return pool.map(judge_one, jobs, chunksize=20)


# -- figures -----------------------------------------------------------------------------------------------


def found(rows: Iterable[Row], name: str) -> str:
    bad = [r for r in rows if r.bad]
    return share(sum(r.outcomes[name].verdict == "fail" for r in bad), len(bad))


def delay(rows: Iterable[Row], name: str) -> str:
    times = [
        r.outcomes[name].failed - (r.onset or 0)  # type: ignore[operator]
        for r in rows
        if r.bad and r.outcomes[name].failed is not None
    ]
    return f"{statistics.median(times):.0f}" if times else "-"


def figures(rows: Sequence[Row], name: str) -> dict[str, str]:
    """The measures of the table for one contestant."""
    good = [r for r in rows if not r.bad]
    bad = [r for r in rows if r.bad]
    alarms = sum(r.outcomes[name].verdict == "fail" for r in good)
    passed = [r for r in bad if r.outcomes[name].verdict == "pass"]
    causes = [c for r in rows for c in r.outcomes[name].causes.values() if c[2] >= 5]
    right = sum(truth == said for truth, said, _ in causes)
    down = [r for r in rows if r.kind == "log_down"]
    live = [r for r in good if r.kind not in {"log_down", "not_live", "ongoing_incident", "idle"}]
    measured = {
        "false alarms": f"{share(alarms, len(good))}, upper bound {100 * upper_share(alarms, len(good), 0.95):.2f}%",
        "PASS on bad": share(len(passed), len(bad)),
        "PASS on bad below 60/h": str(sum(r.rate < 60 for r in passed)),
        "found, all": found(rows, name),
        "found, 600/h and more": found((r for r in rows if r.rate >= 600), name),
        "found, 60/h": found((r for r in rows if r.rate == 60), name),
        "found, 10/h": found((r for r in rows if r.rate == 10), name),
        "median minutes to FAIL, all": delay(rows, name),
        "median minutes to FAIL, 600/h": delay((r for r in rows if r.rate == 600), name),
        "median minutes to FAIL, 60/h": delay((r for r in rows if r.rate == 60), name),
    }
    for rate in (60, 600):
        some = [r for r in live if r.rate == rate]
        measured[f"PASS on good, {rate}/h"] = share(sum(r.outcomes[name].verdict == "pass" for r in some), len(some))
    measured["log down is INCONCLUSIVE"] = share(
        sum(r.outcomes[name].verdict == "inconclusive" for r in down), len(down)
    )
    measured["cause of silence right"] = share(right, len(causes))
    return measured


GOALS = {
    "false alarms": "upper 95% bound <= 1%",
    "PASS on bad": "<= 0.8%",
    "PASS on bad below 60/h": "0",
    "found, all": "53%",
    "found, 600/h and more": "97%",
    "found, 60/h": "82%",
    "found, 10/h": "45%",
    "median minutes to FAIL, all": "15",
    "median minutes to FAIL, 600/h": "5",
    "median minutes to FAIL, 60/h": "14",
    "PASS on good, 60/h": "65%",
    "PASS on good, 600/h": "92%",
    "log down is INCONCLUSIVE": "100%",
    "cause of silence right": "98%",
}


def table(rows: Sequence[Row]) -> str:
    """Ours with exact 95% intervals against the goals, then the others' point values."""
    ours = figures(rows, "releaseguard")
    lines = ["| measure | goal | releaseguard |", "|---|---|---|"]
    lines += [f"| {measure} | {GOALS.get(measure, '')} | {value} |" for measure, value in ours.items()]
    names = [name for name in CONTESTANTS if name != "releaseguard"]
    lines += ["", "| measure | " + " | ".join(names) + " |", "|---" * (len(names) + 1) + "|"]
    others = {name: figures(rows, name) for name in names}
    for measure in ours:
        if measure != "cause of silence right":
            short = [others[name][measure].split("[")[0].strip() for name in names]
            lines.append(f"| {measure} | " + " | ".join(short) + " |")
    return "\n".join(lines)


def cells(rows: Sequence[Row]) -> str:
    """Found of bad, by kind and rate, ours / oracle: the cells that are lost are seen."""
    rates = sorted({row.rate for row in rows})
    lines = ["| bad kind: found by us / by the oracle / of | " + " | ".join(f"{r:g}/h" for r in rates) + " |"]
    lines.append("|---" * (len(rates) + 1) + "|")
    for kind in sorted({row.kind for row in rows if row.bad}):
        parts = []
        for rate in rates:
            some = [row for row in rows if row.kind == kind and row.rate == rate]
            ours, best = (
                sum(row.outcomes[name].verdict == "fail" for row in some) for name in ("releaseguard", "oracle")
            )
            parts.append(f"{ours} / {best} / {len(some)}")
        lines.append(f"| {kind} | " + " | ".join(parts) + " |")
    return "\n".join(lines)


def generator() -> str:
    """The hash of the generator's source: the old mixture is frozen, so that figures of different days compare."""
    return hashlib.sha256(Path(simulator.__file__).read_bytes()).hexdigest()[:12]


def main() -> None:
    """Parse, run, print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--releases", type=int, default=2000)
    parser.add_argument("--mixture", choices=["tuning", "reported", "families"], default="reported")
    parser.add_argument("--seed", type=int, help="another sample of the mixture: one that was never tuned on")
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--rows", help="write every row as JSON lines to this file")
    args = parser.parse_args()
    if args.mixture == "families":
        import situations

        print(situations.measured(args.releases, args.first, args.processes))
        return
    mixture = simulator.TUNING if args.mixture == "tuning" else simulator.REPORTED
    if args.seed is not None:
        mixture = replace(mixture, seed=args.seed)
    rows = run(mixture, args.releases, list(CONTESTANTS), args.processes, args.first)
    print(f"{len(rows)} releases of the mixture {mixture.name!r}, seed {mixture.seed}, generator {generator()}\n")
    print(table(rows))
    print()
    print(cells(rows))
    if args.rows:
        Path(args.rows).write_text("".join(json.dumps(asdict(row)) + "\n" for row in rows), encoding="utf-8")


if __name__ == "__main__":
    main()
