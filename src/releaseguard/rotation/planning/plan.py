"""What a rotation would do, decided from values alone: refusals come before anything is written. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import combinations

from releaseguard.audit.chain import ChainKey
from releaseguard.cards.spec import Card, SecretSpec
from releaseguard.destinations.address import parse
from releaseguard.destinations.interface import CostEstimate, Destination, Item, ItemKind, Observed, SyncStatus
from releaseguard.errors import ConfigError, Refused, UsageError
from releaseguard.http.pacing import Limits, predict
from releaseguard.rotation.history.views import ChainView, RotationView, Written
from releaseguard.rotation.planning.new_destinations import never_written
from releaseguard.rotation.values import (
    Binding,
    Claim,
    Leak,
    OwnAccess,
    Pin,
    Plan,
    PlannedPlace,
    RotateAction,
    RotateRequest,
    RotationRules,
    ServiceCost,
    ValueSource,
)
from releaseguard.secret import Secret
from releaseguard.tomlfile import did_you_mean
from releaseguard.vault.interface import SecretVersion

COMPANION_SUFFIX = "_VERSION"
DEPLOYMENT_READS = 4
"""What asking for a deployment and waiting for it takes at least: what is served now, the new one until it is ready."""


@dataclass(frozen=True, slots=True)
class SecretGroup:
    """The secrets that are rotated together."""

    name: str
    secrets: Sequence[SecretSpec]

    @property
    def names(self) -> Sequence[str]:
        return tuple(spec.name for spec in self.secrets)

    @property
    def manual(self) -> bool:
        """Whether no program can replace it: there are steps and no destination."""
        return all(spec.from_ == "manual" for spec in self.secrets)

    @property
    def client(self) -> bool:
        """Whether installed apps hold copies that no redeploy replaces."""
        return any(spec.reach == "client" for spec in self.secrets)

    @property
    def waits_for_console(self) -> bool:
        """Whether a person has to set it at the provider: old and new do not work together, or it is ours to issue."""
        return any(not spec.overlap or spec.from_ in ("generated", "manual") for spec in self.secrets)

    @property
    def companions(self) -> Sequence[str]:
        """The members beside which their version is pushed."""
        return tuple(spec.name for spec in self.secrets if spec.companion)

    def steps(self, language: str = "en") -> str | None:
        """What a person does at the provider, with its page."""
        texts = []
        for spec in self.secrets:
            steps = (spec.steps or {}).get(language) or (spec.steps or {}).get("en")
            text = " ".join(part for part in (steps, spec.console) if part)
            if text and text not in texts:
                texts.append(text)
        return " ".join(texts) or None


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanningFacts:
    """What was seen before planning, by reading only."""

    newest: Mapping[str, SecretVersion]
    """By secret; a secret that the vault does not have is absent."""
    previous: Mapping[str, SecretVersion] = field(default_factory=dict)
    """The version before the newest, looked at where the history does not say what is out."""
    earlier: Mapping[str, Sequence[SecretVersion]] = field(default_factory=dict)
    """In a leak: every readable version before the newest."""
    leaked: Mapping[str, Sequence[SecretVersion]] = field(default_factory=dict)
    """Otherwise: those before the newest that were ever reported as leaked, and can be read."""
    estimates: Mapping[str, CostEstimate] = field(default_factory=dict)
    """By destination."""
    observed: Mapping[str, Mapping[str, Observed]] = field(default_factory=dict)
    """In a leak: what each destination shows, compared with the newest values."""


def unit_of(card: Card, secret: str | None) -> SecretGroup:
    """The unit that ``secret`` belongs to, or the card's first. Raises ``UsageError`` for an unknown name."""
    if not card.secrets:
        raise UsageError(f"the card {card.id} has no secret", next_step="Choose a provider whose card has one.")
    units = card.units()
    if secret is None:
        name = card.secrets[0].unit
        return SecretGroup(name, tuple(units[name]))
    spec = next((spec for spec in card.secrets if spec.name == secret), None)
    if spec is None:
        known = [spec.name for spec in card.secrets]
        raise UsageError(f"the card {card.id} has no secret {secret}", next_step=did_you_mean(secret, known))
    return SecretGroup(spec.unit, tuple(units[spec.unit]))


def items_for(
    unit: SecretGroup, place: Binding, versions: Mapping[str, tuple[Secret, int]], note: str = ""
) -> Sequence[Item]:
    """What is written at one destination: the secrets, then the companions it has room for."""
    items, companions = [], []
    for spec in unit.secrets:
        if spec.name not in versions or spec.from_ == "manual":
            continue
        value, version = versions[spec.name]
        there = place.name_of(spec.name)
        items.append(Item(there, value, ItemKind.SECRET, version, note))
        if spec.companion and place.destination.holds_companions:
            name = there + COMPANION_SUFFIX
            companions.append(Item(name, Secret(str(version)), ItemKind.COMPANION, version, note))
    return (*items, *companions)


