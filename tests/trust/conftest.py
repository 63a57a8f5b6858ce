from __future__ import annotations

import json
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.support.commands import Commands

CREDENTIALS = {
    "INFISICAL_TOKEN": "st.canary-infisical-1X9q",
    "RELEASEGUARD_GITHUB_TOKEN": "github_pat_canary2X9q",
    "VERCEL_TOKEN": "vcp_canary3X9qLm",
    "SUPABASE_ACCESS_TOKEN": "sbp_canary4X9q",
}
FILE = """
[project]
name = "lovendo"
[network]
patience = "0s"
[infisical]
project_id = "p"
[providers.sendgrid]
destinations = ["github:lovendo/app", "vercel:prj_1/production", "supabase:abcdefghijklmnopqrst"]
"""


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names that were looked up; none of them has an address."""
    names: list[str] = []

    def look_up(host: object, *_: object, **__: object) -> Any:
        names.append(str(host))
        raise socket.gaierror(f"{host} is not known")

    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    return names


@pytest.fixture
def cli(tmp_path: Path) -> Commands:
    """A configuration of every service at its usual place, a log in a file, and a credential for each."""
    (tmp_path / "releaseguard.toml").write_text(FILE)
    return Commands(tmp_path, CREDENTIALS)


@pytest.fixture
def run_of(tmp_path: Path) -> Callable[..., dict[str, str]]:
    """``run_of(event, ref, **payload)``: the variables of such a run of GitHub Actions."""

    def variables(event: str, ref: str, **payload: Any) -> dict[str, str]:
        path = tmp_path / "event.json"
        path.write_text(json.dumps({"repository": {"full_name": "lovendo/app", "default_branch": "main"}, **payload}))
        return {
            "GITHUB_ACTIONS": "true",
            "GITHUB_EVENT_NAME": event,
            "GITHUB_REF": ref,
            "GITHUB_EVENT_PATH": str(path),
        }

    return variables
