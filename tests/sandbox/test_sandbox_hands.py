"""What a person does in the sandbox, and that mistakes are answered with the next step."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from releaseguard.errors import UsageError
from releaseguard.eventlog.interface import Query
from releaseguard.eventlog.stores.sqlite import SqliteEventLog
from releaseguard.sandbox.course import Course
from releaseguard.sandbox.hands import Hands
from releaseguard.sandbox.story import furnished


@pytest.fixture
def hands(tmp_path: object) -> Iterator[Hands]:
    with SqliteEventLog(tmp_path / "log.db") as log:  # type: ignore[operator]
        world = furnished()
        world.app.log = log.append
        yield Hands(world, Course(1), log)


def test_a_group_is_made_anew_whole_and_old_versions_are_revoked(hands: Hands) -> None:
    assert hands.revoke("twilio", None) == "Revoked at twilio: nothing, there is one version only."
    assert "TWILIO_ACCOUNT_SID version 2, TWILIO_AUTH_TOKEN version 2" in hands.new_key("twilio", None)
    assert "0 failed" in hands.use("twilio", None)
    hands.revoke("twilio", None)
    assert "5 uses of twilio, 5 failed" in hands.use("twilio", None)  # nobody has rotated


def test_a_generated_secret_works_once_it_is_set_at_the_console_and_the_one_before_no_more(hands: Hands) -> None:
    before = hands.world.infisical.value("IDENFY_WEBHOOK_SECRET")
    hands.world.infisical.put("IDENFY_WEBHOOK_SECRET", after := "made by a rotation")
    assert not hands.world.providers.accepts(after)
    hands.console("idenfy", "IDENFY_WEBHOOK_SECRET")
    assert (hands.world.providers.accepts(after), hands.world.providers.accepts(before)) == (True, False)


def test_a_key_that_a_provider_keeps_is_replaced_there_and_nowhere_else(hands: Hands) -> None:
    before = dict(hands.world.at_providers)
    hands.console("apple_push", None)
    changed = {name for name, value in hands.world.at_providers.items() if value != before[name]}
    assert changed == {"APPLE_PUSH_KEY"}
    with pytest.raises(UsageError) as refused:
        hands.new_key("apple_push", None)
    assert "releaseguard sandbox console apple_push" in str(refused.value.next_step)


def test_a_release_is_shipped_and_marked(hands: Hands) -> None:
    told = hands.release(None, None)
    (mark,) = hands.log.select(Query(events=("release_deployed",)))
    assert mark.release == hands.world.release
    assert f"releaseguard verify --release {mark.release} --watch" in told
    hands.use("mapbox", None)
    assert {row.release for row in hands.log.select(Query(providers=("mapbox",))) if row.source == "web"} == {
        mark.release
    }


@pytest.mark.parametrize("act", ["new_key", "console", "revoke", "use", "break_", "silence"])
def test_a_provider_that_nobody_knows_is_a_usage_error(hands: Hands, act: str) -> None:
    with pytest.raises(UsageError):
        getattr(hands, act)("sendgird", None)
