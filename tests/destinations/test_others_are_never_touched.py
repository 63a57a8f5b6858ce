"""Over random starting states: what belongs to another program or person is the same after a push as before."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from releaseguard.compose.known.configuration import ADDRESSES
from releaseguard.destinations.interface import NotOurs
from releaseguard.sandbox.github.stand_in import GitHubStandIn
from releaseguard.sandbox.supabase import SupabaseStandIn
from releaseguard.sandbox.vercel.stand_in import VercelStandIn
from releaseguard.sandbox.vercel.values import VercelProject
from releaseguard.services.github.destination import GitHubDestination
from releaseguard.services.supabase.destination import SupabaseDestination
from releaseguard.services.vercel.destination import VercelDestination
from tests.support.adapters import Connections, FakeTime, StepClock, companion_item, secret_item
from tests.support.extent import examples

if TYPE_CHECKING:
    from collections.abc import Sequence

    from releaseguard.destinations.interface import Item

NAMES = ("KEY", "KEY_VERSION", "key", "KEY_OLD", "OTHER")
TARGETS = ("production", "preview", "development", "qa")
VALUES = st.sampled_from(["a", "b", "c"])
QUICK = settings(max_examples=examples(60), suppress_health_check=list(HealthCheck))

record = st.tuples(
    st.sampled_from(NAMES),
    VALUES,
    st.lists(st.sampled_from(TARGETS), min_size=1, max_size=4, unique=True),
    st.sampled_from(["encrypted", "plain", "sensitive"]),
    st.sampled_from([None, None, "feature"]),
)


def _items(names: Sequence[str]) -> list[Item]:
    secret = [secret_item(name, "the new value") for name in names if not name.endswith("_VERSION")]
    return [*secret, *(companion_item(name) for name in names if name.endswith("_VERSION"))]


def _vercel_state(project: VercelProject) -> dict[str, Any]:
    return {
        one.id: (one.key, one.value, one.type, one.target, one.custom_environments, one.branch, one.comment)
        for one in project.variables.values()
    }


def _seed(stand_in: VercelStandIn, project: VercelProject, records: list[Any]) -> None:
    """Records as Vercel can hold them: no two of one name and branch serve the same target."""
    qa = next(iter(project.custom_environments))
    for name, value, targets, type_, branch in records:
        taken = {
            t
            for one in project.variables.values()
            if (one.key, one.branch) == (name, branch)
            for t in (*one.target, *one.custom_environments)
        }
        free = [target for target in targets if (qa if target == "qa" else target) not in taken]
        if free:
            custom = [qa] if "qa" in free else []
            standard = [target for target in free if target != "qa"]
            stand_in.put(project, name, value, standard, type_, custom_environments=custom, branch=branch)


@QUICK
@given(
    records=st.lists(record, max_size=8),
    ours=st.lists(st.sampled_from(TARGETS), min_size=1, max_size=4, unique=True),
    names=st.lists(st.sampled_from(NAMES[:2]), min_size=1, max_size=2, unique=True),
)
def test_vercel_leaves_other_names_targets_branches_and_projects_alone(
    records: list[Any], ours: list[str], names: list[str]
) -> None:
    connect, time = Connections(), FakeTime()
    with VercelStandIn(StepClock()) as stand_in:
        project, other = stand_in.add_project("web", ["qa"]), stand_in.add_project("admin", ["qa"])
        for seeded in (project, other):
            _seed(stand_in, seeded, records)
        before, other_before = _vercel_state(project), _vercel_state(other)
        qa = next(iter(project.custom_environments))
        mine = {qa if target == "qa" else target for target in ours}
        destination = VercelDestination(
            connect(stand_in, stand_in.token, time),
            ADDRESSES.parse(f"vercel:web/{','.join(ours)}"),
            team_id=stand_in.team_id,
            sleep=time.sleep,
        )
        refused = True
        with suppress(NotOurs):
            destination.push(_items(names))
            refused = False
        connect.close()
        after = _vercel_state(project)
        assert stand_in.crashes == []
        assert _vercel_state(other) == other_before
        if refused:
            assert after == before
        for id_, (key, _, type_, target, custom, branch, _) in before.items():
            if key in names and branch is None and {*target, *custom} <= mine:
                assert (after[id_][0], *after[id_][2:6]) == (key, type_, target, custom, branch)
            else:
                assert after[id_] == before[id_]
        if not refused:
            for target in mine:
                environment = stand_in.environment(project, target)
                assert all(environment[name] in {"the new value", "2"} for name in names)
            for id_ in after.keys() - before.keys():
                key, _, _, target, custom, branch, _ = after[id_]
                assert (key in names, branch, {*target, *custom} <= mine) == (True, None, True)


places = st.sampled_from(
    [
        "github:o/r",
        "github:o/r@production",
        "github:o",
        "github-dependabot:o/r",
    ]
)


def _github_state(stand_in: GitHubStandIn) -> dict[Any, Any]:
    return {
        (place, kind, name): (one.value, getattr(one, "visibility", None), getattr(one, "selected", None))
        for place, store in stand_in.places.items()
        for kind, held in (("secret", store.secrets), ("variable", store.variables))
        for name, one in held.items()
    }


@QUICK
@given(
    held=st.lists(st.tuples(st.integers(0, 5), st.sampled_from(NAMES), VALUES), max_size=12),
    uri=places,
    names=st.lists(st.sampled_from(["KEY", "OTHER"]), min_size=1, max_size=2, unique=True),
)
def test_github_leaves_other_names_and_other_stores_alone(
    held: list[tuple[int, str, str]], uri: str, names: list[str]
) -> None:
    connect, time = Connections(), FakeTime()
    with GitHubStandIn(StepClock()) as stand_in:
        stand_in.add_organization("o")
        stand_in.add_repository("o/r", ["production", "staging"])
        stores = [
            ("o", "", False),
            ("o/r", "", False),
            ("o/r", "", True),
            ("o/r", "production", False),
            ("o/r", "staging", False),
            ("o", "", True),
        ]
        for number, name, value in held:
            owner, environment, dependabot = stores[number]
            stand_in.put(owner, name, value, environment, dependabot=dependabot)
        before = _github_state(stand_in)
        address = ADDRESSES.parse(uri)
        destination = GitHubDestination(connect(stand_in, stand_in.token, time), address, sleep=time.sleep)
        items = [secret_item(name, "the new value") for name in names]
        items += [companion_item(f"{name}_VERSION") for name in names if destination.holds_companions]
        destination.push(items)
        connect.close()
        after = _github_state(stand_in)
        assert stand_in.crashes == []
        changed = {key for key in before.keys() | after.keys() if before.get(key) != after.get(key)}
        owner = f"{address.account}/{address.repo}" if address.repo else address.account
        mine = stand_in.place(owner, address.environment, dependabot=uri.startswith("github-dependabot"))
        assert {stand_in.places[place] for place, _, _ in changed} == {mine}
        assert {name for _, _, name in changed} == {item.name for item in items}


@QUICK
@given(
    held=st.dictionaries(st.sampled_from(NAMES), VALUES),
    names=st.lists(st.sampled_from(NAMES[:2]), min_size=1, max_size=2, unique=True),
)
def test_supabase_leaves_other_names_and_projects_alone(held: dict[str, str], names: list[str]) -> None:
    connect, time = Connections(), FakeTime()
    with SupabaseStandIn(StepClock()) as stand_in:
        mine, other = stand_in.add_project("app"), stand_in.add_project("other")
        for project in (mine, other):
            for name, value in held.items():
                stand_in.put(project.ref, name, value)
        address = ADDRESSES.parse(f"supabase:{mine.ref}")
        SupabaseDestination(connect(stand_in, stand_in.token, time), address, sleep=time.sleep).push(_items(names))
        connect.close()
        assert stand_in.crashes == []
        assert stand_in.environment(other.ref) == held
        expected = {item.name: item.value.reveal() for item in _items(names)}
        assert stand_in.environment(mine.ref) == {**held, **expected}
