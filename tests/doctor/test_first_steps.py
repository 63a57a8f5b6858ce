"""Where nothing is configured, or not enough, the next step is the command that helps."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.commands import Commands


@pytest.mark.parametrize("command", [("rotate", "sendgrid", "--yes"), ("drift", "--provider", "sendgrid")])
def test_without_a_configuration_the_next_step_is_init(tmp_path: Path, command):
    done = Commands(tmp_path, {}).run(*command)
    assert done.code == 2
    assert "releaseguard init" in done.err


def test_a_named_configuration_that_is_missing_leads_to_init(tmp_path: Path):
    cli = Commands(tmp_path, {})
    assert "--config" in cli.run("health", "--config", "nowhere.toml").err
    done = cli.run("health", RELEASEGUARD_CONFIG="nowhere.toml")
    assert done.code == 2
    assert "RELEASEGUARD_CONFIG" in done.err
    assert "releaseguard init" in done.err


def test_a_missing_credential_leads_to_doctor(tmp_path: Path):
    (tmp_path / "releaseguard.toml").write_text('[events]\nurl = "https://ref.supabase.co"\n')
    done = Commands(tmp_path, {}).run("health")
    assert done.code == 2
    assert "releaseguard doctor" in done.err
