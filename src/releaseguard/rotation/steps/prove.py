"""Prove: wait until the app's own events show that it runs on the new version, as long as that is allowed to take."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import chain

from releaseguard import readable
from releaseguard.cards.spelling import bare
from releaseguard.errors import LeaseHeld, ReleaseguardError, ServiceError
from releaseguard.eventlog.interface import Query, SetAside
from releaseguard.model import CLIENT, Event, Outcome
from releaseguard.rotation.context import Binding, RotationContext
from releaseguard.rotation.drift.served import served_instead
from releaseguard.rotation.groups import deployments_for, proves_alone, proving, proving_others
from releaseguard.rotation.history.journal import Journal
from releaseguard.rotation.history.views import DestinationProgress, DirectionProgress, Redeployment
from releaseguard.rotation.identity.expected import why_no_proof
from releaseguard.rotation.proof import judge
from releaseguard.rotation.proof.denials import denials_of, denied_as_before, denies, sentence, successes_needed
from releaseguard.rotation.proof.judge import says_nothing, traffic_of
from releaseguard.rotation.proof.labels import Labels
from releaseguard.rotation.proof.values import Proof, Question, RuntimeDestination
from releaseguard.rotation.session import RotationSession, Tell
from releaseguard.rotation.steps.deploy import deployer_of
from releaseguard.rotation.steps.held import rewritten, sentences
from releaseguard.rotation.steps.settling import Settling, settling_words
from releaseguard.rotation.steps.waiting import Waiting
from releaseguard.rotation.values import Direction

FIRST_LOOK, LAST_LOOK = 1.0, 15.0
"""Seconds between two looks at the log while waiting for a proof: from the first to at most the last."""
GROWTH = 1.5
TRAFFIC_HOURS = 24.0
BEFORE = timedelta(hours=1)
"""How long before the rotation the last uses of the old value are looked for."""
MOST_NAMED = 3
"""Environments that are named where nothing comes from ours."""
FLOW_AFTER = 0.1
"""The share of the time for the proof after which thin traffic is helped by the card's flow."""


def prove(session: RotationSession, direction: Direction) -> Proof:
    """The proof, as far as it goes when the time is over or nothing more can come. Raises ``ServiceError``."""
    asked = session.request.prove_within
    within = (session.context.rules.prove_within if asked is None else asked).total_seconds()
    clock, wait, began = session.context.clocks.elapsed, FIRST_LOOK, session.context.clocks.elapsed()
    question, flows, may_help = question_of(session, direction), _Flows(session.context), _may_be_shown(session)
    waiting, settling = Waiting(session, at_once=True), Settling(session, direction, within)
    with _released_on_interrupt(session.journal):
        while True:
            question, proof = _look(session, question)
            left = within - (clock() - began)
            unsettled = settling.left(proof, question) if proof.proven and left > 0 else 0.0
            if unsettled:
                waiting.look(settling_words(proof), unsettled, 1.0)
                session.journal.pause(min(wait, unsettled))
                wait = min(wait * GROWTH, LAST_LOOK)
                continue
            if proof.proven or wait == LAST_LOOK or left <= 0:
                question = question if proof.proven else _with_later_deployments(session, question)
                question, proof = _look(session, _heard_under_every_name(session, question))
            if proof.proven:
                return _unless_overtaken(session, question, proof, direction)
            if proof.refused or left <= 0 or session.group.client or not question.runtimes:
                return _with_what_is_served(session, question, proof)
            waiting.look(waited_for(proof), left, _share(proof))
            if may_help and clock() - began >= FLOW_AFTER * within and _thin(proof, question, left):
                flows.run(session.tell, proof)
            session.journal.pause(min(wait, max(left, 0.001)))
            wait = min(wait * GROWTH, LAST_LOOK)


def _look(session: RotationSession, question: Question) -> tuple[Question, Proof]:
    """The proof as of now, and the question with what is now known of answers that something is not allowed."""
    rows, unread = _rows(session, question)
    question = told_from_refusals(session, question, rows, session.tell)
    return question, judge.prove(question, rows, unread)


