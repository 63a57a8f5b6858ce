"""Attempts at a wrong PROVEN, through the command line, in a world that was not made with the tool in mind."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from releaseguard_events.scrub.fingerprints import fingerprint_of
from tests.support.foreign import FUNCTIONS, LABEL, NAME, WEB, Foreign, key, text


@pytest.fixture
def foreign(tmp_path: Path) -> Iterator[Foreign]:
    with Foreign(tmp_path) as world:
        yield world


def out(world: Foreign, *numbers: int) -> None:
    """Infisical has these keys, and the first of them is out, with a label of somebody's."""
    for number in numbers:
        world.put(key(number))
    world.write(NAME, key(numbers[0]))
    world.write(LABEL, "1")


def proven(world: Foreign) -> None:
    world.lives.append(world.functions_report)
    done, result = world.rotate("--yes")
    assert result["state"] == "PROVEN", done.everything
    world.lives.clear()


def created_anew(world: Foreign) -> None:
    proven(world)
    world.put(key(3), anew=True)
    world.put(key(4))
    world.lives.append(lambda: world.log("2"))


def another_folder(world: Foreign) -> None:
    proven(world)
    for number in (3, 4):
        world.put(key(number), path="/new")
    world.configure("/new")
    world.lives.append(lambda: world.log("2"))


def number_known_to_a_quiet_worker(world: Foreign) -> None:
    world.log({NAME: "2"}, source="worker", occurred_at=text(datetime.now(UTC) - timedelta(hours=2)))
    for _ in range(210):
        world.log(source="web")
    world.lives.append(lambda: world.log({NAME: "2"}, source="worker"))


def old_key_written_back(world: Foreign) -> None:
    def happens() -> None:
        if world.at_functions(LABEL) == "2":
            world.write(NAME, key(1))
        world.functions_report()

    world.lives.append(happens)


def one_success_replayed(world: Foreign) -> None:
    world.lives.append(lambda: world.log(world.at_functions(LABEL), correlation_id="one"))


def clock_behind(world: Foreign) -> None:
    behind = timedelta(hours=3)
    world.lives.append(lambda: world.log(world.at_functions(LABEL), occurred_at=text(datetime.now(UTC) - behind)))


def old_worker(**columns: str) -> Callable[[Foreign], None]:
    def happens(world: Foreign) -> None:
        world.lives += [world.functions_report, lambda: world.log("1", source="worker", **columns)]

    return happens


def another_salt(world: Foreign) -> None:
    world.lives.append(lambda: world.log(fingerprint_of(world.at_functions(NAME) or "", "another")))


def refused(code: str) -> Callable[[Foreign], None]:
    def happens(world: Foreign) -> None:
        failed = {"event": "sendgrid_error", "outcome": "error", "error_code": code}
        world.lives += [world.functions_report, lambda: world.log("2", **failed)]

    return happens


ATTEMPTS: Mapping[str, Callable[[Foreign], None]] = {
    "created anew and brought to the same number": created_anew,
    "another folder at the same number": another_folder,
    "a quiet worker reports the number in a map": number_known_to_a_quiet_worker,
    "the old key is written back beside the new label": old_key_written_back,
    "one success under many ids": one_success_replayed,
    "a clock that is hours behind": clock_behind,
    "rows of another environment": lambda world: world.lives.append(lambda: world.log("2", environment="staging")),
    "phones": lambda world: world.lives.append(lambda: world.log("2", source="client")),
    "an old worker": old_worker(),
    "an old worker that spells the provider otherwise": old_worker(provider="SendGrid"),
    "an old worker with an event that no card knows": old_worker(event="sendgrid_template_sent"),
    "fingerprints under another salt": another_salt,
    "refusals among successes": refused("HTTP 401"),
}


@pytest.mark.parametrize("name", ATTEMPTS)
def test_nothing_of_this_is_proven(foreign: Foreign, name: str) -> None:
    out(foreign, 1, 2)
    ATTEMPTS[name](foreign)
    done, result = foreign.rotate("--yes")
    assert result["state"] in ("UNPROVEN", "ROLLED_BACK", "FAILED"), done.everything
    assert not str(result["next_step"]).startswith("Revoke"), result["next_step"]


def test_and_what_is_right_is(foreign: Foreign) -> None:
    foreign.destinations = (FUNCTIONS, WEB)
    foreign.configure()
    out(foreign, 1, 2)
    foreign.write_variable(NAME, key(1))
    foreign.deploy()
    foreign.lives += [foreign.functions_report, foreign.web_reports]
    done, result = foreign.rotate("--yes")
    assert (result["state"], result["proof"]["grade"]) == ("PROVEN", "A"), done.everything
    assert foreign.environment()[NAME] == foreign.at_functions(NAME) == key(2)


def test_a_production_that_is_rolled_back_by_hand_meanwhile_is_not_proven(foreign: Foreign) -> None:
    foreign.destinations = (WEB,)
    foreign.configure()
    out(foreign, 1, 2)
    foreign.write_variable(NAME, key(1))
    before, uses = foreign.deploy(), iter(range(100))

    def happens() -> None:
        foreign.web_reports()
        if foreign.serving != before and next(uses) == 2:
            foreign.serving = before
            foreign.lives.clear()

    foreign.lives.append(happens)
    done, result = foreign.rotate("--yes")
    assert result["state"] == "UNPROVEN", done.everything
    assert "Promote" in result["next_step"]


def test_a_leak_names_every_place_that_shows_the_same_value(foreign: Foreign) -> None:
    out(foreign, 1, 2)
    foreign.put(key(1), "COPY", environment="staging")
    foreign.put(f"smtp://x:{key(1)}@mail", "SMTP_URL", path="/mail")
    foreign.write("MAIL_KEY", key(1))
    foreign.write("OTHER", key(1), "b" * 20)
    foreign.lives.append(foreign.functions_report)
    done, result = foreign.rotate("--leak", "--reason", "gist", "--yes")
    told = " ".join(result["remarks"])
    for place in ("COPY in environment staging", "SMTP_URL", "(MAIL_KEY)", f"supabase:{'b' * 20} (OTHER)"):
        assert place in told, done.everything
    assert key(1) not in done.everything
    assert foreign.cli.run("audit", "verify").code == 0
