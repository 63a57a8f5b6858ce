"""Decides what a rotation would do, from values alone. Refusals come before anything is written. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from releaseguard.cards.spec import Card, SecretSpec
from releaseguard.destinations.address import ReadAddress
from releaseguard.destinations.hands import is_hands
from releaseguard.destinations.interface import CostEstimate
from releaseguard.http.pacing import Limits, predict
from releaseguard.rotation.context import Binding, RotationRules
from releaseguard.rotation.groups import NOTHING, SecretGroup, deployments_for, items_for, unit_of
from releaseguard.rotation.history.views import ChainView, Written
from releaseguard.rotation.identity.expected import hard_to_prove, why_no_proof
from releaseguard.rotation.identity.flaws import flaws_in, refuse_flawed, unlike_the_documented
from releaseguard.rotation.identity.labelling import identified, label_for, pin_of
from releaseguard.rotation.identity.returning import candidates, is_stored, refuse_spent, same_as_before
from releaseguard.rotation.planning.facts import PlanningFacts
from releaseguard.rotation.planning.leaked import leak_of, refuse_leaked_before
from releaseguard.rotation.planning.new_destinations import never_written
from releaseguard.rotation.planning.plan import Plan, PlannedDestination, ServiceCost
from releaseguard.rotation.planning.refusals import refuse_empty, refuse_missing, refuse_older, refuse_values
from releaseguard.rotation.values import Leak, Pin, RotateRequest
from releaseguard.secret import Secret
from releaseguard.vault.interface import SecretVersion
from releaseguard.vault.source import ValueSource

DEPLOYMENT_READS = 4
"""The fewest requests that a deployment takes: reading what is served, and waiting until the new one is ready."""


def make_plan(
    request: RotateRequest,
    card: Card,
    bindings: Sequence[Binding],
    facts: PlanningFacts,
    view: ChainView,
    rules: RotationRules,
) -> Plan:
    """The plan of a new rotation.

    Raises ``Refused`` (an older version over a newer one, a leak without a new value) and ``UsageError`` (values for
    names outside the unit).
    """
    group = unit_of(card, request.secret)
    refuse_values(group, request)
    if group.manual:
        return _manual_plan(group, request)
    refuse_missing(group, request, facts)
    refuse_empty(request, facts)
    refuse_leaked_before(group, request, facts, view)
    judged = judge_values(group, request, facts, view, rules.salt)
    pins = tuple(_pin(spec, group, request, facts, view, rules.salt) for spec in group.secrets)
    if same_as_before(group, request, facts, view):
        pins = tuple(map(_without_the_way_back, pins))
    for pin in pins:
        refuse_older(pin, view)
    leak, remarks = leak_of(group, request, facts, view, pins)
    return Plan(
        unit=group.name,
        origin=request.origin,
        pins=pins,
        seen=_seen(group, facts),
        destinations=_planned_at(group, bindings, facts, view, rules.read_address),
        deployments=deployments_for(binding.destination for binding in bindings) if request.deploy else (),
        costs=_costs(group, bindings, facts, request, rules),
        deployed_by=rules.deployed_by,
        leak=leak,
        console=group.waits_for_console,
        steps=group.steps() if group.waits_for_console else None,
        remarks=(*remarks, *judged.remarks, *_remarks(group), *_hopeless(card, group, bindings, facts)),
        accepted=judged.accepted,
        hopeless=group.client or why_no_proof(group, bindings, reports=facts.reports) is not None,
    )


def _manual_plan(group: SecretGroup, request: RotateRequest) -> Plan:
    leak = Leak(request.reason or "", dict.fromkeys(group.names)) if request.leak else None
    return Plan(
        unit=group.name,
        origin=request.origin,
        pins=(),
        seen={},
        leak=leak,
        console=True,
        steps=group.steps(),
        manual=True,
        remarks=(f"{', '.join(group.names)}: kept at the provider, nothing is written anywhere.",),
    )


def _seen(group: SecretGroup, facts: PlanningFacts) -> Mapping[str, Written | None]:
    return {name: _written(facts.newest.get(name)) for name in group.names}


def _written(version: SecretVersion | None) -> Written | None:
    return Written(version.version, version.secret_id) if version else None


@dataclass(frozen=True, slots=True)
class _JudgedValues:
    remarks: Sequence[str]
    accepted: Sequence[str]
    """Secrets whose values look wrong and are accepted."""


def judge_values(
    group: SecretGroup, request: RotateRequest, facts: PlanningFacts, view: ChainView, salt: str
) -> _JudgedValues:
    """Check that the values to be rolled out can be keys and may be used. Raises ``Refused``."""
    values = candidates(group, request, facts)
    flaws = flaws_in(group.secrets, values)
    if not request.accept_value:
        refuse_flawed([one for one in flaws if not _is_accepted(one.name, values[one.name], facts, view)])
    blind = refuse_spent(group, request, facts, view, salt)
    unlike = unlike_the_documented(group.secrets, values)
    return _JudgedValues((*(f"{one} (accepted)" for one in flaws), *unlike, *blind), [one.name for one in flaws])


def _is_accepted(name: str, value: Secret, facts: PlanningFacts, view: ChainView) -> bool:
    newest = facts.newest.get(name)
    if newest is None or not newest.value.same_as(value):
        return False
    return view.has_accepted(name, newest.version, newest.secret_id)


def _without_the_way_back(pin: Pin) -> Pin:
    """The pin of a value that is in use under another number: nothing has to be revoked, and there is nothing to go
    back to."""
    return replace(pin, from_version=None, from_secret_id=None, from_label=None, from_fingerprint=None)


def _pin(
    spec: SecretSpec, group: SecretGroup, request: RotateRequest, facts: PlanningFacts, view: ChainView, salt: str
) -> Pin:
    """The pin from the version in use (by the history, else the version before the newest) to the newest, where that is
    known."""
    newest, settled = facts.newest.get(spec.name), is_stored(spec.name, request, facts)
    before = before_of(spec, facts, view, salt, known=None if settled else newest)
    after = identified(spec, newest, salt) if newest and settled else None
    if after is not None:
        after = replace(after, label=label_for(spec.name, after, view, facts.labels_seen, group.names))
    return pin_of(spec.name, before, after)


def before_of(
    spec: SecretSpec, facts: PlanningFacts, view: ChainView, salt: str, known: SecretVersion | None = None
) -> Written | None:
    """The value in use: by the history, with a fingerprint where the vault still has it; else ``known``, or the version
    before the newest."""
    out, there = view.out.get(spec.name), facts.out.get(spec.name) or known or facts.previous.get(spec.name)
    if out is not None and (out.fingerprint or spec.name not in facts.out):
        return out
    seen = identified(spec, there, salt) if there else None
    return replace(out, fingerprint=seen.fingerprint) if out and seen else seen


def _planned_at(
    group: SecretGroup, bindings: Sequence[Binding], facts: PlanningFacts, view: ChainView, read: ReadAddress
) -> Sequence[PlannedDestination]:
    new = {*never_written([one.destination.address for one in bindings], view, read)}
    return tuple(_planned(group, one, facts, is_new=one.destination.address in new) for one in bindings)


def _planned(group: SecretGroup, binding: Binding, facts: PlanningFacts, *, is_new: bool) -> PlannedDestination:
    destination, key = binding.destination, binding.key
    estimate = facts.estimates.get(key, CostEstimate(0, 0, (), ()))
    placeholder = dict.fromkeys(group.names, NOTHING)
    names = tuple(item.name for item in items_for(group, binding, placeholder))
    return PlannedDestination(
        key,
        destination.uri,
        destination.service,
        destination.runtime,
        names,
        estimate.reads,
        estimate.writes,
        tuple(estimate.create),
        tuple(estimate.update),
        new=is_new,
        by_hand=destination.by_hand,
    )


def _costs(
    group: SecretGroup, bindings: Sequence[Binding], facts: PlanningFacts, request: RotateRequest, rules: RotationRules
) -> Sequence[ServiceCost]:
    # A version that was there when the plan was made has been read; one that is to be made is read back.
    made = len(group.secrets) if request.origin is not ValueSource.VAULT else 0
    reads, writes = {rules.vault_service: made}, {rules.vault_service: made}
    for binding in bindings:
        estimate, service = facts.estimates.get(binding.key), binding.destination.service
        if estimate:
            reads[service] = reads.get(service, 0) + estimate.reads
            writes[service] = writes.get(service, 0) + estimate.writes
    if request.deploy:
        for wanted in deployments_for(binding.destination for binding in bindings):
            asked = _deployer_of(wanted.base, rules)
            if asked is not None:
                reads[asked] = reads.get(asked, 0) + DEPLOYMENT_READS
                writes[asked] = writes.get(asked, 0) + 1
    return tuple(_cost(service, reads[service], writes.get(service, 0), rules) for service in reads)


def _deployer_of(base: str, rules: RotationRules) -> str | None:
    """The service that deploys a place; ``None`` where a person does."""
    by = rules.deployed_by.get(base)
    if by is None:
        return base.partition(":")[0]
    return None if is_hands(by) else rules.workflow_service


def _cost(service: str, reads: int, writes: int, rules: RotationRules) -> ServiceCost:
    limits = rules.limits.get(service, Limits())
    return ServiceCost(service, reads, writes, predict(reads + writes, writes, limits, rules.seconds_per_request))


def _hopeless(card: Card, group: SecretGroup, bindings: Sequence[Binding], facts: PlanningFacts) -> Sequence[str]:
    if why := why_no_proof(group, bindings, reports=facts.reports):
        return [why]
    asked = [one for one in bindings if group.asks_for_proof_at(one)]
    return [] if group.client else list(hard_to_prove(card.id, asked))


def _remarks(group: SecretGroup) -> Iterable[str]:
    if group.client:
        yield (
            "Installed apps hold this value: a redeploy does not replace it there, so it will be UNPROVEN, "
            "and revoking it breaks them."
        )
    manual = [spec.name for spec in group.secrets if spec.from_ == "manual"]
    if manual:
        yield f"{', '.join(manual)}: kept at the provider, written nowhere."
