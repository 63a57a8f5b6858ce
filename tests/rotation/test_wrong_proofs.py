"""What would end in a wrong PROVEN, or in a person revoking the key that production still uses."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any

import pytest

from releaseguard.cards.refused import is_refusal
from releaseguard.errors import ExitCode, Refused, UsageError
from releaseguard.model import Event, Outcome, new_id
from releaseguard.rotation.commands import rotate
from releaseguard.rotation.history.views import ChainView, RotationView, Written
from releaseguard.rotation.identity.labelling import label_for
from releaseguard.rotation.next_steps import NOTHING_TO_REVOKE
from releaseguard.rotation.proof.labels import Labels
from releaseguard.rotation.result import RotationResult
from releaseguard.rotation.values import Direction, Pin, RotateAction, RotateRequest, RotationState
from releaseguard.secret import Secret
from releaseguard.vault.source import ValueSource
from tests.rotation.rotation_fakes import CHAIN_KEY, NAME, START, World

LABEL = f"{NAME}_VERSION"
WEBHOOK = "SENDGRID_WEBHOOK_KEY"


def ready(*versions: str) -> World:
    world = World()
    world.live_with(*versions[:-1])
    world.vault.put(NAME, versions[-1])
    return world


def go(world: World, request: RotateRequest | None = None) -> RotationResult:
    return rotate(request or RotateRequest(), world.process(), world.tell)


def used(world: World, version: Any, **more: Any) -> None:
    """A success of a process that nobody has deployed, as the app logs it."""
    row = Event(
        id=new_id(),
        occurred_at=world.time.wall(),
        provider="sendgrid",
        event="sendgrid_email_sent",
        outcome=Outcome.SUCCESS,
        environment="production",
        source="worker",
        detail={"secret_version": version},
    )
    world.log.append([replace(row, **more)])


@dataclass
class Once:
    """Does something while the events come in: once the new value is out at the functions."""

    world: World
    does: Callable[[World], None]
    done: list[float] = field(default_factory=list)

    def __call__(self) -> None:
        if not self.done and self.world.supabase.cells[NAME].value == "new-value":
            self.done.append(self.world.time.now)
            self.does(self.world)


def key_alone(world: World) -> None:
    cell = world.supabase.cells[NAME]
    world.supabase.cells[NAME] = replace(cell, value="old-value", marker=cell.marker + 1)


def key_deleted(world: World) -> None:
    del world.supabase.cells[NAME]
    world.app.holds = "new-value"
    world.time.passing.append(lambda: used(world, "2", source="edge"))


def hidden_key_alone(world: World) -> None:
    cell = world.vercel.cells[NAME]
    world.vercel.cells[NAME] = replace(cell, value="old-value", marker=cell.marker + 1)


WRITES: Mapping[str, tuple[Callable[[World], None], str]] = {
    "a workflow puts the old key back beside the new label": (key_alone, "supabase:abcdefghijklmnopqrst"),
    "the key is deleted while processes live on": (key_deleted, "supabase:abcdefghijklmnopqrst"),
    "a value that the place does not show is written": (hidden_key_alone, "vercel:prj_1/production,preview"),
}


@pytest.mark.parametrize("name", WRITES)
def test_what_somebody_writes_during_the_proof_is_seen_before_anything_is_proven(name: str) -> None:
    does, uri = WRITES[name]
    world = ready("old-value", "new-value")
    world.time.passing.append(Once(world, does))
    result = go(world)
    assert result.state is RotationState.UNPROVEN, result.proof
    assert f"{uri}: {NAME} was written by somebody else" in " ".join(result.proof.missing)
    assert uri in str(result.next_step)
    assert "--resume" in str(result.next_step)
    assert "evoke" not in str(result.next_step)
    again = go(world, RotateRequest(action=RotateAction.RESUME))
    assert again.state is RotationState.PROVEN, again.proof
    assert {one.values()[NAME] for one in world.destinations} == {"new-value"}


def test_a_roll_back_by_hand_after_the_last_success_is_seen() -> None:
    world = ready("old-value", "new-value")

    def back() -> None:
        if len(world.deployer.made) == 2 and len([row for row in world.log.rows.values() if row.source == "web"]) > 3:
            world.app.silent = True
            first = world.deployer.made.pop(0)
            world.deployer.made.append(first)

    world.time.passing.append(back)
    result = go(world)
    assert result.state is RotationState.UNPROVEN, result.proof
    assert "Promote dpl_2 to production in place of dpl_1" in str(result.next_step)


OBJECTIONS: Mapping[str, Mapping[str, Any]] = {
    "an event that no card knows": {"event": "sendgrid_template_sent"},
    "the provider in capitals": {"provider": "SendGrid"},
    "the provider in capitals throughout": {"provider": "SENDGRID"},
    "the provider with a blank": {"provider": "sendgrid "},
    "the provider with a line end": {"provider": "\tsendgrid\n"},
    "the provider divided": {"provider": "send_grid"},
    "the environment in another case": {"environment": "Production"},
    "the environment with a blank": {"environment": " PRODUCTION "},
    "the event in another case": {"event": "SendGrid_Email_Sent"},
    "all of it": {"provider": "Send Grid", "environment": "PRODUCTION", "event": "sendgrid-email-sent"},
}
LIKE_ANOTHER = {
    "the provider in capitals throughout",
    "the provider with a blank",
    "the provider divided",
    "the environment in another case",
}
"""What "all of it", a line end and a blank bring as well."""
ALIKE = pytest.mark.full("one difference of spelling that another name in this list has among its own")
NAMED = [pytest.param(name, marks=ALIKE if name in LIKE_ANOTHER else ()) for name in OBJECTIONS]


@pytest.mark.parametrize("name", NAMED)
def test_a_process_on_the_old_version_is_heard_however_it_logs(name: str) -> None:
    world = ready("old-value", "new-value")
    world.sources = False
    world.time.passing.append(lambda: used(world, "1", **OBJECTIONS[name]))
    result = go(world)
    assert result.state is RotationState.UNPROVEN, result.proof
    assert "worker" in " ".join(result.proof.missing)


@pytest.mark.parametrize("name", NAMED)
def test_and_before_a_person_revokes(name: str) -> None:
    world = ready("old-value", "new-value")
    assert go(world).state is RotationState.PROVEN
    used(world, "1", **OBJECTIONS[name])
    asked = go(world, RotateRequest(action=RotateAction.CONFIRM_REVOKED))
    assert asked.exit_code is ExitCode.REFUSED
    assert "worker" in str(asked.problem)


SPELLED: Mapping[str, tuple[Mapping[str, Any], str]] = {
    "the provider's name": ({"provider": "SendGrid"}, "under the provider 'SendGrid': the app must write 'sendgrid'"),
    "a blank": ({"provider": "sendgrid "}, "under the provider 'sendgrid ': the app must write 'sendgrid'"),
    "the environment": ({"environment": "Production"}, "'Production': the app must write 'production'"),
    "the event": ({"event": "SENDGRID_EMAIL_SENT"}, "'SENDGRID_EMAIL_SENT': the app must write 'sendgrid_email_sent'"),
    "another environment": ({"environment": "prod"}, "successes are in 'prod' ("),
}


@pytest.mark.parametrize("name", SPELLED)
def test_rows_under_another_spelling_prove_nothing_and_are_told(name: str) -> None:
    written, told = SPELLED[name]
    world = ready("old-value", "new-value")
    world.app.silent = True
    world.time.passing.append(lambda: used(world, world.supabase.cells[LABEL].value, **written))
    world.sources = False
    result = go(world)
    assert result.state is RotationState.UNPROVEN, result.proof
    assert told in " ".join(result.proof.missing)
    assert "there was no traffic" not in " ".join(result.proof.missing)


def test_another_environment_is_not_taken_for_ours_where_ours_is_only_quiet() -> None:
    world = ready("old-value", "new-value")
    used(world, "1")
    world.app.silent = True
    world.time.passing.append(lambda: used(world, world.supabase.cells[LABEL].value, environment="staging"))
    assert "staging" not in " ".join(go(world).proof.missing)


def test_sources_that_the_configuration_does_not_name_are_named_where_they_have_the_new_version() -> None:
    world = ready("old-value", "new-value")
    world.app.silent = True
    world.time.passing.append(lambda: used(world, world.supabase.cells[LABEL].value, source="Web"))
    missing = " ".join(go(world).proof.missing)
    assert "with the new version from 'Web', a source that [providers.sendgrid.sources] names nowhere" in missing


@pytest.mark.parametrize("carried", ["{} ", "{}\n", "\t{}"])
def test_a_label_with_the_blanks_of_a_shell_is_the_label(carried: str) -> None:
    world = ready("old-value", "new-value")
    world.app.silent = True
    world.sources = False
    world.time.passing.append(lambda: used(world, carried.format(world.supabase.cells[LABEL].value)))
    assert go(world).state is RotationState.PROVEN


def test_a_number_that_a_quiet_process_reports_in_a_map_is_not_given_again() -> None:
    world = ready("old-value", "new-value")
    used(world, {NAME: "2"}, occurred_at=START)
    for second in range(300):
        used(world, None, source="web", occurred_at=START + timedelta(seconds=1 + second / 10), detail={})
    world.app.silent = True
    world.sources = False
    world.time.passing.append(lambda: used(world, {NAME: "2"}))
    assert go(world).state is RotationState.UNPROVEN
    assert world.supabase.cells[LABEL].value.startswith("2-")


def chain(*pins: Pin) -> ChainView:
    views = [
        RotationView(
            id=f"r{at}", unit=one.name, state=RotationState.PROVEN, began_at=START, changed_at=START, pins=(one,)
        )
        for at, one in enumerate(pins)
    ]
    return ChainView(CHAIN_KEY, rotations=views)


def test_secrets_of_one_provider_that_are_rotated_one_by_one_share_no_label() -> None:
    view = chain(Pin(WEBHOOK, 1, 2, secret_id="w", from_secret_id="w", fingerprint="fp:wwwwwwww"))
    assert label_for(NAME, Written(2, "a"), view, ()).startswith("2-")
    assert label_for(NAME, Written(3, "a"), view, ()) == "3"
    assert label_for(NAME, Written(2, "a"), view, (), unit=(NAME, WEBHOOK)) == "2", "of a group the number is one"
    assert view.reported_of_others([NAME]) == {"1", "2", "fp:wwwwwwww"}


ONE = Labels.of([Pin(NAME, 3, 4, fingerprint="fp:newnewne", from_fingerprint="fp:oldoldol")], Direction.FORWARD,
                others=frozenset({"1", "2", "fp:wwwwwwww", "3"}))  # fmt: skip
SAID: Mapping[str, tuple[Any, bool, bool]] = {
    "another secret's number": ("2", False, False),
    "another secret's fingerprint": ("fp:wwwwwwww", False, False),
    "another secret in a map": ({WEBHOOK: "2"}, False, False),
    "the number before, which another secret has too": ("3", True, True),
    "the number before as a number": (3, True, True),
    "the fingerprint before": ("fp:oldoldol", True, True),
    "the number before in a map": ({NAME: "3", WEBHOOK: "2"}, True, True),
    "the new number": ("4", True, False),
    "a number of nobody": ("17", True, False),
    "a fingerprint of nobody": ("fp:zzzzzzzz", True, False),
}


@pytest.mark.parametrize("name", SAID)
def test_what_a_label_is_about(name: str) -> None:
    carried, concerns, before = SAID[name]
    assert (ONE.concerns(carried), ONE.is_before(carried)) == (concerns, before)


def test_a_map_of_another_secret_is_no_use_of_a_value_that_was_revoked() -> None:
    world = ready("old-value", "new-value")
    assert go(world).state is RotationState.PROVEN
    confirm = RotateRequest(action=RotateAction.CONFIRM_REVOKED, despite_use=True)
    assert go(world, confirm).exit_code is ExitCode.OK
    world.time.now += 1
    used(world, {WEBHOOK: "1"}, event="sendgrid_webhook_received")
    assert go(world, confirm).exit_code is ExitCode.OK
    used(world, {NAME: "1"})
    assert go(world, confirm).exit_code is ExitCode.BAD


def test_what_was_in_use_two_rotations_ago_objects_although_another_secret_has_that_number_too() -> None:
    world = ready("first", "old-value")
    world.vault.put(WEBHOOK, "w-1", "w-2")
    go(world, RotateRequest(secret=WEBHOOK))
    assert go(world).state is RotationState.PROVEN
    world.vault.put(NAME, "new-value")
    world.time.passing.append(lambda: used(world, "1"))
    assert go(world).state is RotationState.UNPROVEN


REFUSALS = ("401", "403", "HTTP 401", "http_401", "401 Unauthorized", "Unauthorized", "UNAUTHENTICATED",
            "invalid_api_key", "InvalidToken", "bad credentials", "token expired", "key_revoked",
            "authentication_failed", "permission_denied", "Forbidden", "HTTP401", "E401", "AxiosError:401",
            "not_authorized", "Incorrect API key provided", "api key not valid", "JWT expired", "invalid_client",
            "InvalidAccessToken", "missing api key", "key_disabled", "authentication required")  # fmt: skip
NO_REFUSALS = (None, "", "500", "4010", "1401", "timeout", "rate_limited", "invalid_email", "rls_denied",
               "invalid_request", "unknown", "E4010", "req_401a9f", "x401b", "missing_token")  # fmt: skip


@pytest.mark.parametrize("code", REFUSALS)
def test_a_refused_credential_however_the_app_spells_it(code: str) -> None:
    assert is_refusal(code, ("401", "403"))


@pytest.mark.parametrize("code", NO_REFUSALS)
def test_what_is_no_refusal(code: str | None) -> None:
    assert not is_refusal(code, ("401", "403"))
    assert not is_refusal("Forbidden", ("401",)), "where a card does not count 403"
    assert is_refusal("error 20003", ("20003",))


def test_a_refusal_in_the_apps_own_words_forbids_a_proof() -> None:
    world = ready("old-value", "new-value")
    refused = {"event": "sendgrid_error", "outcome": Outcome.ERROR, "error_code": "HTTP 401", "source": "edge"}
    world.time.passing.append(lambda: used(world, "2", **refused))
    assert go(world).state is not RotationState.PROVEN


def stdin(value: str, **more: Any) -> RotateRequest:
    return RotateRequest(origin=ValueSource.STDIN, values={NAME: Secret(value)}, **more)


def test_the_value_that_is_out_is_nothing_new_from_standard_input_either() -> None:
    world = ready("old-value", "new-value")
    assert go(world).state is RotationState.PROVEN
    world.vault.put(NAME, "made-and-never-out")
    for value in ("new-value",):
        result = go(world, stdin(value))
        assert (result.exit_code, result.state) == (ExitCode.OK, None)
        assert "Nothing new" in " ".join(result.remarks)
    assert len(world.vault.kept[NAME]) == 3, "nothing was written"


def test_the_only_value_there_is_has_nothing_before_it_that_could_be_revoked() -> None:
    world = World()
    world.live_with("only-value")
    result = go(world, stdin("only-value"))
    assert [(pin.from_version, pin.to_version) for pin in result.secrets] == [(None, 1)]
    assert "Nothing" in str(result.next_step)


@pytest.mark.parametrize("value", ["old-value", "new-value", "new-value\n"])
def test_in_a_leak_standard_input_is_compared_before_the_vault_is_written(value: str) -> None:
    world = ready("old-value", "new-value")
    assert go(world).state is RotationState.PROVEN
    with pytest.raises((Refused, UsageError)):
        go(world, stdin(value, leak=True, reason="gist", accept_value=True))
    assert len(world.vault.kept[NAME]) == 2
    world.vault.put(NAME, "fresh-value")
    assert go(world, stdin("fresh-value", leak=True, reason="gist")).state is RotationState.PROVEN


def overwritten() -> World:
    """Version 2 is out and proven, and somebody has put the old key back at the functions."""
    world = ready("old-value", "new-value")
    assert go(world).state is RotationState.PROVEN
    key_alone(world)
    return world


def test_a_place_that_was_written_over_is_written_again_and_not_said_to_be_done() -> None:
    world = overwritten()
    planned = go(world, RotateRequest(dry_run=True))
    assert planned.plan is not None
    assert not planned.plan.unchanged
    result = go(world)
    assert world.supabase.values()[NAME] == "new-value"
    assert "written by somebody else" in " ".join(world.told)
    assert "Nothing to do" not in " ".join(result.remarks)
    again = go(world)
    assert "Nothing to do" in " ".join(again.remarks)


def test_what_is_written_once_more_is_never_what_a_person_is_to_revoke() -> None:
    world = overwritten()
    result = go(world)
    assert result.state is RotationState.PROVEN, result.proof
    assert f"Revoke version 1 of {NAME}" in str(result.next_step)
    confirmed = go(world, RotateRequest(action=RotateAction.CONFIRM_REVOKED, despite_use=True))
    assert confirmed.secrets[0].from_version == 1
    key_alone(world)
    repaired = go(world)
    assert (repaired.state, repaired.next_step) == (RotationState.PROVEN, NOTHING_TO_REVOKE)


def test_before_the_first_rotation_what_is_out_is_what_a_place_shows() -> None:
    world = World()
    world.live_with("first-value")
    world.vault.put(NAME, "never-out", "new-value")
    leaked = go(world, RotateRequest(leak=True, reason="gist"))
    assert [(pin.from_version, pin.to_version) for pin in leaked.secrets] == [(1, 3)]
    blind = World()
    blind.supabase.shows = False
    blind.live_with("first-value")
    blind.vault.put(NAME, "never-out", "new-value")
    assert [(pin.from_version, pin.to_version) for pin in go(blind).secrets] == [(2, 3)], "as nothing says more"


def test_a_success_with_a_401_proves_nothing_and_is_the_refusal_that_it_is() -> None:
    world = ready("old-value", "new-value")
    world.app.refused, world.app.deaf = {"new-value"}, True
    result = go(world)
    assert result.state is RotationState.ROLLED_BACK, result.proof
    assert world.supabase.cells[NAME].value == "old-value"


def test_nor_is_it_a_use_of_the_new_value_before_a_person_revokes() -> None:
    world = ready("old-value", "new-value")
    assert go(world).state is RotationState.PROVEN
    used(world, world.supabase.cells[LABEL].value, source="cron", error_code="HTTP 401")
    certificate = go(world, RotateRequest(action=RotateAction.CONFIRM_REVOKED)).certificate
    assert certificate is not None
    (cron,) = [one for one in certificate.consumers if one.source == "cron"]
    assert (cron.new, cron.refused) == (0, 1)


def test_the_new_version_from_nowhere_is_told_and_more_traffic_is_not_asked_for() -> None:
    world = ready("old-value", "new-value")
    world.app.silent = True
    world.time.passing.append(lambda: used(world, world.supabase.cells[LABEL].value, source=None))
    result = go(world)
    missing = " ".join(result.proof.missing)
    assert "with the new version and without a source" in missing
    assert "there was no traffic" not in missing
    assert "from which source" in str(result.next_step)


@pytest.mark.parametrize(("said", "warned"), [(None, True), ("1", False)])
def test_traffic_that_never_said_which_value_it_used_is_not_counted_upon(said: str | None, warned: bool) -> None:
    world = ready("old-value", "new-value")
    world.app.silent, world.sources = True, False
    used(world, said)
    world.time.now += 60
    missing = " ".join(go(world).proof.missing)
    assert "an hour that takes about" in missing
    assert ("no row of the day before says which value it used" in missing) is warned
