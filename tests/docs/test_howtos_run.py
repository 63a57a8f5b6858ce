"""Every command of the how-tos, typed in its order against the stand-ins: each ends as its document lets expect."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from releaseguard.eventlog.stores.sqlite import SqliteEventLog
from releaseguard.sandbox.world import World
from tests.support.commands import Commands, Done

DOCS = Path(__file__).parents[2] / "docs"
PROMPT = re.compile(r"^\$ (releaseguard .*?)(?:\s+#.*)?$", re.MULTILINE)
QUICK = '\n[rotation]\nlease = "1s"\nprove_within = "20s"\n[network]\ntimeout = "2s"\npatience = "4s"\n'
APP = "export const send = (mail: string) => fetch('https://api.sendgrid.com/v3/mail/send', { body: mail });\n"
OK, BAD, UNDECIDED, REFUSED = 0, 1, 3, 4
JUDGED = {OK, BAD, UNDECIDED}
ENDS = {
    "rotate sendgrid --confirm-revoked": {OK, REFUSED},  # where the old key was just in use somebody has to be asked
    "coverage": {BAD},
    "drift": {OK, BAD},
    "health": JUDGED,
    "status": {OK, BAD},
    "verify": JUDGED,
}
"""How a command may end that does not end with 0, by how it begins."""
ASKED = {"--leak", "--resume"}
ANSWERED = {"--yes", "--dry-run"}
DOCUMENTS = sorted(
    [*(DOCS / "how-to").glob("*.md"), DOCS / "turkce.md", DOCS / "troubleshooting.md", *DOCS.parent.glob("README*.md")]
)


@pytest.fixture
def cli(tmp_path: Path) -> Iterator[Commands]:
    """Somebody in the app's repository, on whose machine everything is set up, with users in the app."""
    with ExitStack() as stack:
        world, log = stack.enter_context(World()), stack.enter_context(SqliteEventLog(tmp_path / "releaseguard.db"))
        log.migrate()
        world.app.log = log.append
        world.write(tmp_path, extra=QUICK)
        (tmp_path / "app.ts").write_text(APP)
        world.new_key("SENDGRID_API_KEY")
        stack.enter_context(world.traffic(0.05))
        yield Commands(tmp_path, {**world.environ(), "GITHUB_SHA": "abc1234"})
    assert world.crashes == []


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.stem)
def test_a_how_to_can_be_carried_out(cli: Commands, document: Path) -> None:
    assert cli.run("events", "deployed", "--release", "abc1234").code == OK
    typed = [line.partition(" > ")[0].split(" ", 1)[1] for line in PROMPT.findall(document.read_text(encoding="utf-8"))]
    assert typed
    for line in typed:
        done = carried_out(cli, shlex.split(line.replace("$GITHUB_SHA", "abc1234")))
        expected = next((codes for begins, codes in ENDS.items() if line.startswith(begins)), {OK})
        assert done.code in expected, f"{line}\n{done.everything}"


def carried_out(cli: Commands, words: list[str]) -> Done:
    """Whoever reports a leak, or carries on where nothing is unfinished, is asked first, and says yes."""
    if "--watch" in words:  # as long as it takes to look twice
        return cli.run(*[word.replace("30m", "10s") for word in words])
    return cli.run(*words, *(["--yes"] if ASKED.intersection(words) and not ANSWERED.intersection(words) else []))