def deployments_for(destinations: Iterable[Destination]) -> Sequence[tuple[str, str]]:
    """Place and target of every redeployment: what production serves, or else the first target that is deployed."""
    chosen: dict[str, str] = {}
    for destination in destinations:
        if not destination.needs_deployment:
            continue
        address = parse(destination.uri)
        targets = [target for target in address.targets if target != "development"]
        if not targets:
            continue
        best = "production" if "production" in targets else targets[0]
        if chosen.get(address.base) != "production":
            chosen[address.base] = best
    return tuple(chosen.items())


def make_plan(
    request: RotateRequest,
    card: Card,
    places: Sequence[Binding],
    survey: PlanningFacts,
    view: ChainView,
    rules: RotationRules,
) -> Plan:
    """The plan of a new rotation.

    Raises ``Refused`` (an older version over a newer one, a leak without a fresh value) and ``UsageError`` (values
    for names that are not the unit's).
    """
    unit = unit_of(card, request.secret)
    refuse_values(unit, request)
    if unit.manual:
        return _manual_plan(unit, request)
    _refuse_missing(unit, request, survey)
    _refuse_empty(request, survey)
    _refuse_leaked_before(unit, request, survey)
    pins = tuple(_pin(name, request, survey, view) for name in unit.names)
    for pin in pins:
        _refuse_older(pin, view)
    leak, remarks = _leak(unit, request, survey, view, pins)
    return Plan(
        unit=unit.name,
        origin=request.origin,
        pins=pins,
        seen=_seen(unit, survey),
        places=tuple(_planned(unit, place, survey, view) for place in places),
        deployments=deployments_for(place.destination for place in places) if request.deploy else (),
        costs=_costs(unit, places, survey, request, rules),
        leak=leak,
        console=unit.waits_for_console,
        steps=unit.steps() if unit.waits_for_console else None,
        remarks=(*remarks, *_remarks(unit)),
    )


def check_claims(claims: Sequence[Claim], chain_key: ChainKey) -> None:
    """Raise ``ConfigError`` where ``chain_key`` and another owner claim the same name at the same place, undeclared, or
    where ``chain_key`` itself names one place twice."""
    for one, other in _rivals(claims, chain_key):
        if not _same_place(one, other):
            continue
        if one.owner == other.owner:
            raise ConfigError(
                f"{one.owner} writes {one.name} to one place twice: as {one.uri} and as {other.uri}",
                where=other.uri,
                next_step="Leave one of them out.",
            )
        spelled = "" if one.uri == other.uri else f", which is {other.uri} too"
        raise ConfigError(
            f"{one.owner} and {other.owner} both claim {one.name} at {one.uri}{spelled}",
            where=one.uri,
            next_step="Give one of them another destination or name (`as NAME`), or declare it shared in both.",
        )


def claims_in_doubt(claims: Sequence[Claim], chain_key: ChainKey) -> frozenset[str]:
    """The places of ``chain_key`` of which only their service can tell whether somebody else claims them too."""
    pairs = [pair for pair in _rivals(claims, chain_key) if parse(pair[0].uri).may_be(parse(pair[1].uri))]
    return frozenset(claim.uri for pair in pairs for claim in pair if claim.owner == chain_key)


def _rivals(claims: Sequence[Claim], chain_key: ChainKey) -> Iterator[tuple[Claim, Claim]]:
    """Pairs of one of ours and another under the same name, that nobody declared to be shared."""
    for one, other in combinations(claims, 2):
        if chain_key not in (one.owner, other.owner) or one.name.upper() != other.name.upper():
            continue
        folded = parse(one.uri).folds_names and parse(other.uri).folds_names
        shared = one.shared and other.shared and one.owner != other.owner
        if (one.name == other.name or folded) and not shared:
            yield one, other


def _same_place(one: Claim, other: Claim) -> bool:
    mine, theirs = (parse(one.uri), *one.also), (parse(other.uri), *other.also)
    return any(place.overlaps(there) for place in mine for there in theirs)


