"""What a process says of the value that it holds: the same as the tool expects, and nothing of what may be guessed."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from releaseguard.cards.load import load_cards
from releaseguard.secret import Secret
from releaseguard_events.scrub.fingerprints import LOW_IN_ENTROPY, fingerprint_of

KEY = "SG.Zx81Qw7nR5tYb2Lk9VmP3d.canary0123456789"
FILE = '[project]\nname = "shop"\n'

SALTS: Mapping[str, tuple[str, Mapping[str, str], str]] = {
    "nothing is said": ("", {}, "project"),
    "the project's name": (FILE, {}, "shop"),
    "its salt": (f'{FILE}salt = "b1tt3r"\n', {}, "b1tt3r"),
    "the environment's": (f'{FILE}salt = "b1tt3r"\n', {"RELEASEGUARD_SALT": "sea"}, "sea"),
    "another environment of the file": (
        f'{FILE}environment = "staging"\n[environments.staging.project]\nsalt = "own"\n',
        {},
        "own",
    ),
}


def said(folder: Path, name: str, environ: Mapping[str, str]) -> str:
    code = f"from releaseguard_events import fingerprint; print(fingerprint({name!r}))"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=folder, env=dict(environ), capture_output=True, text=True, check=True
    )
    assert not set(environ.values()) & set(done.stderr.split())
    return done.stdout.strip()


@pytest.mark.parametrize("name", SALTS)
def test_the_writer_says_what_the_tool_expects(name: str, tmp_path: Path) -> None:
    text, environ, salt = SALTS[name]
    if text:
        (tmp_path / "releaseguard.toml").write_text(text)
    found = said(tmp_path, "SENDGRID_API_KEY", {"SENDGRID_API_KEY": KEY, **environ})
    assert found == Secret(KEY).fingerprint(salt) == fingerprint_of(KEY, salt)
    assert KEY[:8] not in found


@pytest.mark.parametrize(
    ("name", "value"),
    [("PAYTR_MERCHANT_ID", "123456789012345678901234"), ("SHORT", "hunter2hunter2"), ("DULL", "0" * 40), ("UNSET", "")],
)
def test_what_may_be_guessed_has_no_fingerprint(name: str, value: str, tmp_path: Path) -> None:
    assert said(tmp_path, name, {name: value} if value else {}) == "None"


def test_a_file_that_is_wrong_stops_no_app(tmp_path: Path) -> None:
    (tmp_path / "releaseguard.toml").write_text("[project\n")
    assert said(tmp_path, "SENDGRID_API_KEY", {"SENDGRID_API_KEY": KEY}) == "None"


def test_the_writer_knows_which_secrets_the_cards_call_low_in_entropy() -> None:
    assert {one.name for card in load_cards() for one in card.secrets if one.entropy == "low"} == LOW_IN_ENTROPY
