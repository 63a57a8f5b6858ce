"""Values that cannot be a key, that are nothing new, or that must never come back under whatever number."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import msgspec
import pytest

from releaseguard.cards.spec import SecretSpec
from releaseguard.errors import ExitCode, Refused
from releaseguard.rotation.commands import rotate
from releaseguard.rotation.identity.flaws import flaws_in, unlike_the_documented
from releaseguard.rotation.result import RotationResult
from releaseguard.rotation.values import RotateAction, RotateRequest, RotationState
from releaseguard.secret import Secret
from releaseguard.vault.source import ValueSource
from tests.rotation.rotation_fakes import NAME, World

CONFIRMED = RotateRequest(action=RotateAction.CONFIRM_REVOKED, despite_use=True)
KEY = "SG.canary-0123456789.qpwoeiruty"
PEM = "-----BEGIN EC PRIVATE KEY-----\nMHcCAQEEcanary0123\nAbc+/9==\n-----END EC PRIVATE KEY-----"

FLAWED: Mapping[str, tuple[str, str | None, str]] = {
    "a reference to a folder": ("${prod.mail.SENDGRID_API_KEY}", None, "reference"),
    "a reference inside": (f"{KEY}${{TAIL}}", None, "reference"),
    "a template": ("{{ sendgrid }}", None, "reference"),
    "a shell's variable": ("$SENDGRID_API_KEY", None, "reference"),
    "a line end": (f"{KEY}\n", None, "line end"),
    "two line ends": (f"{KEY}\n\n", None, "line end"),
    "a line end of Windows": (f"{KEY}\r\n", None, "line end"),
    "a line end before": (f"\n{KEY}", None, "line end"),
    "a space": (f"{KEY} ", None, "white space"),
    "a space that does not break": (f"\u00a0{KEY}", None, "white space"),
    "quotes": (f'"{KEY}"', None, "quotes"),
    "single quotes": (f"'{KEY}'", None, "quotes"),
    "typographic quotes": (f"“{KEY}”", None, "quotes"),
    "a byte-order mark": (f"\ufeff{KEY}", None, "byte-order"),
    "a NUL": (f"{KEY}\0", None, "NUL"),
    "a character of no width": (f"{KEY}\u200b", None, "nobody sees"),
    "to be changed": ("CHANGE_ME", None, "placeholder"),
    "hidden by the vault": ("<hidden-by-infisical>", None, "placeholder"),
    "a mask": ("********", None, "placeholder"),
    "somebody's key": ("your-sendgrid-api-key", None, "placeholder"),
    "nothing in words": ("undefined", None, "placeholder"),
    "a word of ours": ("placeholder", None, "cannot be a key"),
    "a dummy": ("dummy", None, "placeholder"),
    "what the vault says of what may not be read": ("*not available*", None, "placeholder"),
    "the name for the value": (NAME, None, "own name"),
    "a line of a file": (f"{NAME}={KEY}", None, "sets a variable"),
    "a line of a shell": (f"export {NAME}='{KEY}'", None, "sets a variable"),
    "a header": (f"Bearer {KEY}", None, "header"),
    "two keys": (f"{KEY}\n{KEY}-2", None, "several lines"),
    "as a page shows it": (f"{KEY[:8]}...", None, "cut off"),
    "as a page shows it, typographically": (f"{KEY[:8]}…", None, "cut off"),
    "another tool's reference": ("op://prod/mail/key", None, "another tool"),
    "a cloud's reference": ("arn:aws:secretsmanager:eu-central-1:1:secret:mail", None, "another tool"),
    "encrypted": ("ENC[AES256_GCM,data:abc,iv:def]", None, "another tool"),
    "cut at a column's width": ("k" * 255, None, "cut off"),
    "cut at a service's limit": ("k" * 24576, None, "cut off"),
    "half a PEM file": (PEM[:60], None, "without its end"),
    "a PEM file with written line ends": (PEM.replace("\n", "\\n"), "pem", "line ends"),
    "no PEM file": (KEY, "pem", "PEM"),
    "half a document": ('{"type": "service_account", "private_key": "abc', "json", "JSON"),
    "a text for a document": ('"service_account"', "json", "JSON"),
}
SOUND: Mapping[str, tuple[str, str | None]] = {
    "a key": (KEY, None),
    "signs in it": ("p$a{b}c%d<e>'f", None),
    "a form of key and value": ("AccountKey=c2VjcmV0==;EndpointSuffix=x", None),
    "base64 of capitals": ("QUJDREVGR0hJSktM==", None),
    "base64 of capitals and a mark": ("ABCDEF0123=", None),
    "a document that no card knows": ('{\n "type": "service_account"\n}', None),
    "a hash": ("$2b$10$qpwoeirutyl", None),
    "a PEM file": (PEM, "pem"),
    "a PEM file with its last line end": (f"{PEM}\n", None),
    "a PEM file of Windows": (f"{PEM}\n".replace("\n", "\r\n"), "pem"),
    "a document": ('{"type": "service_account"}\n', "json"),
    "as many hexadecimal digits as are usual": ("0f" * 128, None),
}


def wrong(value: str, shape: str | None) -> list[str]:
    spec = msgspec.convert({"name": NAME, "shape": shape}, SecretSpec)
    return [str(flaw) for flaw in flaws_in([spec], {NAME: Secret(value)})]


@pytest.mark.parametrize("name", FLAWED)
def test_what_cannot_be_a_key_is_named_without_the_value(name: str) -> None:
    value, shape, word = FLAWED[name]
    [said] = wrong(value, shape)
    assert word in said
    assert value.strip() not in said.removeprefix(NAME)


@pytest.mark.parametrize("name", SOUND)
def test_what_can_be_a_key(name: str) -> None:
    assert wrong(*SOUND[name]) == []


def test_the_documented_form_is_of_the_whole_value() -> None:
    spec = SecretSpec(name=NAME, pattern=r"SG\.[a-z0-9.-]+")
    assert not list(unlike_the_documented([spec], {NAME: Secret(KEY)}))
    assert list(unlike_the_documented([spec], {NAME: Secret(f"{KEY}!")}))


def ready(*versions: str) -> World:
    world = World()
    world.live_with(*versions[:-1])
    world.vault.put(NAME, versions[-1])
    return world


def go(world: World, request: RotateRequest | None = None) -> RotationResult:
    return rotate(request or RotateRequest(), world.process(), world.tell)


def written(world: World) -> int:
    return sum(sum(one.writes.values()) for one in world.destinations)


@pytest.mark.parametrize("dry_run", [True, False])
@pytest.mark.parametrize("origin", [ValueSource.VAULT, ValueSource.STDIN])
def test_it_is_refused_before_anything_is_written(dry_run: bool, origin: ValueSource) -> None:
    bad = f"{KEY}\r\n"
    world = ready("old-value", bad if origin is ValueSource.VAULT else "newer-value")
    values = {NAME: Secret(bad)} if origin is ValueSource.STDIN else {}
    with pytest.raises(Refused, match="line end") as caught:
        go(world, RotateRequest(dry_run=dry_run, origin=origin, values=values))
    assert "--accept-value" in str(caught.value.next_step)
    assert (written(world), world.log.chain()) == (0, [])
    assert KEY not in str(caught.value)


def test_a_person_may_take_it_on_record() -> None:
    world = ready("old-value", f"{KEY} ")
    result = go(world, RotateRequest(accept_value=True, reason="a passphrase ends so"))
    assert result.state is RotationState.PROVEN
    [planned] = [row for row in world.log.chain() if row.event == "rotation_planned"]
    assert planned.detail["accepted"] == [NAME]
    assert planned.detail["reason"] == "a passphrase ends so"
    world.github[0].cells[NAME].value = "somebody else's"
    assert go(world, RotateRequest(push_again=True)).state is RotationState.PROVEN, "of this version it is said"
    world.vault.put(NAME, "another one ")
    with pytest.raises(Refused, match="white space"):
        go(world)


def test_a_leaked_value_with_a_line_end_is_that_value() -> None:
    world = ready(KEY, f"{KEY}\n")
    with pytest.raises(Refused):
        go(world, RotateRequest(leak=True, reason="gist"))
    with pytest.raises(Refused, match="version 1"):
        go(world, RotateRequest(leak=True, reason="gist", accept_value=True))
    assert written(world) == 0


def test_a_form_that_is_not_documented_is_told_and_does_not_stop() -> None:
    world = ready("old-value", KEY)
    spec = msgspec.structs.replace(world.card.secrets[0], pattern="xkeysib-.+")
    world.card = msgspec.structs.replace(world.card, secrets=(spec, *world.card.secrets[1:]))
    result = go(world, RotateRequest(dry_run=True))
    assert "form that the provider documents" in " ".join(result.remarks)


def test_the_value_that_is_out_under_another_number_is_nothing_new() -> None:
    world = ready("old-value", "new-value")
    assert go(world).state is RotationState.PROVEN
    world.vault.put(NAME, "new-value")
    before = written(world)
    for request in (RotateRequest(), RotateRequest(dry_run=True)):
        result = go(world, request)
        assert result.exit_code is ExitCode.OK
        assert "Nothing new: version 3" in " ".join(result.remarks)
        assert "evoke" not in str(result.next_step)
    with pytest.raises(Refused, match="version 2"):
        go(world, RotateRequest(leak=True, reason="gist"))
    assert written(world) == before


def test_before_any_rotation_the_same_value_again_is_nothing_new_either() -> None:
    world = ready("only-value", "only-value")
    result = go(world)
    assert (result.state, result.exit_code) == (None, ExitCode.OK)
    assert "has the value of version 1" in " ".join(result.remarks)
    world.supabase.cells[NAME] = replace(world.supabase.cells[NAME], value="another-value")
    result = go(world)
    assert result.state is RotationState.PROVEN, "a place that holds something else gets it"
    assert "Nothing" in str(result.next_step), "and nothing is there to be revoked"


def revoked() -> World:
    world = ready("old-value", "new-value")
    assert go(world).state is RotationState.PROVEN
    assert go(world, CONFIRMED).state is RotationState.RETIRED
    return world


@pytest.mark.parametrize("leak", [True, False])
def test_a_value_that_was_confirmed_as_revoked_does_not_come_back_under_another_number(leak: bool) -> None:
    world = revoked()
    world.vault.put(NAME, "old-value")
    before = written(world)
    with pytest.raises(Refused, match="version 1"):
        go(world, RotateRequest(leak=leak, reason="gist" if leak else None))
    assert written(world) == before


def test_nor_from_standard_input() -> None:
    world = revoked()
    with pytest.raises(Refused, match="that of version 1, which is confirmed as revoked"):
        go(world, RotateRequest(origin=ValueSource.STDIN, values={NAME: Secret("old-value")}))
    assert len(world.vault.kept[NAME]) == 2


def test_nor_where_the_secret_was_created_anew_and_only_its_fingerprint_is_known() -> None:
    long_old, long_new = f"{KEY}-the-first", f"{KEY}-the-second"
    world = ready(long_old, long_new)
    assert go(world).state is RotationState.PROVEN
    assert go(world, CONFIRMED).state is RotationState.RETIRED
    world.vault.create_anew(NAME, long_old)
    with pytest.raises(Refused, match="that of version 1, which is confirmed as revoked"):
        go(world)


def test_what_can_no_longer_be_compared_is_told_by_number() -> None:
    world = revoked()
    world.vault.create_anew(NAME, "brand-new-value")
    result = go(world)
    assert "nothing shows version 1 any more" in " ".join(world.told), result.remarks


def test_a_leaked_value_that_returns_in_a_secret_created_anew_is_known_by_the_place_that_still_holds_it() -> None:
    world = ready("old-value", "new-value")
    assert go(world).state is RotationState.PROVEN
    world.vault.create_anew(NAME, "new-value")
    result = go(world)
    assert "Nothing new" in " ".join(result.remarks)
    with pytest.raises(Refused):
        go(world, RotateRequest(leak=True, reason="gist"))


def test_a_revoked_value_that_only_a_place_left_out_still_shows_is_known_by_that_place() -> None:
    world = ready("old-value", "new-value")
    assert go(world).state is RotationState.PROVEN
    world.vault.put(NAME, "third-value")
    left = RotateRequest(skip=(world.supabase.uri,), reason="it is being moved")
    assert go(world, left).state is RotationState.UNPROVEN
    confirmed = RotateRequest(action=RotateAction.CONFIRM_REVOKED, despite_use=True)
    assert go(world, confirmed).state is RotationState.RETIRED
    world.vault.create_anew(NAME, "new-value")  # short: there is no fingerprint, and the vault has it no more
    with pytest.raises(Refused, match="that of version 2, which is confirmed as revoked"):
        go(world)
