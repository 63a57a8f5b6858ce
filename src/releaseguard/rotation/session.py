"""Walks the steps of a rotation: stage, push, deploy, prove, and back where that is allowed.

Every step is written to the history before and after, does nothing that the history says is done, and can be
picked up by another process on another machine at any point.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from releaseguard.deployments.interface import Deployer, Deployment, Phase
from releaseguard.destinations.interface import Item, Observed, SyncStatus, WriteResult
from releaseguard.errors import (
    Failed,
    LeaseHeld,
    NotFound,
    Refused,
    ReleaseguardError,
    ServiceError,
    Undecided,
    Unreachable,
    UsageError,
)
from releaseguard.eventlog.interface import Query, SetAside
from releaseguard.model import Event
from releaseguard.rotation.history import events as said
from releaseguard.rotation.history.journal import Journal
from releaseguard.rotation.history.views import DestinationProgress, DirectionProgress, Redeployment, RotationView
from releaseguard.rotation.planning.plan import (
    PlanningFacts,
    SecretGroup,
    deployments_for,
    items_for,
    refuse_leaked_values,
)
from releaseguard.rotation.proof.judge import Labels, Proof, Question, RuntimeDestination, prove, traffic_of
from releaseguard.rotation.values import (
    Binding,
    Direction,
    Pin,
    RotateRequest,
    RotationContext,
    RotationState,
    ValueSource,
)
from releaseguard.rotation.workers import Workers
from releaseguard.secret import Secret
from releaseguard.vault.interface import ApprovalPending, SecretVersion

Tell = Callable[[str], None]

FIRST_LOOK, LAST_LOOK = 1.0, 15.0
"""Seconds between two looks at the log while waiting for a proof: from the first to at most the last."""
FIRST_POLL, LAST_POLL = 2.0, 10.0
"""Seconds between two looks at a deployment."""
GROWTH = 1.5
TRAFFIC_HOURS = 24.0
FLOW_AFTER = 0.1
"""The share of the time for the proof after which thin traffic is helped by the card's flow."""
META = "releaseguardRotation"


class PushIncomplete(ServiceError):
    """Some destinations were written and some were not; ``--resume`` writes the rest."""


@dataclass(frozen=True, slots=True)
class _Written:
    """What became of writing one destination: receipts, or the reason why not."""

    place: Binding
    receipts: Sequence[WriteResult] = ()
    error: ReleaseguardError | None = None


