"""What a rotation would do, one row for each case: what is asked and what was seen, and what is planned or refused."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

import pytest

from releaseguard.cards.spec import Card, SecretSpec
from releaseguard.compose.known.configuration import ADDRESSES
from releaseguard.destinations.address import Address
from releaseguard.destinations.interface import CostEstimate, Observed, SyncStatus
from releaseguard.errors import Refused, ReleaseguardError, UsageError
from releaseguard.http.pacing import Limits
from releaseguard.rotation.context import Binding
from releaseguard.rotation.groups import Carried, DeploymentTarget, deployments_for, items_for, unit_of
from releaseguard.rotation.history.views import (
    ChainView,
    DestinationProgress,
    DirectionProgress,
    RotationView,
    Written,
)
from releaseguard.rotation.planning.facts import PlanningFacts
from releaseguard.rotation.planning.making import DEPLOYMENT_READS, make_plan
from releaseguard.rotation.planning.plan import Plan
from releaseguard.rotation.planning.telling import describe
from releaseguard.rotation.planning.unfinished import already_out, is_meant, refuse_revoked
from releaseguard.rotation.values import Direction, Leak, Pin, RotateRequest, RotationState
from releaseguard.secret import Secret
from releaseguard.vault.interface import SecretVersion
from releaseguard.vault.source import ValueSource
from tests.rotation.rotation_fakes import CHAIN_KEY, NAME, SENDGRID, FakeDestination, Killer, World

AT = datetime(2026, 11, 24, 10, 0, tzinfo=UTC)
ID = "secret-1"
RULES = World().rules
GITHUB = FakeDestination("github:lovendo/app", Killer())
VERCEL = FakeDestination("vercel:prj_1/production,preview", Killer(), runtime=True, needs_deployment=True)
EVERYWHERE = (Binding(GITHUB), Binding(VERCEL))


def version(number: int, value: str | None = None, *, name: str = NAME, secret_id: str = ID) -> SecretVersion:
    return SecretVersion(name, number, Secret(f"value-{number}" if value is None else value), secret_id)


def facts(*versions: SecretVersion, **more: object) -> PlanningFacts:
    return PlanningFacts(newest={one.name: one for one in versions}, **more)  # type: ignore[arg-type]


def out(number: int, *, secret_id: str = ID, at: Sequence[str] = (GITHUB.uri, VERCEL.uri)) -> ChainView:
    """A chain whose last push brought version ``number`` out."""
    written = Written(number, secret_id)
    return ChainView(CHAIN_KEY, out={NAME: written}, written={uri: {NAME: written} for uri in at})


def leaked(number: int, before: ChainView) -> ChainView:
    """The same chain, once version ``number`` was reported as leaked."""
    view = rotated(RotationState.PROVEN, to=number + 1, leak=Leak("gist", {NAME: number}))
    return replace(before, rotations=(view,))


def rotated(
    state: RotationState,
    *,
    to: int = 2,
    leak: Leak | None = None,
    rolling_back: str | None = None,
    written: Sequence[str] = (GITHUB.uri, VERCEL.uri),
    deployed: bool = True,
    origin: ValueSource = ValueSource.VAULT,
    retired: bool = False,
) -> RotationView:
    progress = DirectionProgress(
        destinations={uri: DestinationProgress("pushed") for uri in written},
        pushed_at=AT,
        deployed_at=AT if deployed else None,
    )
    return RotationView(
        id=f"to-{to}",
        unit=NAME,
        state=state,
        began_at=AT,
        changed_at=AT,
        pins=(Pin(NAME, to - 1, to, ID, ID),),
        origin=origin.value,
        leak=leak,
        directions={Direction.FORWARD: progress} if written else {},
        rolling_back=rolling_back,
        retired_at=AT if retired else None,
    )


@dataclass(frozen=True, kw_only=True)
class Case:
    """What is asked and seen."""

    request: RotateRequest = field(default_factory=RotateRequest)
    seen: PlanningFacts = field(default_factory=lambda: facts(version(2)))
    chain: ChainView = field(default_factory=lambda: ChainView(CHAIN_KEY))
    bindings: Sequence[Binding] = EVERYWHERE
    card: Card = SENDGRID

    def plan(self) -> Plan:
        return make_plan(self.request, self.card, self.bindings, self.seen, self.chain, RULES)


def asked(**flags: object) -> RotateRequest:
    return RotateRequest(**flags)  # type: ignore[arg-type]


LEAK = {"leak": True, "reason": "gist"}
GIVEN = {"origin": ValueSource.STDIN, "values": {NAME: Secret("given")}}

PINNED: Mapping[str, tuple[Case, Pin]] = {
    "nothing is known of before": (Case(seen=facts(version(1))), Pin(NAME, None, 1, ID, None)),
    "the version before the newest, where the history is silent": (
        Case(seen=facts(version(2), previous={NAME: version(1)})),
        Pin(NAME, 1, 2, ID, ID),
    ),
    "what is out by the history, not the version before": (
        Case(seen=facts(version(4), previous={NAME: version(3)}), chain=out(2)),
        Pin(NAME, 2, 4, ID, ID),
    ),
    "a secret created anew is another one": (
        Case(seen=facts(version(1, secret_id="anew")), chain=out(3)),
        Pin(NAME, 3, 1, "anew", ID),
    ),
    "a value to be given has no number yet": (
        Case(request=asked(**GIVEN), seen=facts(version(2))),
        Pin(NAME, 2, None, None, ID),
    ),
    "a first value to be given": (Case(request=asked(**GIVEN), seen=facts()), Pin(NAME, None, None, None, None)),
    "pushing the same version again": (
        Case(request=asked(push_again=True), seen=facts(version(2)), chain=out(2)),
        Pin(NAME, 2, 2, ID, ID),
    ),
}


@pytest.mark.parametrize("name", PINNED)
def test_a_plan_pins_from_what_is_out_to_what_is_newest(name: str) -> None:
    case, pin = PINNED[name]
    assert case.plan().pins == (pin,)


REFUSED: Mapping[str, tuple[Case, type[ReleaseguardError], str]] = {
    "an empty value": (Case(seen=facts(version(2, ""))), Refused, "version 2 is empty"),
    "an older version over a newer one": (Case(seen=facts(version(2)), chain=out(3)), Refused, "version 2 is older"),
    "a value for a name that is not the group's": (
        Case(request=asked(origin=ValueSource.STDIN, values={"OTHER": Secret("x")})),
        UsageError,
        "OTHER is not part of",
    ),
    "an empty value that was given": (
        Case(request=asked(origin=ValueSource.STDIN, values={NAME: Secret("")})),
        UsageError,
        "an empty value was given",
    ),
    "no value at all": (
        Case(request=asked(origin=ValueSource.STDIN), seen=facts()),
        UsageError,
        "and the vault has none",
    ),
    "a value made up for a provider's key": (
        Case(request=asked(origin=ValueSource.GENERATE)),
        UsageError,
        "issued by the provider",
    ),
    "a name that the card does not know": (Case(request=asked(secret="NOPE")), UsageError, "has no secret 'NOPE'"),
    "a value that leaked before, under another number": (
        Case(seen=facts(version(3, "known"), leaked={NAME: (version(1, "known"),)}), chain=out(2)),
        Refused,
        "that of version 1, which leaked",
    ),
    "a given value that leaked before": (
        Case(
            request=asked(origin=ValueSource.STDIN, values={NAME: Secret("known")}),
            seen=facts(version(2), leaked={NAME: (version(1, "known"),)}),
        ),
        Refused,
        "that of version 1, which leaked",
    ),
    "a leak whose newest version is the leaked one": (
        Case(request=asked(**LEAK, leaked_version=2), seen=facts(version(2)), chain=out(1)),
        Refused,
        "the newest version is 2, and that one leaked",
    ),
    "a leak of a version that there is not": (
        Case(request=asked(**LEAK, leaked_version=9), seen=facts(version(2)), chain=out(1)),
        Refused,
        "there is no version 9, the newest is 2",
    ),
    "a leak whose newest version was reported before": (
        Case(request=asked(**LEAK), seen=facts(version(2)), chain=leaked(2, out(1))),
        Refused,
        "the newest version is 2, and that one leaked",
    ),
    "a leak whose new number has the leaked value": (
        Case(
            request=asked(**LEAK),
            seen=facts(version(3, "known"), earlier={NAME: (version(2, "known"), version(1))}),
            chain=out(2),
        ),
        Refused,
        "has the value of version 2, which leaked",
    ),
    "a leak whose new number has an even older value": (
        Case(
            request=asked(**LEAK),
            seen=facts(version(3, "old"), earlier={NAME: (version(2), version(1, "old"))}),
            chain=out(2),
        ),
        Refused,
        "has the value of the earlier version 1",
    ),
    "a leak of the only version there is": (
        Case(request=asked(**LEAK), seen=facts(version(1))),
        Refused,
        "there is only one version",
    ),
    "a leak of what a destination holds already": (
        Case(
            request=asked(**LEAK),
            seen=facts(
                version(2),
                previous={NAME: version(1)},
                observed={GITHUB.uri: {NAME: Observed(NAME, present=True, sync=SyncStatus.YES)}},
            ),
        ),
        Refused,
        f"is what {GITHUB.uri} holds already",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_must_not_be_brought_out_is_refused_before_anything_is_written(name: str) -> None:
    case, kind, what = REFUSED[name]
    with pytest.raises(kind, match=what) as refusal:
        case.plan()
    assert refusal.value.next_step, "whoever is refused reads what to do instead"


LEAKED: Mapping[str, tuple[Case, int | None]] = {
    "what is out": (Case(request=asked(**LEAK), seen=facts(version(3)), chain=out(2)), 2),
    "what was named": (Case(request=asked(**LEAK, leaked_version=1), seen=facts(version(3)), chain=out(2)), 1),
    "the version before, where the history is silent": (
        Case(request=asked(**LEAK), seen=facts(version(2), previous={NAME: version(1)})),
        1,
    ),
    "still the first, while it is being replaced": (
        Case(
            request=asked(**LEAK),
            seen=facts(version(4)),
            chain=replace(out(3), rotations=(rotated(RotationState.PUSHED, to=3, leak=Leak("gist", {NAME: 2})),)),
        ),
        2,
    ),
    "unknown, where nothing says": (Case(request=asked(**LEAK, **GIVEN), seen=facts()), None),
}


@pytest.mark.parametrize("name", LEAKED)
def test_a_plan_says_which_version_leaked(name: str) -> None:
    case, number = LEAKED[name]
    assert case.plan().leak == Leak("gist", {NAME: number})


def test_without_a_leak_the_plan_reports_none() -> None:
    assert Case().plan().leak is None


def test_what_could_not_be_compared_with_the_leaked_value_is_remarked_on() -> None:
    case = Case(request=asked(**LEAK), seen=facts(version(3), earlier={NAME: (version(1),)}), chain=out(2))
    assert any("does not give version 2 any more" in remark for remark in case.plan().remarks)


def test_the_costs_are_what_the_destinations_say_and_what_a_deployment_takes() -> None:
    estimates = {GITHUB.uri: CostEstimate(2, 2, (NAME,), ()), VERCEL.uri: CostEstimate(1, 3, (), (NAME,))}
    case = Case(seen=facts(version(2), estimates=estimates))
    costs = {cost.service: (cost.reads, cost.writes) for cost in case.plan().costs}
    assert costs == {"infisical": (0, 0), "github": (2, 2), "vercel": (1 + DEPLOYMENT_READS, 3 + 1)}
    alone = replace(case, request=asked(deploy=False)).plan()
    assert {cost.service: cost.writes for cost in alone.costs}["vercel"] == 3
    assert alone.deployments == ()


def test_a_value_to_be_made_is_written_to_the_vault_and_read_back() -> None:
    costs = {cost.service: cost for cost in Case(request=asked(**GIVEN)).plan().costs}
    assert (costs["infisical"].reads, costs["infisical"].writes) == (1, 1)


def test_a_plan_takes_as_long_as_the_slowest_service_is_allowed_to() -> None:
    estimates = {GITHUB.uri: CostEstimate(0, 10, (), (NAME,)), VERCEL.uri: CostEstimate(0, 1, (), (NAME,))}
    slow = replace(RULES, limits={"github": Limits(writes_per_minute=1)})
    case = Case(seen=facts(version(2), estimates=estimates))
    plan = make_plan(case.request, case.card, case.bindings, case.seen, case.chain, slow)
    by_service = {cost.service: cost.seconds for cost in plan.costs}
    assert plan.seconds == by_service["github"] > by_service["vercel"]


NEW: Mapping[str, tuple[ChainView, Sequence[bool]]] = {
    "a chain that has written nowhere yet": (ChainView(CHAIN_KEY), (False, False)),
    "both were written before": (out(1), (False, False)),
    "one was never written": (out(1, at=[GITHUB.uri]), (False, True)),
}


@pytest.mark.parametrize("name", NEW)
def test_a_destination_that_the_chain_never_wrote_is_called_new(name: str) -> None:
    chain, new = NEW[name]
    plan = Case(chain=chain).plan()
    assert [one.new for one in plan.destinations] == list(new)
    assert ["(NEW:" in line for line in describe(plan) if line.startswith(("github:", "vercel:"))][: len(new)] == [*new]


def test_a_plan_of_many_places_reads_the_address_of_each_once() -> None:
    many = [f"github:lovendo/app-{number}" for number in range(30)]
    bindings = [Binding(FakeDestination(uri, Killer())) for uri in many]
    read: list[str] = []

    def reading(text: str) -> Address:
        read.append(text)
        return ADDRESSES.parse(text)

    make_plan(
        RotateRequest(), SENDGRID, bindings, facts(version(2)), out(1, at=many), replace(RULES, read_address=reading)
    )
    assert sorted(read) == sorted(many)


@dataclass
class Deployable:
    uri: str
    needs_deployment: bool = True

    def destination(self) -> FakeDestination:
        return FakeDestination(self.uri, Killer(), runtime=True, needs_deployment=self.needs_deployment)


@pytest.mark.parametrize(
    ("uris", "wanted"),
    [
        ([], []),
        (["vercel:prj_1/production,preview"], [("vercel:prj_1", "production")]),
        (["vercel:prj_1/preview"], [("vercel:prj_1", "preview")]),
        (["vercel:prj_1/development"], []),
        (["vercel:prj_1/preview", "vercel:prj_1/production"], [("vercel:prj_1", "production")]),
        (["vercel:prj_1/production", "vercel:prj_1/preview"], [("vercel:prj_1", "production")]),
        (
            ["vercel:prj_1/production", "vercel:prj_2/preview"],
            [("vercel:prj_1", "production"), ("vercel:prj_2", "preview")],
        ),
    ],
)
def test_each_app_is_deployed_once_and_as_production_where_it_is_that(
    uris: list[str], wanted: list[tuple[str, str]]
) -> None:
    assert list(deployments_for(Deployable(uri).destination() for uri in uris)) == wanted


def test_what_needs_no_deployment_gets_none() -> None:
    assert deployments_for([Deployable("vercel:prj_1/production", needs_deployment=False).destination()]) == ()
    assert DeploymentTarget("vercel:prj_1", "production").key == "vercel:prj_1/production"


def test_companions_come_after_all_secrets_under_the_names_used_there() -> None:
    pair = Card(
        **{name: getattr(SENDGRID, name) for name in SENDGRID.__struct_fields__ if name != "secrets"},
        secrets=(
            SecretSpec(name="A", group="pair", companion=True),
            SecretSpec(name="B", group="pair", companion=False),
            SecretSpec(name="C", group="pair", from_="manual"),
        ),
    )
    group = unit_of(pair, "B")
    binding = Binding(GITHUB, names={"A": ("MAIL_A",)})
    values = {"A": Carried(Secret("a"), 1, "1"), "B": Carried(Secret("b"), 2, "2"), "C": Carried(Secret("c"), 3, "3")}
    items = [(item.name, item.value.reveal(), item.version) for item in items_for(group, binding, values)]
    assert items == [("MAIL_A", "a", 1), ("B", "b", 2), ("MAIL_A_VERSION", "1", 1)]


MEANT: Mapping[str, tuple[RotationView, RotateRequest, bool]] = {
    "it carries what is newest": (rotated(RotationState.PUSHED), asked(), True),
    "the vault has moved on": (rotated(RotationState.PUSHED, to=1), asked(), False),
    "another value is given": (rotated(RotationState.PUSHED), asked(**GIVEN), False),
    "the same value is given": (
        rotated(RotationState.PUSHED),
        asked(origin=ValueSource.STDIN, values={NAME: Secret("value-2")}),
        True,
    ),
    "it is only planned, from the same source": (rotated(RotationState.PLANNED, to=1), asked(), True),
    "it is only planned, from another source": (
        rotated(RotationState.PLANNED, to=1, origin=ValueSource.GENERATE),
        asked(),
        False,
    ),
    "it has brought out what a new value is to replace": (
        rotated(RotationState.PUSHED),
        asked(**LEAK, origin=ValueSource.STDIN, values={NAME: Secret("value-2")}),
        False,
    ),
    "a second version is reported as leaked": (
        rotated(RotationState.PUSHED, leak=Leak("gist", {NAME: 1})),
        asked(**LEAK, leaked_version=2),
        False,
    ),
}


@pytest.mark.parametrize("name", MEANT)
def test_a_plain_call_means_the_unfinished_rotation_where_that_is_what_is_wanted(name: str) -> None:
    unfinished, request, meant = MEANT[name]
    newest = {NAME: version(2)}
    assert is_meant(unfinished, unit_of(SENDGRID, None), request, newest) is meant


OUT_ALREADY: Mapping[str, tuple[RotationView, bool]] = {
    "proven everywhere": (rotated(RotationState.PROVEN), True),
    "retired": (rotated(RotationState.RETIRED), True),
    "not proven": (rotated(RotationState.UNPROVEN), False),
    "of another version": (rotated(RotationState.PROVEN, to=1), False),
    "taken back": (rotated(RotationState.RETIRED, rolling_back="asked"), False),
    "not everywhere": (rotated(RotationState.PROVEN, written=[GITHUB.uri]), False),
    "confirmed as revoked before it was deployed": (rotated(RotationState.RETIRED, deployed=False), False),
}


@pytest.mark.parametrize("name", OUT_ALREADY)
def test_nothing_is_done_only_where_this_very_version_runs_everywhere(name: str) -> None:
    last, done = OUT_ALREADY[name]
    chain = replace(out(2), rotations=(last,))
    plan = Case(seen=facts(version(2)), chain=replace(chain, written={})).plan()
    assert already_out(chain, plan) == (last.id if done else None)


@pytest.mark.parametrize(
    ("rotation", "refused"),
    [
        (rotated(RotationState.RETIRED, rolling_back="asked", retired=True), True),
        (rotated(RotationState.ROLLED_BACK, rolling_back="asked"), False),
        (rotated(RotationState.RETIRED, retired=True), False),
        (rotated(RotationState.RETIRED, to=1, rolling_back="asked", retired=True), False),
    ],
)
def test_a_version_that_was_taken_back_and_revoked_is_not_brought_out_again(
    rotation: RotationView, *, refused: bool
) -> None:
    chain = ChainView(CHAIN_KEY, rotations=(rotation,))
    plan = Case(seen=facts(version(2))).plan()
    if refused:
        with pytest.raises(Refused, match="was taken back and is confirmed as revoked"):
            refuse_revoked(chain, plan)
    else:
        refuse_revoked(chain, plan)


def test_what_only_a_person_can_do_has_steps_and_no_destination() -> None:
    card = Card(
        **{name: getattr(SENDGRID, name) for name in SENDGRID.__struct_fields__ if name != "secrets"},
        secrets=(SecretSpec(name="PUSH_KEY", from_="manual", steps={"en": "Make another one."}),),
    )
    plan = make_plan(asked(**LEAK), card, (), PlanningFacts(newest={}), ChainView(CHAIN_KEY), RULES)
    assert (plan.manual, plan.console, plan.steps, plan.pins) == (True, True, "Make another one.", ())
    assert plan.leak == Leak("gist", {"PUSH_KEY": None})