def refuse_without_both_accesses(card: Card, accesses: Sequence[OwnAccess], action: RotateAction) -> None:
    """Raise ``Refused`` where the keys are of a provider that we stand on and not both accesses are given.

    With both, a rotation goes on whichever of them works. One value for both is no second access; only an unfinished
    rotation may be ended with the new one alone.
    """
    if card.infrastructure not in ("supabase", "vercel"):
        return
    missing = [
        variable
        for one in accesses
        for variable, given in ((one.variable, one.old), (one.new_variable, one.new))
        if given is None
    ]
    same = [one for one in accesses if one.old and one.new and one.old.same_as(one.new)]
    if accesses and not missing and (not same or action is RotateAction.RESUME):
        return
    lacking = f": not set: {', '.join(missing)}" if missing else ""
    lacking = lacking or "".join(f": {one.variable} and {one.new_variable} are the same" for one in same[:1])
    wanted = "; ".join(f"{one.variable} (the old one, in use) and {one.new_variable} (the new one)" for one in accesses)
    raise Refused(
        f"{card.name}'s own keys are what releaseguard stands on: rotating them could lock it out half way{lacking}",
        where=card.path or card.id,
        next_step=f"Give both accesses in the environment: {wanted}. Or rotate this key by hand in its console.",
    )


def refuse_values(unit: SecretGroup, request: RotateRequest) -> None:
    """Raise ``UsageError`` where values are given, or asked to be made up, that cannot be this unit's."""
    unknown = sorted(set(request.values) - set(unit.names))
    if unknown:
        raise UsageError(
            f"{', '.join(unknown)} is not part of {unit.name}",
            next_step=f"Give values for {', '.join(unit.names)} only.",
        )
    if any(not value for value in request.values.values()):
        raise UsageError("an empty value was given", next_step="Check what is written to standard input.")
    issued = [spec.name for spec in unit.secrets if spec.from_ != "generated"]
    if request.origin is ValueSource.GENERATE and issued:
        raise UsageError(
            f"{', '.join(issued)}: issued by the provider, a value made up here would not work",
            next_step="Make it in the provider's console and store it as a new version.",
        )


def _manual_plan(unit: SecretGroup, request: RotateRequest) -> Plan:
    leak = Leak(request.reason or "", dict.fromkeys(unit.names)) if request.leak else None
    return Plan(
        unit=unit.name,
        origin=request.origin,
        pins=(),
        seen={},
        leak=leak,
        console=True,
        steps=unit.steps(),
        manual=True,
        remarks=(f"{', '.join(unit.names)}: kept at the provider, nothing is written anywhere.",),
    )


def _refuse_missing(unit: SecretGroup, request: RotateRequest, survey: PlanningFacts) -> None:
    """``Survey`` reads strictly for the default origin; here only what will not be written may be absent."""
    if request.origin is not ValueSource.STDIN:
        return
    absent = [name for name in unit.names if name not in survey.newest and name not in request.values]
    if absent:
        raise UsageError(
            f"no value for {', '.join(absent)}, and the vault has none",
            next_step="Write a JSON object with every name of the group to standard input.",
        )


def _refuse_empty(request: RotateRequest, survey: PlanningFacts) -> None:
    """What was cleared by mistake would switch the provider off everywhere at once."""
    for name, newest in survey.newest.items():
        if request.origin is ValueSource.INFISICAL and not newest.value:
            raise Refused(
                f"{name}: version {newest.version} is empty",
                next_step="Store the value to be used as a new version, then rotate again.",
            )


def _refuse_leaked_before(unit: SecretGroup, request: RotateRequest, survey: PlanningFacts) -> None:
    """A value that leaked is not brought out again under another number; of a group one member has to differ."""
    again = {name: version for name in unit.names if (version := _leaked_twin(name, request, survey))}
    if len(again) == len(unit.names):
        name, version = next(iter(again.items()))
        raise Refused(
            f"{name}: the value to be brought out is that of version {version}, which leaked",
            next_step="Make a new key in the provider's console, store it as a new version, then rotate again.",
        )


def _leaked_twin(name: str, request: RotateRequest, survey: PlanningFacts) -> int | None:
    newest = survey.newest.get(name)
    value = request.values.get(name) or (newest.value if newest and request.origin is ValueSource.INFISICAL else None)
    twins = [old.version for old in survey.leaked.get(name, ()) if value is not None and old.value.same_as(value)]
    return twins[0] if twins else None


def _seen(unit: SecretGroup, survey: PlanningFacts) -> Mapping[str, tuple[int, str] | None]:
    return {
        name: (survey.newest[name].version, survey.newest[name].secret_id) if name in survey.newest else None
        for name in unit.names
    }


