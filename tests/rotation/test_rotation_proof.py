"""The proof against logs that want to fool it.

The oracle knows nothing of versions, deployments or times in rows: it simulates processes, and remembers of each use
which key the process really held. What it demands of a PROVEN is about those keys alone.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from releaseguard.model import Event, Outcome
from releaseguard.rotation.proof.judge import Grade, prove
from releaseguard.rotation.proof.values import Labels, Proof, Question, RuntimeDestination
from releaseguard.rotation.values import Direction, Pin
from tests.support import extent

CREATED = datetime(2026, 11, 24, 10, 0, tzinfo=UTC)
READY = CREATED + timedelta(seconds=60)
OLD, NEW = 1, 2


def at(seconds: float) -> datetime:
    """Seconds after the new deployment serves."""
    return READY + timedelta(seconds=seconds)


@dataclass
class Process:
    """One running process of the app."""

    source: str
    runtime: str | None
    """Where it really runs; ``None`` for phones."""
    key: int
    deployment: str | None
    release: str
    environment: str = "production"
    reports: str = "version"
    """What it writes into its rows: ``version``, ``deployment``, ``release`` or ``nothing``."""
    skew: float = 0.0
    """How far its clock is ahead."""
    starts: float = -1800.0
    ends: float = 1e9
    synthetic: bool = False


@dataclass
class Use:
    """One use of the key: when it really happened, and the row that reached the log."""

    process: Process
    time: datetime
    succeeded: bool
    action: str
    row: Event


@dataclass
class Scenario:
    processes: list[Process]
    question: Question
    uses: list[Use] = field(default_factory=list)


def _row(random_: random.Random, process: Process, time: datetime, succeeded: bool, action: str | None) -> Event:
    detail: dict[str, object] = {}
    if process.reports == "version":
        detail["secret_version"] = random_.choice([process.key, str(process.key)])
    if process.reports in ("version", "deployment") and process.deployment and random_.random() < 0.8:
        detail["deployment_id"] = process.deployment
    if process.reports == "deployment" and process.deployment:
        detail["deployment_id"] = process.deployment
    latency = random_.choice([0.05, 0.1, 0.3, 2.0]) if random_.random() < 0.97 else random_.uniform(5, 600)
    return Event(
        id=UUID(int=random_.getrandbits(128)),
        occurred_at=time + timedelta(seconds=process.skew),
        recorded_at=time + timedelta(seconds=latency),
        provider="sendgrid",
        event="sendgrid_email_sent" if succeeded else "sendgrid_error",
        outcome=Outcome.SUCCESS if succeeded else Outcome.ERROR,
        error_code=None if succeeded else "401",
        environment=process.environment,
        release=None if process.reports == "nothing" else process.release,
        source=process.source,
        correlation_id=action,
        synthetic=process.synthetic,
        detail=detail,
    )


def _use(random_: random.Random, process: Process, seconds: float, accepted: frozenset[int]) -> list[Use]:
    """One use, sometimes written twice: the same row again, or another row of the same action."""
    time, succeeded = at(seconds), process.key in accepted
    action = f"action-{random_.getrandbits(60)}"
    row = _row(random_, process, time, succeeded, action)
    uses = [Use(process, time, succeeded, action, row)]
    if random_.random() < 0.15:
        late = row.recorded_at + timedelta(seconds=random_.uniform(0, 300)) if row.recorded_at else None
        uses.append(
            Use(process, time, succeeded, action, replace(row, id=UUID(int=random_.getrandbits(128)), recorded_at=late))
        )
    return uses


def _fleet(random_: random.Random, runtime: str, source: str, reports: str) -> list[Process]:
    """The processes of one runtime: before, and whatever came of the deployment."""
    web = runtime == "web"
    same_release = random_.random() < 0.7
    previous = Process(
        source, runtime, OLD, "dpl_old" if web else None, "r1", reports=reports, ends=random_.choice([0.0, 5.0, 90.0])
    )
    successor = replace(
        previous,
        key=NEW,
        deployment="dpl_new" if web else None,
        release="r1" if same_release else "r2",
        starts=0.0,
        ends=1e9,
    )
    fate = random_.choice(["good", "good", "good", "inherits", "preview", "mixed", "stuck", "silent", "dies", "older"])
    if fate == "inherits" and reports == "version":
        return [previous, replace(successor, key=OLD)]
    if fate == "preview":
        stays = replace(previous, ends=1e9)
        return [stays, replace(successor, environment=random_.choice(["preview", "staging"]))]
    if fate == "mixed":
        kept = replace(previous, ends=1e9)
        return [previous, successor, kept]
    if fate == "stuck":
        return [replace(previous, ends=1e9)]
    if fate == "silent":
        return [previous]
    if fate == "dies":
        return [previous, replace(successor, ends=random_.uniform(1, 300))]
    if fate == "older" and web:
        back = replace(previous, deployment="dpl_older", starts=random_.uniform(30, 200), ends=1e9)
        return [previous, replace(successor, ends=back.starts), back]
    return [previous, successor]


def scenario(seed: int) -> Scenario:
    random_ = random.Random(seed)
    reports = random_.choice(["version", "version", "deployment", "release", "nothing"])
    declared = random_.random() < 0.7
    skew = {
        source: random_.choice([0, 0, 0, 30, 3600, -3600, random_.uniform(-600, 600)]) for source in ("web", "edge")
    }
    processes = _fleet(random_, "web", "web", reports)
    two = random_.random() < 0.6
    processes += _fleet(random_, "edge", "edge", reports) if two else []
    for process in processes:
        process.skew = skew[process.source]
        process.synthetic = random_.random() < 0.2
    processes.append(Process("client", None, random_.choice([OLD, NEW]), None, "app-7", reports="version"))
    processes.append(Process("web", None, NEW, "dpl_new", "r2", environment="staging"))
    if random_.random() < 0.15:
        # A process that everybody forgot: the configuration names its source nowhere.
        processes.append(Process("cron", "forgotten", OLD, None, "c1", skew=skew["web"]))
    accepted = frozenset({OLD, NEW}) if random_.random() < 0.8 else frozenset({OLD})
    uses: list[Use] = []
    every = random_.choice([5.0, 20.0, 120.0])
    for process in processes:
        moment = max(process.starts, -300.0)
        while moment < min(process.ends, 600.0):
            moment += random_.expovariate(1 / every)
            if (
                max(process.starts, 0 if process.key == NEW and process.runtime else -1e9)
                <= moment
                < min(process.ends, 600.0)
            ):
                uses += _use(random_, process, moment, accepted)
    return Scenario(processes, _question(processes, declared, two), uses)


def _question(processes: Sequence[Process], declared: bool, two: bool) -> Question:
    fresh = next(
        (process for process in processes if process.deployment == "dpl_new" and process.runtime == "web"), None
    )
    web = RuntimeDestination(
        uri="vercel:prj_1/production",
        since=CREATED,
        serving=READY,
        sources=frozenset({"web"}) if declared else None,
        deployment="dpl_new",
        previous_deployment="dpl_old",
        release=fresh.release if fresh else "r1",
        previous_release="r1",
    )
    edge = RuntimeDestination(
        uri="supabase:ref", since=READY, serving=READY, sources=frozenset({"edge"}) if declared else None
    )
    return Question(
        provider="sendgrid",
        environment="production",
        success_events=frozenset({"sendgrid_email_sent"}),
        auth_error_codes=frozenset({"401", "403"}),
        labels=Labels.of([Pin("K", OLD, NEW)], Direction.FORWARD),
        runtimes=[web, edge] if two else [web],
    )


def speaks_for(use: Use, runtime: RuntimeDestination) -> bool:
    """By where the process really runs, as far as the project has said so."""
    if use.process.runtime is None or use.process.environment != "production":
        return False
    return runtime.sources is None or use.process.runtime == ("web" if runtime.uri.startswith("vercel") else "edge")


def objections(world: Scenario, now: datetime, proof: Proof) -> list[str]:
    """What the keys that were really held say against a PROVEN."""
    by_row = {str(use.row.id): use for use in world.uses}
    recorded = [use for use in world.uses if use.row.recorded_at and use.row.recorded_at <= now]
    found = []
    for asked, answer in zip(world.question.runtimes, proof.runtimes, strict=True):
        evidence = [by_row[identity] for identity in answer.events]
        if any(use.process.key != NEW or not use.succeeded or not speaks_for(use, asked) for use in evidence):
            found.append("a row counts that no process with the new key wrote")
        if len({use.action for use in evidence}) < world.question.successes:
            found.append("too few user actions")
        first = min(use.time for use in evidence)
        mine = [use for use in recorded if speaks_for(use, asked) and use.time > READY]
        if any(use.time > first and (use.process.key != NEW or not use.succeeded) for use in mine):
            found.append("the old key was used, or the new one refused, later than the evidence")
        forgotten = [use for use in recorded if use.process.runtime == "forgotten" and use.time > READY]
        if any(use.time > first and use.succeeded for use in forgotten):
            found.append("a forgotten process still used the old key")
        for source in {use.process.source for use in mine if use.process.key == OLD and use.succeeded}:
            last = max(mine, key=lambda use: (use.process.source == source, use.time))
            if last.process.key == OLD:
                found.append(f"{source} was last heard with the old key")
    return found


@pytest.mark.parametrize("chunk", range(12 if extent.is_whole() else 5))
def test_twelve_thousand_adversarial_logs_never_prove_what_the_held_keys_deny(chunk: int) -> None:
    proven, logs = 0, extent.examples(1000)
    for seed in range(chunk * 1000, chunk * 1000 + logs):
        world = scenario(seed)
        for seconds in (30, 200, 600):
            now = at(seconds)
            rows = [use.row for use in world.uses if use.row.recorded_at and CREATED <= use.row.recorded_at <= now]
            proof = prove(world.question, rows)
            if proof.proven:
                proven += 1
                assert not objections(world, now, proof), f"seed {seed} after {seconds} s"
            else:
                assert proof.missing
                assert proof.grade is None
    assert proven > logs * 0.066 - 6, "a prover that never proves would pass this test"


def question(**changes: object) -> Question:
    runtime = RuntimeDestination(
        uri="vercel:prj_1/production",
        since=CREATED,
        serving=READY,
        deployment="dpl_new",
        previous_deployment="dpl_old",
        release="r2",
        previous_release="r1",
    )
    base = Question(
        provider="sendgrid",
        environment="production",
        success_events=frozenset({"sendgrid_email_sent"}),
        auth_error_codes=frozenset({"401"}),
        labels=Labels.of([Pin("K", OLD, NEW)], Direction.FORWARD),
        runtimes=[runtime],
    )
    return replace(base, **changes)  # type: ignore[arg-type]


def row(seconds: float, *, late: float = 0.1, source: str | None = "web", **columns: object) -> Event:
    event = Event(
        id=UUID(int=random.Random(repr((seconds, late, source, columns))).getrandbits(128)),
        occurred_at=at(seconds),
        recorded_at=at(seconds + late),
        provider="sendgrid",
        event="sendgrid_email_sent",
        outcome=Outcome.SUCCESS,
        environment="production",
        source=source,
    )
    return replace(event, **columns)  # type: ignore[arg-type]


def new(*seconds: float, **columns: object) -> list[Event]:
    return [row(moment, detail={"secret_version": "2"}, **columns) for moment in seconds]


def old(*seconds: float, **columns: object) -> list[Event]:
    return [row(moment, detail={"secret_version": "1"}, **columns) for moment in seconds]


def refused(*seconds: float, **columns: object) -> list[Event]:
    return [
        row(moment, event="sendgrid_error", outcome=Outcome.ERROR, error_code="401", **columns) for moment in seconds
    ]


B = {"detail": {"deployment_id": "dpl_new"}}
WITH_VERSION_2 = {"detail": {"secret_version": "2"}}

JOB = "one-id-for-hours"
CASES = [
    ("a job that goes on", [*old(1, correlation_id=JOB), *new(2, 3, 4), *old(5, correlation_id=JOB)], None),
    (
        "a job in two places",
        [*(o for s in ("web", "edge") for o in old(1, source=s, correlation_id=JOB)), *new(5, 6, 7)],
        None,
    ),
    ("three with the new version", new(1, 2, 3), Grade.A),
    ("two are not enough", new(1, 2), None),
    ("one action written three times", new(1, 2, 3, correlation_id="c"), None),
    ("synthetic counts", new(1, 2, 3, synthetic=True), Grade.A),
    ("phones never count", new(1, 2, 3, source="client"), None),
    ("phones in capitals never count", new(1, 2, 3, source="Client"), None),
    ("phones with a blank never count", new(1, 2, 3, source=" client "), None),
    ("but object", [*new(1, 2, 3), *old(4, source="CLIENT")], None),
    ("another environment", new(1, 2, 3, environment="staging"), None),
    ("another provider", new(1, 2, 3, provider="twilio"), None),
    ("an event that does not prove this secret", new(1, 2, 3, event="sendgrid_webhook_received"), None),
    ("before the deployment, recorded later", new(-70, -80, -90, late=200), None),
    ("the new deployment's id", [row(n, **B) for n in (1, 2, 3)], Grade.B),
    ("the new release where it differs", [row(n, release="r2") for n in (1, 2, 3)], Grade.B),
    ("the old release", [row(n, release="r1") for n in (1, 2, 3)], None),
    (
        "the id of another deployment on the new release",
        [row(n, release="r2", detail={"deployment_id": "dpl_x"}) for n in (1, 2, 3)],
        None,
    ),
    (
        "the new deployment that reports the old version",
        [row(n, detail={"deployment_id": "dpl_new", "secret_version": "1"}) for n in (1, 2, 3)],
        None,
    ),
    ("time alone", [row(n) for n in (1, 2, 3)], None),
    ("the weakest of the rows that are needed decides", [*new(1, 2), row(3, **B)], Grade.B),
    ("stronger rows suffice", [row(0.5, **B), *new(1, 2, 3)], Grade.A),
    ("an old success later", [*new(1, 2, 3), *old(4)], None),
    ("old ones first", [*old(1, 2), *new(3, 4, 5)], Grade.A),
    ("an old success recorded late counts as late as it may have been", [*old(1, late=60), *new(3, 4, 5)], None),
    ("an old one in the middle of new ones: a process may hide", [*new(1, 2), *old(3), *new(4, 5, 6)], None),
    ("so many in a row that none hides", [*new(1, 2), *old(3), *new(*range(4, 20))], Grade.A),
    ("a refused credential later", [*new(1, 2, 3), *refused(4)], None),
    ("three after the last refusal", [*refused(1), *new(2, 3, 4)], Grade.A),
    ("another error is no objection", [*new(1, 2, 3), replace(refused(4)[0], error_code="timeout")], Grade.A),
    ("an old success before it served", [*old(-5), *new(1, 2, 3)], Grade.A),
    ("a source that was last heard on the old version", [*old(1, source="cron"), *new(2, 3, 4)], None),
    ("and has come over since", [*old(1, source="cron"), *new(2, 3, 4), *new(5, source="cron")], Grade.A),
    ("a clock ahead does not make an old row late", [row(3600, late=-3595, **WITH_VERSION_2), *old(30)], None),
]


@pytest.mark.parametrize(("rows", "grade"), [case[1:] for case in CASES], ids=[case[0] for case in CASES])
def test_what_counts(rows: list[Event], grade: Grade | None) -> None:
    proof = prove(question(), rows)
    assert proof.grade is grade
    assert proof.proven is (grade is not None)
    assert bool(proof.missing) is (grade is None)


def test_an_unchanged_release_proves_nothing() -> None:
    same = replace(question().runtimes[0], release="r1", previous_release="r1")
    assert not prove(question(runtimes=[same]), [row(n, release="r1") for n in (1, 2, 3)]).proven


def test_time_alone_counts_only_where_the_project_accepts_it() -> None:
    rows = [row(n) for n in (1, 2, 3)]
    assert "weak evidence" in prove(question(), rows).missing[0]
    assert prove(question(accept_timing=True), rows).grade is Grade.C


def test_one_of_two_runtimes_on_the_old_key_is_unproven_and_named() -> None:
    web = replace(question().runtimes[0], sources=frozenset({"web"}))
    edge = RuntimeDestination(uri="supabase:ref", since=READY, serving=READY, sources=frozenset({"edge"}))
    proof = prove(question(runtimes=[web, edge]), [*new(1, 2, 3), *old(1, 2, 3, source="edge")])
    assert not proof.proven
    assert [missing.partition(": ")[0] for missing in proof.missing] == ["supabase:ref"]


def declared() -> Question:
    """Both runtimes, and the project says who runs where."""
    web = replace(question().runtimes[0], sources=frozenset({"web"}), not_sources=frozenset({"edge", "ci"}))
    edge = RuntimeDestination(
        uri="supabase:ref",
        since=READY,
        serving=READY,
        sources=frozenset({"edge"}),
        not_sources=frozenset({"web", "ci"}),
    )
    return question(runtimes=[web, edge])


BOTH = [*new(1, 2, 3), *new(1.5, 2.5, 3.5, source="edge")]


@pytest.mark.parametrize("source", ["cron", None])
@pytest.mark.parametrize("objection", [old, refused])
def test_a_source_that_is_named_nowhere_can_only_object(source: str | None, objection: object) -> None:
    assert prove(declared(), BOTH).proven
    assert not prove(declared(), [*BOTH, *objection(4, source=source)]).proven  # type: ignore[operator]
    assert not prove(declared(), new(*range(1, 20), source=source)).proven


def test_a_forgotten_process_that_has_come_over_objects_no_more() -> None:
    later = [*new(5, 6, 7), *new(5.5, 6.5, 7.5, source="edge")]
    assert not prove(declared(), [*BOTH, *old(4, source="cron"), *later]).proven
    assert prove(declared(), [*BOTH, *old(4, source="cron"), *later, *new(8, source="cron")]).proven


def test_what_runs_elsewhere_or_says_nothing_of_ours_does_not_object() -> None:
    other = row(4, source="cron", detail={"deployment_id": "some-other-service"})
    assert prove(declared(), [*BOTH, *old(4, source="ci"), *old(4, source="client"), other]).proven


def test_refusals_from_a_source_named_nowhere_do_not_roll_back() -> None:
    proof = prove(declared(), refused(1, 2, 3, source="cron"))
    assert (proof.refused, proof.refused_at_least_once) == (False, False)


def test_the_deployment_of_another_runtime_is_no_old_one_of_ours() -> None:
    web = question().runtimes[0]
    shop = replace(web, uri="vercel:prj_2/production", deployment="dpl_shop", previous_deployment="dpl_shop_old")
    rows = [row(n, detail={"deployment_id": name}) for n in (1, 2, 3) for name in ("dpl_new", "dpl_shop")]
    assert prove(question(runtimes=[web, shop]), rows).grade is Grade.B
    assert not prove(question(runtimes=[web, shop]), rows[::2]).proven, "each runtime needs its own"


def test_a_deployment_made_after_ours_took_the_new_version_over() -> None:
    later = replace(question().runtimes[0], later_deployments=frozenset({"dpl_later"}))
    rows = [row(n, detail={"deployment_id": "dpl_later"}) for n in (1, 2, 3)]
    assert prove(question(runtimes=[later]), rows).grade is Grade.B
    assert not prove(question(), rows).proven


def test_rows_that_tell_of_one_action_count_once_and_it_is_said() -> None:
    same = [replace(new(1)[0], id=UUID(int=n)) for n in (1, 2, 3)]
    proof = prove(question(), same)
    assert proof.runtimes[0].successes == 1
    assert "2 rows count as repetitions" in proof.missing[0]


def test_unproven_says_how_to_get_it_and_how_long_it_takes() -> None:
    said = prove(question(traffic={"web": 6.0}, flow="send"), new(1)).missing[0]
    assert "1 of 3" in said
    assert "6 an hour" in said
    assert "20 min" in said
    assert "flow send" in said
    assert "no traffic" in prove(question(), []).missing[0]


@pytest.mark.parametrize(
    ("rows", "now", "in_the_end"),
    [
        (refused(1, 2, 3, **WITH_VERSION_2), True, True),
        (refused(1, **WITH_VERSION_2), False, True),
        (refused(1, 2, 3), True, True),
        ([*refused(1, 2, 3), row(4)], False, False),
        ([*refused(1, 2, 3, **WITH_VERSION_2), *new(4)], False, False),
        (refused(1, 2, 3, detail={"secret_version": "1"}), False, False),
        (refused(-1, -2, -3, **WITH_VERSION_2), False, False),
    ],
)
def test_when_the_provider_is_taken_to_refuse_the_new_version(rows: list[Event], now: bool, in_the_end: bool) -> None:
    proof = prove(question(), rows)
    assert (proof.refused, proof.refused_at_least_once) == (now, in_the_end)


GROUP = [Pin("SID", 5, 5), Pin("TOKEN", 1, 2)]


@pytest.mark.parametrize(
    ("carried", "reported", "is_new"),
    [
        ("2", ("TOKEN",), True),
        (2, ("TOKEN",), True),
        ("5", ("TOKEN",), False),
        ("2", (), True),
        ("5", (), False),
        ("5.2", (), True),
        ("5.1", (), False),
        ({"SID": 5, "TOKEN": 2}, (), True),
        ({"TOKEN": "2"}, (), True),
        ({"SID": 5}, (), False),
        ({"SID": 5, "TOKEN": 1}, (), False),
        ("5", ("SID",), False),
    ],
)
def test_what_a_group_may_report(carried: object, reported: tuple[str, ...], is_new: bool) -> None:
    assert Labels.of(GROUP, Direction.FORWARD, reported).is_new(carried) is is_new


@pytest.mark.parametrize(
    ("pins", "carried", "is_new"),
    [
        ([Pin("SID", 1, 1), Pin("TOKEN", 2, 2)], "2", True),
        ([Pin("SID", 1, 1), Pin("TOKEN", 2, 2)], "1.2", True),
        ([Pin("SID", 1, 1), Pin("TOKEN", 2, 2)], "3", False),
        ([Pin("TOKEN", 2, 2, fingerprint="fp:a", from_fingerprint="fp:a")], "fp:a", True),
        ([Pin("TOKEN", 2, 2, fingerprint="fp:a", from_fingerprint="fp:a")], "fp:b", False),
        ([Pin("SID", 1, 1, fingerprint="fp:s", from_fingerprint="fp:s"), Pin("TOKEN", 2, 2)], "fp:s", False),
        ([Pin("SID", 1, 1, fingerprint="fp:s", from_fingerprint="fp:s"), Pin("TOKEN", 1, 2)], "fp:s", False),
    ],
)
def test_what_is_written_once_more_is_shown_by_what_was_reported_before(
    pins: list[Pin], carried: str, is_new: bool
) -> None:
    assert Labels.of(pins, Direction.FORWARD).is_new(carried) is is_new


def test_a_number_that_was_another_members_version_before_proves_nothing() -> None:
    ambiguous = Labels.of([Pin("SID", 2, 3), Pin("TOKEN", 3, 4)], Direction.FORWARD)
    assert not ambiguous.is_new("3")
    assert ambiguous.is_new("4")


def test_an_app_that_reports_the_version_of_what_never_changes_is_told_so() -> None:
    """Of Twilio's pair the account's id stays: whoever reports its version reports the same for ever."""
    labels = Labels.of([Pin("SID", 1, 1), Pin("TOKEN", 1, 2)], Direction.FORWARD, ["SID", "TOKEN"])
    proof = prove(question(labels=labels), old(1, 2, 3))
    (missing,) = proof.missing
    assert (
        "3 of them may report the version of SID, which has not changed: the app must report that of TOKEN" in missing
    )
    (other,) = prove(question(labels=Labels.of([Pin("TOKEN", 1, 2)], Direction.FORWARD)), old(1, 2, 3)).missing
    assert "may report" not in other