class RotationSession:
    """One rotation under way. The lease is held from the first event this run appends."""

    def __init__(
        self,
        context: RotationContext,
        journal: Journal,
        workers: Workers,
        request: RotateRequest,
        unit: SecretGroup,
        tell: Tell,
    ) -> None:
        self._context = context
        self._journal = journal
        self._workers = workers
        self._request = request
        self._unit = unit
        self._tell = tell
        self._values: dict[tuple[str, int], SecretVersion] = {}
        self._check_again = False
        self._id = ""

    @property
    def view(self) -> RotationView:
        """Where it stands."""
        found = next((view for view in self._journal.view.rotations if view.id == self._id), None)
        if found is None:
            raise KeyError(f"rotation {self._id} is not in the chain")
        return found

    # --- the story

    def begin(self, rotation_id: str, *steps: said.ChainStep, taken_over: bool) -> None:
        """Take the lease with the first events; after a take-over, wait out the predecessor's last request."""
        self._id = rotation_id
        self._check_again = taken_over
        self._journal.about(rotation_id)
        self._journal.append(*steps)
        self._journal.wait_for_stragglers(self._context.rules.request_timeout, self._tell)

    def remember(self, versions: Iterable[SecretVersion]) -> None:
        """Take versions that were read while planning: where one is exactly what is pinned, it is not read again."""
        self._values.update({(version.name, version.version): version for version in versions})

    def adopt(self, rotation_id: str) -> None:
        """Look at a rotation without taking it."""
        self._id = rotation_id

    def go_on(self) -> None:
        """Take it as far as it goes now; the state says how far that was.

        Raises ``ServiceError``, ``Refused``, ``Undecided`` or ``Failed`` where a step could not be done.
        """
        with self._journal.kept_alive(self._context.rules.heartbeat):
            if self.view.rolling_back:
                self._go_back()
            else:
                self._go_forward()

    def roll_back(self, reason: str) -> None:
        """Put the previous version back everywhere, redeploy, prove; where that is forbidden, say so and fail."""
        forbidden = self.why_not_back()
        if forbidden:
            self._append(said.RotationFailed(rotation_id=self._id, reason=f"{reason}; not rolled back: {forbidden}"))
            return
        self._tell(f"Rolling back: {reason}")
        self._append(said.RollingBack(rotation_id=self._id, reason=reason))
        self._go_back()

    def why_not_back(self) -> str | None:
        """Why the previous version must not be put back; ``None`` where it may."""
        view, chain_key = self.view, self._journal.view
        for pin in view.pins:
            if pin.from_version is None:
                return f"no previous version of {pin.name} is known"
            if pin.from_version in chain_key.leaked(pin.name):
                return f"version {pin.from_version} of {pin.name} leaked"
        if any(
            rotation.retired_at and rotation.unit == view.unit for rotation in _since_pushed(chain_key.rotations, view)
        ):
            return "a person has confirmed that the previous version is revoked"
        if all(pin.from_version == pin.to_version for pin in view.pins):
            return "there is no other version to go back to"
        return None

    def _go_forward(self) -> None:
        if self._stage() and self._at_the_console() and self._push(Direction.FORWARD):
            failure = self._deploy(Direction.FORWARD)
            if failure:
                self.roll_back(failure)
            elif self.view.progress(Direction.FORWARD).deployed_at or self._request.action.value == "resume":
                self._prove_forward()

    def _go_back(self) -> None:
        try:
            self._push(Direction.BACK)
        except NotFound as error:
            self._append(said.RotationFailed(rotation_id=self._id, reason=f"cannot be rolled back: {error}"))
            return
        failure = self._deploy(Direction.BACK)
        if failure:
            reason = f"{self.view.rolling_back}; rolling back failed too: {failure}"
            self._append(said.RotationFailed(rotation_id=self._id, reason=reason))
            return
        proof = self._wait_for_proof(Direction.BACK)
        self._append(said.RolledBack(rotation_id=self._id, reason=self.view.rolling_back, **_told(proof)))

    def _append(self, step: said.RotationEvent) -> None:
        self._journal.append(step)

    # --- stage: pin the versions

    def _stage(self) -> bool:
        view = self.view
        if view.state not in (RotationState.PLANNED, RotationState.WAITING_APPROVAL):
            return True
        if self._unit.manual:
            self._append(said.Staged(rotation_id=self._id))
            return True
        origin = ValueSource(view.origin)
        versions, pending = self._new_versions(origin, view)
        if pending:
            self._append(said.WaitingApproval(rotation_id=self._id, secrets=tuple(pending)))
            self._tell(f"Waiting for an approval in the vault: {', '.join(pending)}.")
            return False
        self._check_leak(versions, view)
        self._append(self.staged(self._id, self._pins(view, versions)))
        return True

    def staged(self, rotation_id: str, pins: Sequence[Pin]) -> said.Staged:
        """The pinned versions and every name that will be written."""
        placeholder = {pin.name: (Secret(""), pin.to_version or 0) for pin in pins}
        return said.Staged(
            rotation_id=rotation_id,
            secrets=tuple(
                said.PinnedSecret(
                    name=pin.name,
                    from_version=pin.from_version,
                    to_version=pin.to_version,
                    secret_id=pin.secret_id,
                    from_secret_id=pin.from_secret_id,
                )
                for pin in pins
            ),
            destinations=tuple(
                said.StagedPlace(
                    key=place.key,
                    uri=place.destination.uri,
                    names=tuple(item.name for item in items_for(self._unit, place, placeholder)),
                )
                for place in self._context.places
            ),
        )

    def _new_versions(
        self, origin: ValueSource, view: RotationView
    ) -> tuple[Mapping[str, SecretVersion], Sequence[str]]:
        """The new version of every secret, made where it has to be; and the names whose write awaits an approval."""
        versions, pending, untouched = {}, [], []
        for name in self._unit.names:
            try:
                versions[name], new = self._new_version(name, origin, view)
                untouched += [] if new else [name]
            except ApprovalPending:
                pending.append(name)
        if len(untouched) == len(self._unit.names) and not pending:
            raise Undecided(
                f"no new version of {self._unit.name} has been made yet",
                where=self._context.vault.label,
                next_step=f"Run `{self._context.command} --from {origin.value}` again, or --abort.",
            )
        return versions, pending

    def _new_version(self, name: str, origin: ValueSource, view: RotationView) -> tuple[SecretVersion, bool]:
        """The version to be used, and whether it is a new one. A version that a killed run made is not made again."""
        newest, seen, given = self._newest(name), view.seen.get(name), self._request.values.get(name)
        moved = newest is not None and (
            seen is None or (newest.version, newest.secret_id) != (seen.version, seen.secret_id)
        )
        if newest is not None and (moved or origin is ValueSource.INFISICAL):
            return newest, True
        if view.awaits_approval:
            raise ApprovalPending(f"{name}: the vault still waits for an approval", where=self._context.vault.label)
        if origin is ValueSource.STDIN and given is not None:
            there = newest is not None and newest.value.same_as(given)
            return newest if newest and there else self._context.vault.write(name, given), True
        if origin is ValueSource.GENERATE:
            return self._context.vault.write(name, self._generated(name)), True
        if origin is ValueSource.INFISICAL_ROTATION:
            return self._context.vault.trigger_rotation(name), True
        if newest is None:
            raise NotFound(f"the vault has no secret {name}", where=self._context.vault.label)
        return newest, False

    def _generated(self, name: str) -> Secret:
        spec = next(spec for spec in self._unit.secrets if spec.name == name)
        if spec.from_ != "generated":
            raise UsageError(
                f"{name} is issued by the provider: a value made up here would not work",
                next_step="Make it in the provider's console and store it as a new version.",
            )
        return Secret(secrets.token_urlsafe(48))

    def _newest(self, name: str) -> SecretVersion | None:
        try:
            return self._context.vault.read(name)
        except NotFound:
            return None

    def _check_leak(self, versions: Mapping[str, SecretVersion], view: RotationView) -> None:
        if view.leak is None:
            return
        earlier = {name: earlier_versions(self._context, version) for name, version in versions.items()}
        survey = PlanningFacts(newest=versions, earlier=earlier)
        try:
            refuse_leaked_values(self._unit, self._request, survey, view.leak, self._journal.view)
        except Refused as refusal:
            self._append(said.AbortedByRefusal(rotation_id=self._id, reason=str(refusal)))
            raise

    def _pins(self, view: RotationView, versions: Mapping[str, SecretVersion]) -> Sequence[Pin]:
        out = self._journal.view.out
        return [
            Pin(
                pin.name,
                pin.from_version,
                versions[pin.name].version,
                versions[pin.name].secret_id,
                out[pin.name].secret_id if pin.name in out else _seen_id(view, pin),
            )
            for pin in view.pins
        ]

    def _at_the_console(self) -> bool:
        """Whether nothing is left for a person to do at the provider; running ``--resume`` is how they say so."""
        view = self.view
        if view.console_confirmed or not self._unit.waits_for_console or view.progress(Direction.FORWARD).places:
            return True
        if view.state is RotationState.WAITING_CONSOLE and self._request.action.value == "resume":
            self._append(said.ConsoleConfirmed(rotation_id=self._id))
            return True
        if view.state is not RotationState.WAITING_CONSOLE:
            self._append(said.WaitingConsole(rotation_id=self._id, steps=self._unit.steps()))
        return False

    # --- push

    def _push(self, direction: Direction) -> bool:
        places = self._not_right(direction)
        if not places:
            if self.view.progress(direction).pushed_at is None:
                self._append(said.Pushed(rotation_id=self._id, direction=direction))
            return True
        pinned = self._pinned(direction)
        self._append(self._about_to_write(places, direction))
        # The chain's head goes where no writer of the log reaches: a cut tail shows against it.
        note = f"releaseguard {self._id} head {self._journal.view.head}"
        items = {place.key: items_for(self._unit, place, pinned, note) for place in places}
        self._tell(f"Writing {len(places)} destinations.")
        written = self._workers.each(lambda place: self._write(place, items[place.key]), places)
        failed = [result for result in written if result.error]
        steps = self._outcomes(written, direction)
        if not failed:
            steps.append(said.Pushed(rotation_id=self._id, direction=direction))
        self._journal.append(*steps)
        if failed:
            raise self._push_failed(failed)
        return True

    def _not_right(self, direction: Direction) -> Sequence[Binding]:
        """The destinations that are still to be written; after a take-over every other one is read back first."""
        progress = self.view.progress(direction)
        done = [
            place
            for place in self._context.places
            if progress.places.get(place.key, DestinationProgress()).status == "pushed"
        ]
        wrong: set[str] = set()
        if done and self._check_again:
            self._tell(f"Reading back {len(done)} destinations.")
            pinned = self._pinned(direction)
            moved = self._workers.each(lambda place: self._has_moved(place, progress, pinned), done)
            wrong = {place.key for place, changed in zip(done, moved, strict=True) if changed}
        self._check_again = False
        right = {place.key for place in done} - wrong
        return [place for place in self._context.places if place.key not in right]

    def _has_moved(self, place: Binding, progress: DirectionProgress, pinned: Mapping[str, tuple[Secret, int]]) -> bool:
        observed = place.destination.observe(items_for(self._unit, place, pinned))
        markers = progress.places[place.key].markers
        return any(not _still_there(there, markers.get(name)) for name, there in observed.items())

    def _pinned(self, direction: Direction) -> Mapping[str, tuple[Secret, int]]:
        """The values to be written, by secret, exactly as pinned."""
        pinned = {}
        for pin in self.view.pins:
            version = pin.version(direction)
            if version is not None:
                pinned[pin.name] = (self._read(pin, version, direction).value, version)
        return pinned

    def _read(self, pin: Pin, version: int, direction: Direction) -> SecretVersion:
        known = self._values.get((pin.name, version))
        if known is None:
            known = self._context.vault.read(pin.name, version)
            self._values[(pin.name, version)] = known
        expected = pin.secret_id if direction is Direction.FORWARD else pin.from_secret_id
        if expected and known.secret_id != expected:
            raise NotFound(
                f"{pin.name} was deleted and created anew: its version {version} is another one than the one pinned",
                where=self._context.vault.label,
                next_step="Abort this rotation (--abort) and rotate to the newest version.",
            )
        return known

    def _about_to_write(self, places: Sequence[Binding], direction: Direction) -> said.PushStarted:
        return said.PushStarted(
            rotation_id=self._id,
            direction=direction,
            versions={pin.name: pin.version(direction) for pin in self.view.pins},
            destinations=tuple(said.Target(destination=place.key, uri=place.destination.uri) for place in places),
        )

    def _write(self, place: Binding, items: Sequence[Item]) -> _Written:
        try:
            return _Written(place, place.destination.push(items))
        except LeaseHeld:
            raise
        except ReleaseguardError as error:
            return _Written(place, error=error)

    def _outcomes(self, written: Sequence[_Written], direction: Direction) -> list[said.Directed]:
        """One step for all that went right, and one for each that did not."""
        right = tuple(_receipt(result) for result in written if result.error is None)
        steps: list[said.Directed] = [self._failure(result, direction) for result in written if result.error]
        if right:
            steps.insert(0, said.PushFinished(rotation_id=self._id, direction=direction, destinations=right))
        return steps

    def _failure(self, result: _Written, direction: Direction) -> said.PushFailed:
        return said.PushFailed(
            rotation_id=self._id,
            direction=direction,
            destination=result.place.key,
            uri=result.place.destination.uri,
            problem=str(result.error),
            writes=dict(result.place.destination.written()),
        )

    def _push_failed(self, failed: Sequence[_Written]) -> ReleaseguardError:
        right = sorted(place.key for place in self._context.places if place.key not in {r.place.key for r in failed})
        wrong = "; ".join(f"{result.place.key}: {result.error}" for result in failed)
        what = f"{len(failed)} of {len(self._context.places)} destinations were not written ({wrong})"
        step = f"Right: {', '.join(right) or 'none'}. Continue with `{self._context.command} --resume`."
        errors = [result.error for result in failed if result.error]
        services = [error for error in errors if isinstance(error, ServiceError)]
        if services:
            unknown = any(isinstance(error, Unreachable) for error in services)
            kind: type[ServiceError] = Unreachable if unknown else PushIncomplete
            return kind(what, next_step=step, status=services[0].status)
        refused = next((error for error in errors if isinstance(error, Refused)), None)
        return Refused(what, next_step=refused.next_step) if refused else Failed(what, next_step=step)

    @property
    def _provider(self) -> str:
        return self._context.card.id

    # --- deploy

    def _deploy(self, direction: Direction) -> str | None:
        """Redeploy whatever serves the old value; returns why that failed, where it did."""
        if self.view.progress(direction).deployed_at:
            return None
        wanted = deployments_for(place.destination for place in self._context.places)
        if wanted and not self._request.deploy:
            self._tell("Not deployed, as asked: deploy, then continue with --resume.")
            return None
        for base, target in wanted:
            self._request_deployment(direction, base, target)
        failures = [failure for base, target in wanted if (failure := self._await_deployment(direction, base, target))]
        if failures:
            return "; ".join(failures)
        self._append(said.Deployed(rotation_id=self._id, direction=direction))
        return None

    def _request_deployment(self, direction: Direction, base: str, target: str) -> None:
        known = self.view.progress(direction).deployments.get(f"{base}/{target}")
        if known and known.phase in ("created", "ready"):
            return
        deployer = self._deployer(base)
        if known and known.phase == "requested":
            found = deployer.find(target, known.meta)
            if found:
                self._created(direction, base, found)
                return
            meta, source = known.meta, deployer.current(target)
        else:
            source = deployer.current(target)
            meta = {META: self._id, "releaseguardAttempt": f"{direction.value}-{known.attempt + 1 if known else 1}"}
            if source:
                self._requested(direction, base, source, meta, known)
        if source is None:
            self._tell(f"{base}: nothing is deployed at {target}; there is nothing to redeploy.")
            return
        self._created(direction, base, self._redeploy_once(deployer, source, target, meta))

    def _requested(
        self,
        direction: Direction,
        base: str,
        source: Deployment,
        meta: Mapping[str, str],
        known: Redeployment | None,
    ) -> None:
        step = said.DeploymentRequested(
            rotation_id=self._id,
            direction=direction,
            place=base,
            target=source.target,
            attempt=known.attempt + 1 if known else 1,
            meta=dict(meta),
            before_id=source.id,
            before_release=source.release or None,
        )
        self._append(step)

    def _redeploy_once(
        self, deployer: Deployer, source: Deployment, target: str, meta: Mapping[str, str]
    ) -> Deployment:
        """Ask once. Where the answer is lost the deployment is looked for, and never asked for again by this run."""
        self._tell(f"Redeploying {source.id} ({deployer.place}, {target}).")
        try:
            return deployer.redeploy(source, meta)
        except ServiceError as error:
            unknown = isinstance(error, Unreachable) or (error.status or 0) >= 500
            found = deployer.find(target, meta) if unknown else None
            if found:
                return found
            raise

    def _created(self, direction: Direction, base: str, made: Deployment) -> None:
        self._append(said.DeploymentCreated(target=made.target, **self._made(direction, base, made)))

    def _made(self, direction: Direction, base: str, made: Deployment) -> Mapping[str, Any]:
        return {
            "rotation_id": self._id,
            "direction": direction,
            "place": base,
            "deployment_id": made.id,
            "release": made.release or None,
        }

    def _await_deployment(self, direction: Direction, base: str, target: str) -> str | None:
        known = self.view.progress(direction).deployments.get(f"{base}/{target}")
        if known is None or known.phase == "ready" or known.id is None:
            return None
        made = self._settled(self._deployer(base), known.id)
        about = self._made(direction, base, made)
        if made.phase is Phase.READY:
            self._append(said.DeploymentReady(target=target, **about))
            return None
        reason = f"deployment {made.id} of {base} ended as {made.state}" + (f": {made.reason}" if made.reason else "")
        self._append(said.DeploymentFailed(target=target, reason=reason, **about))
        return reason

    def _settled(self, deployer: Deployer, deployment_id: str) -> Deployment:
        clock, wait = self._context.clocks.elapsed, FIRST_POLL
        until = clock() + self._context.rules.deploy_within.total_seconds()
        while True:
            made = deployer.get(deployment_id)
            if made.phase is not Phase.RUNNING:
                return made
            if clock() >= until:
                raise Undecided(
                    f"deployment {made.id} is still {made.state}",
                    where=deployer.place,
                    next_step=f"Look at it there; continue with `{self._context.command} --resume`.",
                )
            self._journal.pause(wait)
            wait = min(wait * GROWTH, LAST_POLL)

    def _deployer(self, base: str) -> Deployer:
        deployer = self._context.deployers.get(base)
        if deployer is None:
            raise UsageError(f"nothing can redeploy {base}", next_step="Run with --no-deploy and deploy it yourself.")
        return deployer

    # --- prove

    def _prove_forward(self) -> None:
        proof = self._wait_for_proof(Direction.FORWARD)
        if proof.proven and not self._unit.client:
            self._tell(f"PROVEN, grade {proof.grade}.")
            self._append(said.Proven(rotation_id=self._id, **_told(proof)))
        elif proof.refused or (proof.refused_at_least_once and not proof.proven):
            self.roll_back("the provider refuses the new version: authentication errors since it is out")
        else:
            self._append(said.Unproven(rotation_id=self._id, **_told(proof, self._installed_apps())))

    def _installed_apps(self) -> Sequence[str]:
        if not self._unit.client:
            return ()
        return (
            f"{self._unit.name} lives in installed apps: no redeploy replaces it there. Revoke the old value only "
            "when few events still come from releases that hold it.",
        )

    def _wait_for_proof(self, direction: Direction) -> Proof:
        asked = self._request.prove_within
        within = self._context.rules.prove_within if asked is None else asked
        clock, wait, began = self._context.clocks.elapsed, FIRST_LOOK, self._context.clocks.elapsed()
        question, flows = self._question(direction), _Flows(self._context)
        with self._released_on_interrupt():
            while True:
                proof = prove(question, *self._rows(question))
                left = within.total_seconds() - (clock() - began)
                if not proof.proven and (wait == LAST_LOOK or left <= 0):
                    question = self._with_later_deployments(question)
                    proof = prove(question, *self._rows(question))
                if proof.proven or proof.refused or left <= 0 or self._unit.client or not question.runtimes:
                    return proof
                if clock() - began >= FLOW_AFTER * within.total_seconds() and _thin(proof, question, left):
                    flows.run(self._tell)
                self._journal.pause(min(wait, max(left, 0.001)))
                wait = min(wait * GROWTH, LAST_LOOK)

    def _with_later_deployments(self, question: Question) -> Question:
        """A release that was deployed meanwhile took the new version over: what serves now, where it is younger."""
        runtimes = [
            replace(runtime, later_deployments=runtime.later_deployments | self._later_than(runtime))
            for runtime in question.runtimes
        ]
        return replace(question, runtimes=runtimes)

    def _later_than(self, runtime: RuntimeDestination) -> frozenset[str]:
        wanted = deployments_for(
            place.destination for place in self._context.places if place.destination.uri == runtime.uri
        )
        if runtime.deployment is None or not wanted:
            return frozenset()
        base, target = wanted[0]
        deployer = self._deployer(base)
        serving = deployer.current(target)
        if serving is None or serving.id == runtime.deployment:
            return frozenset()
        ours = deployer.get(runtime.deployment)
        return frozenset({serving.id}) if serving.created_at > ours.created_at else frozenset()

    def _released_on_interrupt(self) -> _ReleasedOnInterrupt:
        return _ReleasedOnInterrupt(self._journal)

    def _question(self, direction: Direction) -> Question:
        card, view = self._context.card, self.view
        proven_by = {event for spec in self._unit.secrets for event in spec.proven_by} or set(card.events.success)
        runtimes = self._runtimes(direction)
        success = frozenset(proven_by)
        return Question(
            provider=card.id,
            environment=self._context.chain_key.environment,
            success_events=success,
            auth_error_codes=frozenset(card.events.auth_error_codes),
            labels=Labels.of(view.pins, direction, self._unit.companions),
            runtimes=runtimes,
            successes=card.proof.successes,
            accept_timing=self._context.rules.accept_timing,
            traffic=self._traffic(success, min((runtime.since for runtime in runtimes), default=view.began_at)),
            flow=card.proof.flow,
        )

    def _runtimes(self, direction: Direction) -> Sequence[RuntimeDestination]:
        progress = self.view.progress(direction)
        running = [place for place in self._context.places if place.destination.runtime]
        return [self._runtime(place, progress, _elsewhere(place, self._context.places)) for place in running]

    def _runtime(self, place: Binding, progress: DirectionProgress, elsewhere: frozenset[str]) -> RuntimeDestination:
        carried = progress.places.get(place.key, DestinationProgress())
        pushed = carried.at or self.view.changed_at
        sources = None if place.sources is None else frozenset(place.sources)
        deployment = self._deployment_of(place, progress)
        if deployment is None or deployment.id is None:
            return RuntimeDestination(
                uri=place.destination.uri, since=pushed, serving=pushed, sources=sources, not_sources=elsewhere
            )
        return RuntimeDestination(
            uri=place.destination.uri,
            since=deployment.created_at or pushed,
            serving=deployment.ready_at or deployment.created_at or pushed,
            sources=sources,
            not_sources=elsewhere,
            deployment=deployment.id,
            previous_deployment=deployment.before_id,
            release=deployment.release,
            previous_release=deployment.before_release,
        )

    @staticmethod
    def _deployment_of(place: Binding, progress: DirectionProgress) -> Redeployment | None:
        for base, target in deployments_for([place.destination]):
            made = progress.deployments.get(f"{base}/{target}") or next(
                (made for made in progress.deployments.values() if made.place == base), None
            )
            if made:
                return made
        return None

    def _traffic(self, success: frozenset[str], before: datetime) -> Mapping[str | None, float]:
        query = Query(
            environment=self._context.chain_key.environment,
            providers=(self._provider,),
            events=tuple(sorted(success)),
            since=before - timedelta(hours=TRAFFIC_HOURS),
            until=before,
        )
        return traffic_of(self._context.log.select(query), success, TRAFFIC_HOURS)

    def _rows(self, question: Question) -> tuple[Sequence[Event], Iterator[SetAside]]:
        """What the log holds since the earliest moment that matters, by the store's clock where it keeps it; and what
        of it cannot be read."""
        since = min((runtime.since for runtime in question.runtimes), default=self.view.changed_at)
        by_store = self._context.log.capabilities.has("recorded_at")
        query = Query(
            environment=question.environment,
            providers=(question.provider,),
            recorded_since=since if by_store else None,
            since=None if by_store else since,
        )
        return list(self._context.log.select(query)), self._context.log.set_aside(query)


