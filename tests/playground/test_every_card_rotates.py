"""Every secret of every card can be rotated in the sandbox, by the commands and what a person would do, to the end."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from releaseguard.cards.load import load_cards
from releaseguard.cards.spec import Card, SecretSpec
from releaseguard.eventlog.interface import Query
from releaseguard.eventlog.stores.sqlite import SqliteEventLog
from releaseguard.model import utc_now
from releaseguard.rotation.steps import deploy, prove
from releaseguard.sandbox import story
from releaseguard.sandbox.hands import Hands
from releaseguard.sandbox.seed import Week
from releaseguard.sandbox.story import furnished, life_goes_on
from tests.support.commands import Commands, Done

UNITS = [(card, members) for card in load_cards() for members in card.units().values()]
UNPROVABLE = {
    "MAPBOX_ACCESS_TOKEN": "installed apps hold it",
    "REVENUECAT_PUBLIC_KEY": "installed apps hold it",
    "SENTRY_DSN": "installed apps hold it",
    "SUPABASE_ANON_KEY": "installed apps hold it",
    "VERCEL_TOKEN": "workflows alone use it",
    "APPLE_PUSH_KEY": "the provider keeps it",
    "GOOGLE_PUSH_SERVICE_ACCOUNT": "the provider keeps it",
}
ANOTHER = pytest.mark.full("in the way of another card's secret, which is in every run")


def way(card: Card, members: list[SecretSpec]) -> tuple[object, ...]:
    """What sets one rotation apart from another: who makes the key, how many go together, what holds or proves it."""
    made = sorted({one.from_ for one in members})
    return (*made, len(members) > 1, UNPROVABLE.get(members[0].name), card.id in {"supabase", "vercel"})


def units() -> Iterator[Any]:
    """Every unit of every card; of those that are rotated in the same way the first two are in a plain run."""
    seen = Counter[tuple[object, ...]]()
    for card, members in UNITS:
        seen[way(card, members)] += 1
        marks = ANOTHER if seen[way(card, members)] > 2 else ()
        yield pytest.param(card, members, id=members[0].name, marks=marks)


@pytest.fixture
def hands(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Hands]:
    """The sandbox from now on, without a past; everybody looks more often than they would."""
    for step, name in ((prove, "FIRST_LOOK"), (prove, "LAST_LOOK"), (deploy, "FIRST_POLL"), (deploy, "LAST_POLL")):
        monkeypatch.setattr(step, name, 0.1)
    monkeypatch.setattr(story, "LOOK_EVERY", 0.02)
    database = tmp_path / "releaseguard.db"
    with SqliteEventLog(database) as log:
        log.migrate()
    with furnished() as world:
        world.write(tmp_path)
        week = Week(database, seed=1, versions=world.labels)
        with life_goes_on(world, week, utc_now()) as log:
            yield Hands(world, week.course, log)
    assert world.crashes == []


@pytest.mark.parametrize(("card", "members"), list(units()))
def test_it_is_rotated_within_a_minute_and_its_old_key_retired(
    hands: Hands, tmp_path: Path, card: Card, members: list[SecretSpec]
) -> None:
    name = members[0].name
    cli = Commands(tmp_path, {**hands.world.environ(), **hands.world.second_accesses()})

    def rotate(*flags: str) -> Done:
        return cli.run("rotate", card.id, "--secret", name, "--json", *flags)

    origin = _made(hands, card, members)
    done = rotate("--yes", "--prove-within", "60s", *origin)
    if done.json["state"] == "WAITING_CONSOLE":
        assert f"rotate {card.id}" in done.json["next_step"]
        hands.console(card.id, name)
        done = rotate("--resume", "--prove-within", "60s")
    assert done.json["state"] == ("UNPROVEN" if name in UNPROVABLE else "PROVEN"), done.everything
    assert "--confirm-revoked" in done.json["next_step"]
    hands.revoke(card.id, name)
    hands.use(card.id, name)
    done = rotate("--confirm-revoked")
    if done.code == 4:  # it was in use a moment ago, or nothing says which value was: a person has to
        assert "--despite-use" in done.err
        done = rotate("--confirm-revoked", "--despite-use")
    assert (done.json["state"], done.code) == ("RETIRED", 0), done.everything
    assert _refused(hands, members) == set()
    for audit in (("verify",), ("show",), ("report", "--rotation", done.json["rotation_id"])):
        told = cli.run("audit", *audit)
        assert told.code == 0, told.everything


def _made(hands: Hands, card: Card, members: list[SecretSpec]) -> list[str]:
    """A person makes the new key, where a person does; else the flags with which one is generated."""
    if all(one.from_ == "manual" for one in members):
        return []
    if all(one.from_ == "generated" for one in members):
        return ["--from", "generate"]
    hands.new_key(card.id, members[0].name)
    return []


def _refused(hands: Hands, members: list[SecretSpec]) -> set[str | None]:
    """Which processes, other than installed apps, were refused for want of a valid key at the end."""
    used = {stream.success for stream in hands.course.streams if set(stream.secrets) & {one.name for one in members}}
    newest: dict[tuple[str, str | None], str] = {}
    for row in hands.log.select(Query()):
        if row.source != "client" and (row.event in used or row.error_code == "401"):
            newest[row.provider, row.source] = row.error_code or ""
    return {source for (_, source), code in newest.items() if code == "401"}
