"""The vault is away at three in the morning: a value is brought out all the same, and the vault is to hold it later."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
from msgspec import structs

from releaseguard.cards.spec import Card
from releaseguard.cli.rotating import rotate as command
from releaseguard.errors import ExitCode, Refused, Unreachable, UsageError
from releaseguard.rotation.history.reading import fold
from releaseguard.rotation.result import RotationResult
from releaseguard.rotation.telling import text_of
from releaseguard.rotation.values import RotateAction, RotateRequest, RotationState
from releaseguard.secret import Secret
from releaseguard.vault.interface import SecretVersion
from releaseguard.vault.source import ValueSource
from tests.rotation.rotation_fakes import CHAIN_KEY, NAME, FakeVault, Killed, World
from tests.rotation.test_rotation_states import assert_out, go

NEW = "SG.0123456789abcdef.new-value-0123456789"
RESUME = RotateRequest(action=RotateAction.RESUME)


class AwayVault(FakeVault):
    away = True

    def _when_there(self, ask: Callable[[], SecretVersion]) -> SecretVersion:
        if self.away:
            raise Unreachable("the vault does not answer", where=self.label)
        return ask()

    def read(self, name: str, version: int | None = None) -> SecretVersion:
        return self._when_there(lambda: super(AwayVault, self).read(name, version))

    def write(self, name: str, value: Secret) -> SecretVersion:
        return self._when_there(lambda: super(AwayVault, self).write(name, value))


def later(value: str = NEW, **more: object) -> RotateRequest:
    return RotateRequest(origin=ValueSource.STDIN, values={NAME: Secret(value)}, vault_later=True, **more)  # type: ignore[arg-type]


def with_entropy(world: World, entropy: str) -> Card:
    first, *rest = world.card.secrets
    return structs.replace(world.card, secrets=(structs.replace(first, entropy=entropy), *rest))


def away() -> tuple[World, AwayVault]:
    world = World()
    vault = AwayVault(world.killer)
    world.vault = vault
    world.card = with_entropy(world, "high")
    world.live_with("old")
    return world, vault


def versions(result: RotationResult) -> list[tuple[object, object]]:
    return [(one["from_version"], one["to_version"]) for one in result.to_json()["secrets"]]


@pytest.mark.parametrize("leak", [False, True])
def test_it_is_out_and_proven_as_far_as_it_goes_and_waits_for_the_vault(leak: bool) -> None:
    world, _ = away()
    result = go(world, replace(later(), leak=leak, reason="key in a gist" if leak else None))
    assert (result.state, result.exit_code) == (RotationState.WAITING_CONSOLE, ExitCode.UNDECIDED)
    assert_out(world, NEW)
    assert {made.environment[NAME] for made in world.deployer.made[1:]} == {NEW}
    assert versions(result) == [(None, None)]
    assert str(result.next_step).startswith(f"Store the same value of {NAME} in the vault")
    assert str(result.next_step).endswith("Then confirm it: releaseguard rotate sendgrid --resume")
    assert "Revoke" not in text_of(result)
    labels = {place.values()[NAME + "_VERSION"] for place in world.destinations}
    assert len(labels) == 1
    assert labels.pop().startswith("later-")


def test_once_the_vault_holds_the_same_value_it_is_proven_under_its_number() -> None:
    world, vault = away()
    first = go(world, later())
    vault.away = False
    vault.put(NAME, NEW)
    after = go(world, RESUME)
    assert (after.state, after.rotation_id) == (RotationState.PROVEN, first.rotation_id)
    assert versions(after) == [(None, 2)]
    view = fold(CHAIN_KEY, world.log.chain())
    assert (view.out[NAME].version, view.written[world.vercel.uri][NAME].version) == (2, 2)
    assert go(world).remarks[0].startswith("Nothing to do")
    vault.put(NAME, "newer")
    assert versions(go(world)) == [(2, 3)]


def test_a_plain_call_goes_on_where_the_vault_has_it_now() -> None:
    world, vault = away()
    first = go(world, later())
    vault.away = False
    vault.put(NAME, NEW)
    after = go(world)
    assert (after.state, after.rotation_id) == (RotationState.PROVEN, first.rotation_id)


@pytest.mark.parametrize("put", [None, "another"])
def test_it_goes_on_waiting_where_the_vault_is_still_away_or_has_something_else(put: str | None) -> None:
    world, vault = away()
    first = go(world, later())
    if put:
        vault.away = False
        vault.put(NAME, put)
    again = go(world, RESUME)
    assert (again.state, again.next_step) == (RotationState.WAITING_CONSOLE, first.next_step)
    assert_out(world, NEW)


def test_piped_in_once_more_it_is_stored_by_the_run_that_resumes() -> None:
    world, vault = away()
    go(world, later())
    vault.away = False
    after = go(world, replace(RESUME, origin=ValueSource.STDIN, values={NAME: Secret(NEW)}))
    assert after.state is RotationState.PROVEN
    assert vault.kept[NAME][-1].value.same_as(Secret(NEW))


def test_another_value_is_not_taken_for_it() -> None:
    world, vault = away()
    go(world, later())
    vault.away = False
    with pytest.raises(UsageError, match="is not what rotation"):
        go(world, replace(RESUME, origin=ValueSource.STDIN, values={NAME: Secret("typo")}))
    assert len(vault.kept[NAME]) == 1


@pytest.mark.parametrize("leak", [False, True])
def test_the_value_that_is_out_is_refused_by_what_places_show(leak: bool) -> None:
    world, _ = away()
    with pytest.raises(Refused, match="is the one that is out"):
        go(world, replace(later("old"), leak=leak, reason="gist" if leak else None))
    assert [event.event for event in world.log.chain()] == (["leak_reported"] if leak else [])


def test_a_refused_value_is_no_matter_of_the_vault() -> None:
    world, _ = away()
    world.app.refused = {NEW}
    result = go(world, later(leak=True, reason="gist"))
    assert result.state is RotationState.FAILED


def test_a_killed_push_needs_the_value_once_more() -> None:
    world, _ = away()
    world.killer.at = {}
    world.killer.on = {f"write {world.vercel.uri} {NAME}": Killed("gone")}
    with pytest.raises(Killed):
        go(world, later())
    world.killer.on = {}
    world.time.now += 100
    stopped = go(world, RESUME)
    assert stopped.exit_code is ExitCode.UNDECIDED
    assert str(stopped.next_step).endswith("releaseguard rotate sendgrid --resume --from stdin")
    world.time.now += 100
    after = go(world, later())
    assert (after.state, after.rotation_id) == (RotationState.WAITING_CONSOLE, stopped.rotation_id)
    assert_out(world, NEW)


def test_a_secret_of_low_entropy_is_compared_by_a_place_that_shows_it() -> None:
    world, vault = away()
    world.card = with_entropy(world, "low")
    go(world, later())
    vault.away = False
    vault.put(NAME, "another")
    assert go(world, RESUME).state is RotationState.WAITING_CONSOLE
    vault.put(NAME, NEW)
    assert go(world, RESUME).state is RotationState.PROVEN


@pytest.mark.parametrize("words", [["--vault-later"], ["--from", "stdin", "--vault-later", "--resume"]])
def test_it_goes_with_standard_input_alone(words: list[str]) -> None:
    parsed = command.rotate.make_context("rotate", ["sendgrid", *words]).params
    flags = command.RotateFlags(**{name: parsed[name] for name in command.RotateFlags.__dataclass_fields__})
    with pytest.raises(UsageError):
        command.check_flags("sendgrid", False, flags)


def test_a_vault_that_does_not_answer_leads_to_the_ways_without_it() -> None:
    world, _ = away()
    with pytest.raises(Unreachable) as caught:
        go(world, RotateRequest(leak=True, reason="key in a gist"))
    assert "rotate sendgrid --from stdin --vault-later --leak --reason 'key in a gist'" in str(caught.value.next_step)
    assert str(caught.value.next_step).endswith("releaseguard rotate sendgrid --by-hand")


def test_a_dry_run_names_all_that_was_asked() -> None:
    world, _ = away()
    asked = later(dry_run=True, leak=True, reason="gist", skip=("github:lovendo/app1",), deploy=False)
    words = str(go(world, asked).next_step)
    for flag in ("--from stdin --vault-later", "--leak", "--skip github:lovendo/app1", "--no-deploy", "--yes"):
        assert flag in words
    assert words.count("--reason") == 1