class _ReleasedOnInterrupt:
    """While waiting for a proof nothing is being written: whoever interrupts leaves no lease behind."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: type[BaseException] | None, _error: object, _trace: object) -> None:
        if kind is KeyboardInterrupt:
            self._journal.release()


class _Flows:
    """Runs the card's flow where traffic is too thin, no more often than the card allows."""

    def __init__(self, context: RotationContext) -> None:
        card = context.card
        flow = next((flow for flow in card.flows if flow.id == card.proof.flow), None)
        self._run = context.run_flow
        self._id = flow.id if flow else None
        self._left = flow.max_runs if flow else 0

    def run(self, tell: Tell) -> None:
        if self._run is None or self._id is None or self._left <= 0:
            return
        self._left -= 1
        tell(f"Too little traffic: running the flow {self._id} as the test user.")
        try:
            self._run(self._id)
        except LeaseHeld:
            raise
        except ReleaseguardError as error:
            self._left = 0
            tell(f"The flow {self._id} did not run: {error}")


def earlier_versions(context: RotationContext, newest: SecretVersion) -> Sequence[SecretVersion]:
    """Every readable version before ``newest``, the newest of them first; the vault may have dropped some."""
    earlier = []
    for version in range(newest.version - 1, 0, -1):
        with suppress(NotFound):
            earlier.append(context.vault.read(newest.name, version))
    return earlier