def _pin(name: str, request: RotateRequest, survey: PlanningFacts, view: ChainView) -> Pin:
    """From what is out (by history, else the version before) to the newest, where that is settled already."""
    newest, out = survey.newest.get(name), view.out.get(name)
    settled = request.origin is ValueSource.INFISICAL
    if out is not None:
        before: Written | None = out
    elif not settled:
        before = Written(newest.version, newest.secret_id) if newest else None
    else:
        previous = survey.previous.get(name)
        before = Written(previous.version, previous.secret_id) if previous else None
    return Pin(
        name,
        before.version if before else None,
        newest.version if newest and settled else None,
        newest.secret_id if newest and settled else None,
        before.secret_id if before else None,
    )


def _refuse_older(pin: Pin, view: ChainView) -> None:
    """An older version never overwrites a newer one; a re-created secret is another one, and starts at 1."""
    if pin.to_version is None:
        return
    for key, written in view.written.items():
        there = written.get(pin.name)
        if there and there.secret_id == pin.secret_id and there.version > pin.to_version:
            raise Refused(
                f"{pin.name}: version {there.version} was written to {key}; version {pin.to_version} is older",
                where=key,
                next_step="Store the value to be used as a new version, then rotate again.",
            )


def _leak(
    unit: SecretGroup, request: RotateRequest, survey: PlanningFacts, view: ChainView, pins: Sequence[Pin]
) -> tuple[Leak | None, Sequence[str]]:
    if not request.leak:
        return None, ()
    leaked = {pin.name: _leaked_version(pin, request, view) for pin in pins}
    leak = Leak(request.reason or "", leaked)
    if request.origin is not ValueSource.INFISICAL:
        return leak, ()  # the value is checked when it is there: see refuse_leaked_values
    return leak, refuse_leaked_values(unit, request, survey, leak, view)


def _leaked_version(pin: Pin, request: RotateRequest, view: ChainView) -> int | None:
    """Given; else what is out; in the middle of replacing a leaked one, that one still; else the one before."""
    if request.leaked_version is not None:
        return request.leaked_version
    current = view.current
    under_way = current.leak if current and current.proven_at is None and pin.name in _names(current) else None
    if under_way and under_way.versions.get(pin.name) is not None:
        return under_way.versions[pin.name]
    return pin.from_version


def _names(rotation: RotationView) -> Sequence[str]:
    return [pin.name for pin in rotation.pins]


def refuse_leaked_values(
    unit: SecretGroup, request: RotateRequest, survey: PlanningFacts, leak: Leak, view: ChainView
) -> Sequence[str]:
    """Raise ``Refused`` where the newest values are not fresh; returns what could not be compared, in words.

    Of a group at least one member must be fresh (an account id never changes), of a named secret that one.
    """
    fresh = []
    for name in unit.names:
        problem = _stale(name, survey, leak, view, explicit=request.leaked_version is not None)
        if problem is None:
            fresh.append(name)
        elif len(unit.secrets) == 1 or name == request.secret or problem.final:
            raise _no_newer(problem.what)
    if not fresh:
        raise _no_newer(f"no member of {unit.name} has a new value")
    kept = [name for name in unit.names if name not in fresh]
    remarks = [f"{name} keeps its value: make sure that it is no secret, or replace it too." for name in kept]
    return (*remarks, *_not_compared(unit, survey, leak))


@dataclass(frozen=True, slots=True)
class _Stale:
    what: str
    final: bool = False
    """Whether it rules the whole group out: a return to an older value."""


def _stale(name: str, survey: PlanningFacts, leak: Leak, view: ChainView, *, explicit: bool) -> _Stale | None:
    newest, leaked, out = survey.newest[name], leak.versions.get(name), view.out.get(name)
    created_anew = out is not None and out.secret_id != newest.secret_id
    known = newest.version in view.leaked(name) or (leaked is not None and newest.version <= leaked)
    if known and not created_anew:
        return _Stale(f"{name}: the newest version is {newest.version}, and that one leaked")
    twins = [old.version for old in survey.earlier.get(name, ()) if old.value.same_as(newest.value)]
    if leaked in twins:
        return _Stale(f"{name}: version {newest.version} has the value of version {leaked}, which leaked")
    if twins:
        return _Stale(f"{name}: version {newest.version} has the value of the earlier version {twins[0]}", final=True)
    where = None if explicit or name in view.out else _deployed_at(name, survey)
    if where:
        return _Stale(f"{name}: version {newest.version} is what {where} holds already, so it is the one that leaked")
    if leaked is None and not explicit and newest.version == 1 and name not in view.out:
        return _Stale(f"{name}: there is only one version, so it is the one that leaked")
    return None


def _deployed_at(name: str, survey: PlanningFacts) -> str | None:
    for key, observed in survey.observed.items():
        there = observed.get(name)
        if there and there.sync is SyncStatus.YES:
            return key
    return None