def told_from_refusals(
    session: RotationSession, question: Question, rows: Sequence[Event], tell: Tell | None = None
) -> Question:
    """The question with the sources that are denied something no more often than with the value before."""
    if not (question.runtimes and any(denies(question, row) for row in rows)):
        return replace(question, denied_as_before={})
    before = denials_of(question, _denied_before(session, question))
    found = denied_as_before(question, rows, before)
    for source in found.keys() - question.denied_as_before:
        if tell is not None:
            tell(sentence(source, found[source], before[source]))
    needed = {source: successes_needed(one, before[source]) for source, one in found.items()}
    return replace(question, denied_as_before=needed)


def _denied_before(session: RotationSession, question: Question) -> Sequence[Event]:
    """How uses of the provider ended in the day before, however the app spells it."""
    until = _earliest(session, question)
    asked = Query(since=until - timedelta(hours=TRAFFIC_HOURS), until=until)
    return selected(session, question, asked)


def waited_for(proof: Proof) -> str:
    """``2 of 3 proofs, 1 still from the old version``."""
    there, needed = _counted(proof)
    old = sum(one.old for one in proof.runtimes)
    behind = f", {old} still from the old version" if old else ""
    return f"{there} of {readable.count(needed, 'proof')}{behind}"


def _counted(proof: Proof) -> tuple[int, int]:
    """How many of the needed proofs are there, and how many are needed."""
    runtimes = proof.runtimes
    return sum(min(one.successes, one.needed) for one in runtimes), sum(one.needed for one in runtimes)


def _share(proof: Proof) -> float:
    there, needed = _counted(proof)
    return there / needed if needed else 0.0


@contextmanager
def _released_on_interrupt(journal: Journal) -> Iterator[None]:
    """While waiting for a proof nothing is being written: whoever interrupts leaves no lease behind."""
    try:
        yield
    except KeyboardInterrupt:
        journal.release()
        raise


def _with_later_deployments(session: RotationSession, question: Question) -> Question:
    """A release that was deployed meanwhile took the new version over: what serves now, where it is younger."""
    later = session.workers.each(lambda runtime: _later_than(session, runtime), question.runtimes)
    runtimes = [
        replace(runtime, later_deployments=runtime.later_deployments | found)
        for runtime, found in zip(question.runtimes, later, strict=True)
    ]
    return replace(question, runtimes=runtimes)


def _unless_overtaken(session: RotationSession, question: Question, proof: Proof, direction: Direction) -> Proof:
    """The proof, where what it rests on stands still: nobody has written over the new value or rolled the app back."""
    changed = rewritten(session, question, direction)
    runtimes = [replace(one, rewritten=tuple(changed.get(one.uri, ()))) for one in proof.runtimes]
    seen = _with_what_is_served(
        session, question, replace(proof, runtimes=runtimes, missing=(*proof.missing, *sentences(changed)))
    )
    return replace(seen, proven=False, grade=None) if seen.missing else proof


def _with_what_is_served(session: RotationSession, question: Question, proof: Proof) -> Proof:
    """A proof as far as it goes, with what production serves in place of what was deployed: traffic would prove
    nothing."""
    served = served_elsewhere(session, question)
    proven = [replace(one, serves=served.get(one.uri)) for one in proof.runtimes]
    return replace(proof, runtimes=proven, missing=(*serving_words(served), *proof.missing))


def served_elsewhere(session: RotationSession, question: Question) -> Mapping[str, str]:
    """By runtime destination: the deployment that production serves instead of the one with the new value, where that
    can be seen."""
    looks = session.workers.each(lambda runtime: _served_instead(session, runtime), question.runtimes)
    return {one.uri: instead for one, instead in zip(question.runtimes, looks, strict=True) if instead}


def serving_words(served: Mapping[str, str]) -> Sequence[str]:
    """What that means."""
    return [
        f"{uri}: production serves {instead}, and not the deployment that has the new value"
        for uri, instead in served.items()
    ]


def _served_instead(session: RotationSession, runtime: RuntimeDestination) -> str | None:
    destinations = [binding.destination for binding in session.context.bindings]
    wanted = deployments_for(one for one in destinations if one.uri == runtime.uri)
    if runtime.deployment is None or not wanted or wanted[0].target != "production":
        return None
    with suppress(ServiceError):  # the proof stands as it is
        return served_instead(deployer_of(session, wanted[0].base), wanted[0].target, runtime.deployment)
    return None


