"""A rotation by hand at three in the morning: no service answers, and nothing is asked of any."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.commands import Commands

CONFIGURATION = """
[project]
name = "shop"
[events]
url = "sqlite:///nowhere/events.db"
[infisical]
project_id = "p1"
[providers.sendgrid]
destinations = [
    "github:lovendo/app", "github:lovendo/app@production", "vercel:prj_1/production", "supabase:abcdefghijklmnopqrst"
]
[providers.twilio]
destinations = ["supabase:abcdefghijklmnopqrst"]
[deployments]
"supabase:abcdefghijklmnopqrst" = "workflow:lovendo/app/deploy-supabase.yml@main"
"""


@pytest.fixture
def cli(tmp_path: Path) -> Commands:
    (tmp_path / "releaseguard.toml").write_text(CONFIGURATION, encoding="utf-8")
    return Commands(tmp_path, {})


def test_every_place_name_console_and_command_is_there_in_order(cli: Commands) -> None:
    done = cli.run("rotate", "sendgrid", "--by-hand", "--json")
    assert done.code == 0, done.everything
    steps = done.json["steps"]
    assert steps[0]["names"] == ["SENDGRID_API_KEY"]
    assert str(steps[0]["console"]).startswith("https://")
    written = [step["place"] for step in steps if step["place"] and step["names"]]
    assert written == [
        "github:lovendo/app",
        "github:lovendo/app@production",
        "vercel:prj_1/production",
        "supabase:abcdefghijklmnopqrst",
    ]
    commands = [command for step in steps for command in step["commands"]]
    assert "gh secret set SENDGRID_API_KEY --repo lovendo/app" in commands
    assert "gh variable set SENDGRID_API_KEY_VERSION --repo lovendo/app --env production" in commands
    assert "vercel env add SENDGRID_API_KEY production --force" in commands
    assert "gh workflow run deploy-supabase.yml --repo lovendo/app --ref main" in commands
    assert commands[-1] == "releaseguard rotate sendgrid --confirm-revoked"


def test_a_group_is_written_together(cli: Commands) -> None:
    (place,) = [step for step in cli.run("rotate", "twilio", "--by-hand", "--json").json["steps"] if step["names"]][1:2]
    assert {"TWILIO_ACCOUNT_SID", "TWILIO_AUTH_TOKEN"} <= {*place["names"]}


def test_for_people_it_is_a_numbered_list(cli: Commands) -> None:
    done = cli.run("rotate", "sendgrid", "--by-hand")
    assert done.out.startswith("BY HAND  sendgrid in production: SENDGRID_API_KEY\n 1. Make a new value")
    assert "    $ gh secret set SENDGRID_API_KEY --repo lovendo/app\n" in done.out


@pytest.mark.parametrize("words", [("--all",), ("sendgrid", "--resume"), ("sendgrid", "--leak", "--reason", "x")])
def test_it_goes_with_one_provider_alone(cli: Commands, words: tuple[str, ...]) -> None:
    assert cli.run("rotate", *words, "--by-hand").code == 2


def test_the_page_of_the_console_is_said_once_a_step(cli: Commands) -> None:
    out = cli.run("rotate", "sendgrid", "--by-hand").out
    first, _, rest = out.partition("\n 2. ")
    assert first.count("https://app.sendgrid.com/settings/api_keys") == 1
    assert rest.count("https://app.sendgrid.com/settings/api_keys") == 1


@pytest.mark.parametrize("verb", ["--abort", "--rollback", "--confirm-revoked", "--by-hand"])
def test_where_a_value_comes_from_is_refused_where_none_is_taken(cli: Commands, verb: str) -> None:
    done = cli.run("rotate", "sendgrid", "--from", "stdin", verb)
    assert done.code == 2, done.everything
    assert f"{verb} takes none" in done.everything
