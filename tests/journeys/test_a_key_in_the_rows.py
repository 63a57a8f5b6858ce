"""An app that writes the key itself where a name should stand: what is said of its rows does not say it again."""

from __future__ import annotations

from datetime import timedelta

import pytest

from releaseguard.model import Event, Outcome, new_id, utc_now

NAME = "SENDGRID_API_KEY"
COMMANDS = (
    ("health", "--provider", "sendgrid"),
    ("health", "--json"),
    ("health", "--format", "html"),
    ("incident", "sendgrid"),
    ("incident", "sendgrid", "--json"),
    ("status",),
    ("audit", "report"),
    ("rotate", "sendgrid", "--resume", "--json"),
)


def row(value: str, **columns: object) -> Event:
    fields = {
        "provider": "sendgrid",
        "event": "sendgrid_error",
        "outcome": Outcome.ERROR,
        "environment": "production",
        "source": value,
        "release": value,
        "error_code": f"refused {value}",
        "detail": {"secret_version": value},
    }
    return Event(id=new_id(), occurred_at=utc_now() - timedelta(seconds=5), **(fields | columns))  # type: ignore[arg-type]


@pytest.fixture
def leaked(world, cli, log):
    """The old key, which stands in the rows; a rotation because of it has been carried out."""
    old = world.infisical.value(NAME)
    log.append([row(old), row(old, event="sendgrid_email_sent", outcome=Outcome.SUCCESS, error_code=None)])
    world.new_key(NAME)
    with world.traffic(0.05):
        done = cli.run("rotate", "sendgrid", "--leak", "--reason", "in a gist", "--yes")
    assert old not in done.everything
    return old


def test_no_command_says_a_key_that_stands_in_the_rows(leaked, cli, tmp_path):
    for command in COMMANDS:
        assert leaked not in cli.run(*command).everything, command
    written = [path for path in (tmp_path / "postmortems").iterdir() if leaked in path.read_text()]
    assert written == []