def _not_compared(unit: SecretGroup, survey: PlanningFacts, leak: Leak) -> Iterable[str]:
    for name in unit.names:
        leaked = leak.versions.get(name)
        if leaked is not None and leaked not in {old.version for old in survey.earlier.get(name, ())}:
            yield f"{name}: the vault does not give version {leaked} any more, so its value could not be compared."


def _no_newer(what: str) -> Refused:
    return Refused(
        what,
        next_step="Make a new key in the provider's console, store it as a new version, then rotate again. "
        "If another version leaked, name it with --leaked-version N.",
    )


def _planned(unit: SecretGroup, place: Binding, survey: PlanningFacts, view: ChainView) -> PlannedPlace:
    destination = place.destination
    estimate = survey.estimates.get(place.key, CostEstimate(0, 0, (), ()))
    placeholder = {name: (Secret(""), 0) for name in unit.names}
    names = tuple(item.name for item in items_for(unit, place, placeholder))
    return PlannedPlace(
        place.key,
        destination.uri,
        destination.service,
        destination.runtime,
        names,
        estimate.reads,
        estimate.writes,
        tuple(estimate.create),
        tuple(estimate.update),
        new=bool(never_written([destination.uri], view)),
    )


def _costs(
    unit: SecretGroup, places: Sequence[Binding], survey: PlanningFacts, request: RotateRequest, rules: RotationRules
) -> Sequence[ServiceCost]:
    # A version that was there when the plan was made has been read; one that is to be made is read back.
    made = len(unit.secrets) if request.origin is not ValueSource.INFISICAL else 0
    reads, writes = {"infisical": made}, {"infisical": made}
    for place in places:
        estimate, service = survey.estimates.get(place.key), place.destination.service
        if estimate:
            reads[service] = reads.get(service, 0) + estimate.reads
            writes[service] = writes.get(service, 0) + estimate.writes
    if request.deploy:
        for base, _ in deployments_for(place.destination for place in places):
            service = parse_service(base)
            reads[service] = reads.get(service, 0) + DEPLOYMENT_READS
            writes[service] = writes.get(service, 0) + 1
    return tuple(_cost(service, reads[service], writes.get(service, 0), rules) for service in reads)


def parse_service(uri: str) -> str:
    """``vercel`` of ``vercel:prj_123``."""
    return uri.partition(":")[0]


def _cost(service: str, reads: int, writes: int, rules: RotationRules) -> ServiceCost:
    limits = rules.limits.get(service, Limits())
    return ServiceCost(service, reads, writes, predict(reads + writes, writes, limits, rules.seconds_per_request))


def _remarks(unit: SecretGroup) -> Iterable[str]:
    if unit.client:
        yield (
            "Installed apps hold this value: a redeploy does not replace it there, so it will be UNPROVEN, "
            "and revoking it breaks them."
        )
    manual = [spec.name for spec in unit.secrets if spec.from_ == "manual"]
    if manual:
        yield f"{', '.join(manual)}: kept at the provider, written nowhere."


def describe(plan: Plan) -> Sequence[str]:
    """The plan as lines of text."""
    lines = [_pin_line(pin) for pin in plan.pins]
    lines += [f"{place.uri}{_NEW if place.new else ''}: {_writes_line(place)}" for place in plan.places]
    lines += [f"{place}: redeploy what {target} serves" for place, target in plan.deployments]
    for cost in plan.costs:
        if not cost.reads + cost.writes:
            continue
        requests = f"{cost.reads} reads, {cost.writes} writes"
        lines.append(f"{cost.service}: {requests}, at least {cost.seconds:.1f} s")
    if plan.console:
        lines.append(f"Waits for a person at the provider first. {plan.steps or ''}".strip())
    return [*lines, *plan.remarks]


def new_in(plan: Plan) -> Sequence[str]:
    """A line for each destination that is new to the chain, for a run whose plan nobody is shown."""
    return [f"{place.uri}{_NEW}" for place in plan.places if place.new]


_NEW = " (NEW: no rotation before has written there)"


def _pin_line(pin: Pin) -> str:
    before = "nothing known" if pin.from_version is None else f"version {pin.from_version}"
    after = "a new version" if pin.to_version is None else f"version {pin.to_version}"
    return f"{pin.name}: {before} -> {after}"


def _writes_line(place: PlannedPlace) -> str:
    parts = (("create", place.create), ("update", place.update))
    return "; ".join(f"{verb} {', '.join(names)}" for verb, names in parts if names) or "nothing to write"
