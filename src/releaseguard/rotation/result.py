"""The result of a run: what it did, and where the rotation stands now."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import NotRequired, TypedDict

from releaseguard.audit.chain import ChainKey, Head
from releaseguard.destinations.hands import is_hands
from releaseguard.errors import ExitCode, LeaseHeld, ReleaseguardError
from releaseguard.report.postmortem.certificate import CertificateDocument
from releaseguard.report.rows import ProofRow, SecretRow
from releaseguard.rotation.certificate import telling as certificates
from releaseguard.rotation.context import RotationContext
from releaseguard.rotation.history.account import proof_row
from releaseguard.rotation.history.parts import CertificateRecord
from releaseguard.rotation.history.views import ChainView, RotationView
from releaseguard.rotation.left_out.choosing import sentences
from releaseguard.rotation.next_steps import as_asked, next_step, versions_to_revoke
from releaseguard.rotation.planning.plan import Plan, PlanRow
from releaseguard.rotation.session import RotationSession
from releaseguard.rotation.values import EXIT_CODES, Direction, Pin, ProofSummary, RotationState


@dataclass(frozen=True, slots=True)
class WrittenName:
    """One name at one destination, in a result."""

    uri: str
    name: str
    status: str
    """``pending``, ``started`` (it is unknown whether it was written), ``pushed``, ``failed``, ``skipped`` or
    ``rolled_back``."""
    writes: int
    """How many writing requests for it reached the service, or may have, over all runs that were not killed."""


class WrittenNameRow(TypedDict):
    """One name at one destination, as it is printed."""

    uri: str
    name: str
    status: str
    writes: int


class RotationDocument(TypedDict):
    """What ``rotate --json`` prints."""

    rotation_id: str | None
    provider: str
    environment: str
    state: str | None
    secrets: Sequence[SecretRow]
    destinations: Sequence[WrittenNameRow]
    proof: ProofRow
    lease_holder: str | None
    next_step: str | None
    remarks: Sequence[str]
    problem: str | None
    head: str | None
    certificate: NotRequired[CertificateDocument]
    plan: NotRequired[PlanRow]


class RotationsDocument(TypedDict):
    """What ``rotate --all --json`` and ``--all-drifted`` print: each rotation, and the names of those that are done,
    wait for a person, or failed; for a dry run also what is planned and what stays as it is."""

    rotations: Sequence[RotationDocument]
    done: Sequence[str]
    waiting: Sequence[str]
    failed: Sequence[str]
    planned: NotRequired[Sequence[str]]
    no_changes: NotRequired[Sequence[str]]


@dataclass(frozen=True, slots=True, kw_only=True)
class RotationResult:
    """What a run did and where the rotation stands now."""

    rotation_id: str | None
    provider: str
    environment: str
    state: RotationState | None
    secrets: Sequence[Pin] = ()
    destinations: Sequence[WrittenName] = ()
    proof: ProofSummary = field(default_factory=ProofSummary)
    lease_holder: str | None = None
    next_step: str | None = None
    remarks: Sequence[str] = ()
    problem: ReleaseguardError | None = None
    """What ended the run early, where something did."""
    revokes: Sequence[str] = ()
    """Descriptions of the versions that a person has to revoke."""
    certificate: CertificateRecord | None = None
    """Who uses the new value and who used the old one last, as of the last proof or confirmation."""
    head: Head | None = None
    plan: Plan | None = None
    """The plan of a dry run."""
    exit_code: ExitCode = ExitCode.OK

    def to_json(self) -> RotationDocument:
        """The document of ``rotate``."""
        document: RotationDocument = {
            "rotation_id": self.rotation_id,
            "provider": self.provider,
            "environment": self.environment,
            "state": self.state.value if self.state else None,
            "secrets": [
                {"name": pin.name, "from_version": pin.from_version or None, "to_version": pin.to_version or None}
                for pin in self.secrets
            ],
            "destinations": [
                {"uri": written.uri, "name": written.name, "status": written.status, "writes": written.writes}
                for written in self.destinations
            ],
            "proof": proof_row(self.proof),
            "lease_holder": self.lease_holder,
            "next_step": self.next_step,
            "remarks": list(self.remarks),
            "problem": str(self.problem) if self.problem else None,
            "head": str(self.head) if self.head else None,
        }
        if self.certificate:
            document["certificate"] = certificates.document_of(self.certificate)
        if self.plan:
            document["plan"] = self.plan.to_json()
        return document


def result_of(
    session: RotationSession,
    rotation_id: str,
    *,
    remarks: Sequence[str] = (),
    problem: ReleaseguardError | None = None,
    certificate: CertificateRecord | None = None,
) -> RotationResult:
    """Where that rotation stands now, and what ended the run early. ``certificate`` is a newer one than its history
    has."""
    view, chain = session.rotation_named(rotation_id), session.chain
    view = replace(view, certificate=certificate or view.certificate)
    ended = (view.ended_because,) if view.ended_because else ()
    left = sentences(session.left_of(view)) if view.state in _STANDING else ()
    return RotationResult(
        rotation_id=view.id,
        provider=session.context.chain_key.provider,
        environment=session.context.chain_key.environment,
        state=None if view.reported and not view.retired_at else view.state,
        secrets=view.pins,
        destinations=_written_names(session, view),
        proof=view.proof,
        lease_holder=_holder(chain),
        next_step=problem.next_step if problem and problem.next_step else next_step(session, view),
        remarks=(*remarks, *ended, *left),
        problem=problem,
        revokes=versions_to_revoke(view),
        certificate=view.certificate if view.state in _STANDING else None,
        head=chain.head,
        exit_code=problem.exit_code if problem else EXIT_CODES.get(view.state, ExitCode.UNDECIDED),
    )


_STANDING = frozenset(
    {RotationState.PUSHED, RotationState.DEPLOYED, RotationState.PROVEN, RotationState.UNPROVEN, RotationState.RETIRED}
)
"""The states in which only destinations that were left out still hold the old value."""


def nothing_to_do(session: RotationSession, why: str) -> RotationResult:
    """The result of a call that changes nothing and begins no rotation."""
    return RotationResult(
        rotation_id=None,
        provider=session.context.chain_key.provider,
        environment=session.context.chain_key.environment,
        state=None,
        remarks=(why,),
        head=session.chain.head,
    )


def only_planned(session: RotationSession, plan: Plan) -> RotationResult:
    """The result of a dry run."""
    lease = session.journal.held_by_another()
    remarks = (f"Held by {lease.holder} now: a run would be refused.",) if lease else ()
    return RotationResult(
        rotation_id=None,
        provider=session.context.chain_key.provider,
        environment=session.context.chain_key.environment,
        state=None,
        secrets=plan.pins,
        destinations=tuple(WrittenName(one.uri, name, "pending", 0) for one in plan.destinations for name in one.names),
        remarks=(*plan.remarks, *remarks),
        next_step=None if plan.unchanged else as_asked(session),
        head=session.chain.head,
        plan=plan,
    )


def held_elsewhere(context: RotationContext, chain: ChainView, held: LeaseHeld) -> RotationResult:
    """The result where another run holds the lease."""
    current = chain.current
    return RotationResult(
        rotation_id=current.id if current else None,
        provider=context.chain_key.provider,
        environment=context.chain_key.environment,
        state=current.state if current else None,
        secrets=current.pins if current else (),
        lease_holder=_holder(chain),
        next_step=held.next_step,
        problem=held,
        head=chain.head,
        exit_code=held.exit_code,
    )


def not_begun(chain_key: ChainKey, error: ReleaseguardError, names: Sequence[str]) -> RotationResult:
    """The result of a rotation that ``error`` stopped before it began."""
    return RotationResult(
        rotation_id=None,
        provider=chain_key.provider,
        environment=chain_key.environment,
        state=None,
        secrets=[Pin(name, None) for name in names],
        next_step=error.next_step,
        problem=error,
        exit_code=error.exit_code,
    )


def _holder(chain: ChainView) -> str | None:
    return chain.lease.holder if chain.lease and not chain.lease.released else None


def _written_names(session: RotationSession, view: RotationView) -> Sequence[WrittenName]:
    uris = {binding.key: binding.destination.uri for binding in session.context.bindings}
    return tuple(
        WrittenName(uris.get(key, key), name, _status(view, key), _writes(view, key, name))
        for key, names in view.names.items()
        for name in names
    )


def _status(view: RotationView, key: str) -> str:
    taken_back = view.progress(Direction.BACK).destinations.get(key)
    if view.rolling_back and taken_back:
        return "rolled_back" if taken_back.status == "pushed" else taken_back.status
    carried = view.progress(Direction.FORWARD).destinations.get(key)
    if key in view.skipped:
        return "skipped"
    if carried is None or (carried.status == "started" and is_hands(key.partition(" ")[0])):
        return "pending"  # a person has been asked: what is there is what was there, as far as anybody has said
    return carried.status


def _writes(view: RotationView, key: str, name: str) -> int:
    carried = (progress.destinations.get(key) for progress in view.directions.values())
    return sum(one.writes.get(name, 0) for one in carried if one)