def _later_than(session: RotationSession, runtime: RuntimeDestination) -> frozenset[str]:
    destinations = [binding.destination for binding in session.context.bindings]
    wanted = deployments_for(one for one in destinations if one.uri == runtime.uri)
    if runtime.deployment is None or not wanted:
        return frozenset()
    deployer = deployer_of(session, wanted[0].base)
    serving = deployer.current(wanted[0].target)
    if serving is None or serving.id == runtime.deployment:
        return frozenset()
    ours = deployer.get(runtime.deployment)
    return frozenset({serving.id}) if serving.created_at > ours.created_at else frozenset()


def question_of(session: RotationSession, direction: Direction) -> Question:
    """What is to be proven of the rotation under way. Raises ``ServiceError`` where the log does not answer."""
    card, rotation, group = session.context.card, session.rotation, session.group
    runtimes = _runtimes(session, direction)
    success = proving(card, group.secrets)
    before = _day_before(session, success, min((one.since for one in runtimes), default=rotation.began_at))
    return Question(
        provider=card.id,
        environment=session.context.chain_key.environment,
        success_events=success,
        auth_error_codes=frozenset(card.events.auth_error_codes),
        is_back=direction is Direction.BACK,
        denied_codes=frozenset(card.events.denied_codes),
        labels=Labels.of(rotation.pins, direction, group.companions, _of_others(session)),
        runtimes=runtimes,
        successes=card.proof.successes,
        accept_timing=session.context.rules.accept_timing,
        traffic=traffic_of(before, success, TRAFFIC_HOURS),
        mute=says_nothing(before),
        flow=card.proof.flow,
        others_events=proving_others(card, group.secrets),
        also_called=card.spellings,
    )


def _of_others(session: RotationSession) -> frozenset[str]:
    """What apps report for the provider's other secrets. A number that was also one of ours means ours where only ours
    have these events: a process may still hold what was in use two rotations ago."""
    chain, group = session.chain, session.group
    others = chain.reported_of_others(group.names)
    alone = proves_alone(session.context.card, group.secrets)
    return others - chain.reported_of(group.names) if alone else others


def heard(session: RotationSession, direction: Direction) -> Question:
    """What is to be proven, and every name under which the log has rows of it. Raises ``ServiceError``."""
    return _heard_under_every_name(session, question_of(session, direction))


def _heard_under_every_name(session: RotationSession, question: Question) -> Question:
    """The same question about rows whose provider or environment is spelled otherwise too, as the log has them now."""
    written = session.context.log.minute_counts(Query(since=_earliest(session, question) - BEFORE))
    names = {bare(question.provider), bare(session.context.card.name)}
    ours = [one for one in written if bare(one.provider) in names]
    same = {one.environment for one in ours if bare(one.environment) == bare(question.environment)}
    heard = Counter[str]()
    for one in () if same or question.traffic else ours:
        heard[one.environment] += one.count if one.outcome is Outcome.SUCCESS and one.source != CLIENT else 0
    return replace(
        question,
        also_called=question.also_called | {one.provider for one in ours} - {question.provider},
        also_in=frozenset(same - {question.environment}),
        heard_in={name: count for name, count in heard.most_common(MOST_NAMED) if count > 0},
    )


def _earliest(session: RotationSession, question: Question) -> datetime:
    """The earliest moment that matters."""
    return min((runtime.since for runtime in question.runtimes), default=session.rotation.changed_at)


def _runtimes(session: RotationSession, direction: Direction) -> Sequence[RuntimeDestination]:
    progress, bindings = session.rotation.progress(direction), session.context.bindings
    changed_at = session.rotation.changed_at
    return [
        _runtime(binding, progress, _elsewhere(binding, bindings), changed_at)
        for binding in session.bindings
        if binding.destination.runtime and session.group.asks_for_proof_at(binding)
    ]


def _runtime(
    binding: Binding, progress: DirectionProgress, elsewhere: frozenset[str], changed_at: datetime
) -> RuntimeDestination:
    pushed = progress.destinations.get(binding.key, DestinationProgress()).at or changed_at
    plain = RuntimeDestination(
        uri=binding.destination.uri,
        since=pushed,
        serving=pushed,
        sources=None if binding.sources is None else frozenset(binding.sources),
        not_sources=elsewhere,
    )
    deployment = _deployment_of(binding, progress)
    if deployment is None:
        return plain
    if deployment.id is None:  # a person has made it: it is known by its time alone
        ready = deployment.ready_at or pushed
        return replace(plain, since=ready, serving=ready)
    return replace(
        plain,
        since=deployment.created_at or pushed,
        serving=deployment.ready_at or deployment.created_at or pushed,
        deployment=deployment.id,
        previous_deployment=deployment.before_id,
        release=deployment.release,
        previous_release=deployment.before_release,
    )


