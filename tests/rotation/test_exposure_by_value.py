"""What a leak exposed beyond the places that are configured: the same value elsewhere, and deployments that keep it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from releaseguard.audit.histories import read_chain
from releaseguard.cards.load import Cards
from releaseguard.deployments.interface import HostingDeployment, Phase
from releaseguard.destinations.interface import HeldValue, ValueSearch
from releaseguard.errors import AccessDenied
from releaseguard.leaks.interface import Alert, AlertSource
from releaseguard.rotation.aftermath import AftermathSources, rotate_and_settle
from releaseguard.rotation.exposure.by_value import copies_by_value
from releaseguard.rotation.exposure.gather import ExposureSources, gather
from releaseguard.rotation.exposure.sentences import summary
from releaseguard.rotation.history.reading import chain_query, read
from releaseguard.rotation.values import RotateRequest, RotationState
from releaseguard.secret import Secret
from releaseguard.vault.interface import HeldInVault, VaultSearch
from tests.rotation.rotation_fakes import CHAIN_KEY, NAME, START, FakeDestination, FakeVault, World

VALUE = "old-value"


class Account(FakeDestination):
    """A destination whose account shows what else it holds."""

    held: Sequence[HeldValue] = ()

    def holding(self, values: Mapping[str, Secret]) -> ValueSearch:
        return ValueSearch([one for one in self.held if one.secret in values], ["supabase:locked (403)"])


class Store(FakeVault):
    found: Sequence[HeldInVault] = ()

    def elsewhere(self, values: Mapping[str, Secret]) -> VaultSearch:
        return VaultSearch([one for one in self.found if one.secret in values])


def world() -> World:
    made = World()
    made.vault.__class__ = Store
    made.supabase.__class__ = Account
    made.live_with(VALUE)
    made.vault.put(NAME, "new-value")
    here = made.supabase.uri
    made.supabase.held = [  # type: ignore[attr-defined]
        HeldValue(NAME, NAME, here),
        HeldValue(NAME, "MAIL_KEY", here),
        HeldValue(NAME, NAME, "supabase:" + "b" * 20),
    ]
    made.vault.found = [  # type: ignore[attr-defined]
        HeldInVault(NAME, NAME, "environment staging, path /"),
        HeldInVault(NAME, "REFERS", "environment prod, path /", follows=True),
    ]
    made.deployer.kept = lambda before: [  # type: ignore[method-assign]
        HostingDeployment(
            "dpl_0", "preview", Phase.READY, "READY", before - timedelta(days=2), url="https://p.vercel.app"
        ),
        HostingDeployment("dpl_9", "qa", Phase.READY, "READY", before - timedelta(days=2)),
    ]
    return made


def sources(made: World) -> ExposureSources:
    context = made.process()
    return ExposureSources(
        card=context.card,
        chain_key=CHAIN_KEY,
        unit=context.card.unit_of(NAME),
        bindings=context.bindings,
        vault=context.vault,
        log=context.log,
        waiting_runs=lambda _: (),
        is_configured=lambda _: True,
        deployers=list(context.deployers.values()),
    )


def test_the_same_value_is_told_under_whatever_name_and_what_a_rotation_writes_is_not() -> None:
    made = world()
    found = copies_by_value(made.process().bindings, made.vault, {NAME: Secret(VALUE)})
    assert list(found.copies) == [
        f"{made.supabase.uri} (MAIL_KEY)",
        f"supabase:{'b' * 20} ({NAME})",
        "vault: environment staging, path /",
    ]
    assert list(found.follow) == ["vault: REFERS in environment prod, path /"]
    assert "supabase:locked (403)" in found.unread
    assert any("github" in place for place in found.unread), "what shows nothing is said to"
    assert copies_by_value(made.process().bindings, made.vault, {NAME: Secret("short")}).copies == ()


def test_a_report_names_copies_references_and_deployments_of_targets_that_had_the_value() -> None:
    made = world()
    report = gather(sources(made), {NAME: 1}, START)
    assert report.counts.values == 3
    assert list(report.previews) == ["vercel:prj_1 preview https://p.vercel.app"]
    told = " ".join(summary(report))
    assert "the same value is in 3 other places, which breaks when it is revoked" in told
    assert "https://p.vercel.app" in told
    assert "REFERS" in told
    assert VALUE not in told


def test_the_value_of_a_namesake_is_not_taken_for_the_one_that_leaked() -> None:
    made = world()
    report = gather(sources(made), {NAME: 1}, START, {NAME: "another-id"})
    assert report.values == []
    assert any("does not give the value" in one for one in report.unknown)


def test_where_nobody_can_say_who_read_the_value_the_vault_is_named() -> None:
    made = world()
    made.vault.label = "eu.infisical.com, project p-1, environment prod, path /"
    made.vault.accesses = lambda name, since: None  # type: ignore[method-assign]
    [line] = [one for one in gather(sources(made), {NAME: 1}, START).unknown if one.startswith("who read")]
    assert line == f"who read {NAME} in the vault: {made.vault.label}: the plan has no audit log"


class NoAlerts(AlertSource):
    def open_alerts(self) -> Sequence[Alert]:
        raise AccessDenied("no", where="github")

    def close_as_revoked(self, alert: Alert, comment: str) -> None:
        raise NotImplementedError


def test_what_a_leak_exposed_is_a_step_of_its_chain(tmp_path) -> None:  # type: ignore[no-untyped-def]
    made = world()
    context = made.process()
    around = AftermathSources(
        exposure=lambda _: sources(made), alerts=NoAlerts, cards=Cards({made.card.id: made.card}, {}), folder=tmp_path
    )
    result = rotate_and_settle(RotateRequest(leak=True, reason="gist"), context, around, made.tell)
    assert result.state is RotationState.PROVEN
    chain = read(CHAIN_KEY, made.log.judged(chain_query(CHAIN_KEY)))
    [row] = [step for step in chain.steps if step.event == "leak_exposure"]
    assert row.detail["rotation_id"] == result.rotation_id
    assert result.head == chain.head, "what is printed covers it"
    forged = replace(row, detail={**row.detail, "exposure": {**row.detail["exposure"], "holders": []}})
    rows = [(forged if step.id == row.id else step, None) for step in chain.steps]
    assert len(read_chain(CHAIN_KEY, rows).steps) < len(chain.steps), "an edit of it is seen"
    assert isinstance(made.time.wall(), datetime)