def _receipt(result: _Written) -> said.PushedTarget:
    return said.PushedTarget(
        destination=result.place.key,
        uri=result.place.destination.uri,
        writes={receipt.name: receipt.writes for receipt in result.receipts},
        markers={one.name: one.observed.marker for one in result.receipts if one.observed.marker is not None},
    )


def _seen_id(view: RotationView, pin: Pin) -> str | None:
    seen = view.seen.get(pin.name)
    return seen.secret_id if seen else None


def _still_there(there: Observed, marker: str | None) -> bool:
    if not there.present or there.sync is SyncStatus.NO:
        return False
    return there.sync is SyncStatus.YES or there.marker == marker


def _elsewhere(place: Binding, places: Sequence[Binding]) -> frozenset[str]:
    """The sources that the project says run on other destinations, and not on this one too."""
    others = [other for other in places if other.key != place.key and other.sources is not None]
    return frozenset(source for other in others for source in other.sources or ()) - frozenset(place.sources or ())


def _since_pushed(rotations: Sequence[RotationView], view: RotationView) -> Sequence[RotationView]:
    """This rotation and every one after the one that brought its previous version out."""
    index = next(i for i, rotation in enumerate(rotations) if rotation.id == view.id)
    return rotations[index:]


def _thin(proof: Proof, question: Question, left: float) -> bool:
    """Whether the usual traffic would not bring what is missing in the time that is left."""
    for runtime, asked in zip(proof.runtimes, question.runtimes, strict=True):
        if runtime.missing is None:
            continue
        rate = sum(hourly for source, hourly in question.traffic.items() if _could_speak(asked, source))
        if rate * left / 3600 < 2 * max(runtime.needed - runtime.successes, 1):
            return True
    return False


def _could_speak(runtime: RuntimeDestination, source: str | None) -> bool:
    return source not in runtime.not_sources if runtime.sources is None else source in runtime.sources


def _told(proof: Proof, more: Sequence[str] = ()) -> Mapping[str, Any]:
    """A proof as it is written into the history: counts and row ids, nothing else."""
    return {
        "grade": said.Grade(proof.grade.value) if proof.grade else None,
        "events": tuple(proof.events),
        "missing": (*more, *proof.missing),
        "runtimes": tuple(
            said.ProvenRuntime(
                uri=runtime.uri,
                grade=said.Grade(runtime.grade.value) if runtime.grade else None,
                successes=runtime.successes,
                needed=runtime.needed,
                synthetic=runtime.synthetic,
            )
            for runtime in proof.runtimes
        ),
    }