def _deployment_of(binding: Binding, progress: DirectionProgress) -> Redeployment | None:
    for wanted in deployments_for([binding.destination]):
        made = progress.deployments.get(wanted.key) or next(
            (made for made in progress.deployments.values() if made.place == wanted.base), None
        )
        if made:
            return made
    return None


def _elsewhere(binding: Binding, bindings: Sequence[Binding]) -> frozenset[str]:
    """The sources that the project says run on other destinations, and not on this one too."""
    others = [other for other in bindings if other.key != binding.key and other.sources is not None]
    return frozenset(source for other in others for source in other.sources or ()) - frozenset(binding.sources or ())


def _day_before(session: RotationSession, success: frozenset[str], before: datetime) -> Sequence[Event]:
    """The successes by which it is known what traffic is usual."""
    query = Query(
        environment=session.context.chain_key.environment,
        providers=(session.context.card.id,),
        events=tuple(sorted(success)),
        since=before - timedelta(hours=TRAFFIC_HOURS),
        until=before,
    )
    return list(session.context.log.select(query))


def _rows(session: RotationSession, question: Question) -> tuple[Sequence[Event], Iterator[SetAside]]:
    """What the log holds since the earliest moment that matters, by the store's clock where it keeps it; and what
    of it cannot be read."""
    log = session.context.log
    since = _earliest(session, question)
    by_store = log.capabilities.has("recorded_at")
    wanted = Query(recorded_since=since if by_store else None, since=None if by_store else since)
    return selected(session, question, wanted), log.set_aside(of_every_name(question, wanted)[0])


def selected(session: RotationSession, question: Question, wanted: Query) -> Sequence[Event]:
    """The rows that the question is about, of every name. Raises ``ServiceError``."""
    return list(chain.from_iterable(map(session.context.log.select, of_every_name(question, wanted))))


def of_every_name(question: Question, wanted: Query) -> Sequence[Query]:
    """``wanted`` of the rows that the question is about: first of those that write the environment as we do."""
    providers = (question.provider, *sorted(question.also_called))
    environments = (question.environment, *sorted(question.also_in))
    return [replace(wanted, environment=one, providers=providers) for one in environments]


def _may_be_shown(session: RotationSession) -> bool:
    """Whether any event can show the new value: no flow is run for a proof that cannot come."""
    reports = session.context.log.capabilities.has("detail")
    return why_no_proof(session.group, session.bindings, reports=reports) is None


def _thin(proof: Proof, question: Question, left: float) -> bool:
    """Whether the usual traffic would not bring what is missing in the time that is left."""
    for runtime, asked in zip(proof.runtimes, question.runtimes, strict=True):
        if runtime.missing is None:
            continue
        rate = question.usual_rate(asked)
        if rate * left / 3600 < 2 * max(runtime.needed - runtime.successes, 1):
            return True
    return False


class _Flows:
    """Runs the card's flow where traffic is too thin, no more often than the card allows."""

    def __init__(self, context: RotationContext) -> None:
        card = context.card
        flow = next((flow for flow in card.flows if flow.id == card.proof.flow), None)
        self._run = context.run_flow
        self._id = flow.id if flow else None
        self._left = flow.max_runs if flow else 0
        self._has_run = False

    def run(self, tell: Tell, proof: Proof) -> None:
        """Run the flow once more, where there is one left that could add to the proof."""
        if self._run is None or self._id is None or self._left <= 0:
            return
        if self._has_run and all(one.unlabelled and not one.successes for one in proof.runtimes if one.missing):
            self._left = 0
            tell(f"The flow {self._id} is not run again: its event does not say which version it used, or where.")
            return
        self._has_run = True
        self._left -= 1
        tell(f"Too little traffic: running the flow {self._id} as the test user.")
        try:
            self._run(self._id)
        except LeaseHeld:
            raise
        except ReleaseguardError as error:
            self._left = 0
            tell(f"The flow {self._id} did not run: {error}")
