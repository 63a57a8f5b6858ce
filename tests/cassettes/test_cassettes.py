"""Recorded exchanges: the adapters still hold the conversations, and no cassette holds a secret."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from releaseguard.destinations.interface import SyncStatus
from tests.support import exchanges

FILES = sorted(exchanges.CASSETTES.glob("*.yaml"))

TOKEN = re.compile(
    r"bearer\s+\S|gh[pousr]_\w{10}|github_pat_|sbp_[0-9a-f]{10}|\bSG\.|\bsk[-_]\w|\beyJ[\w-]{8}|xox[bp]-|AKIA\w{8}"
    r"|-----BEGIN|c4n4ry",
    re.IGNORECASE,
)
HOLDERS = re.compile(
    r'"(value|secretValue|clientSecret|accessToken|encrypted_value|secret|token|jwt|password)":\s*"([^"]*)"'
)
HARMLESS = re.compile(r"<[a-z-]+>|[0-9a-f]{64}|\d+|old|")
BASE64 = re.compile(r"[A-Za-z0-9+/_-]{16,}={0,2}")


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        for key, inner in value.items():
            yield str(key)
            yield from _texts(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _texts(inner)
    elif isinstance(value, bytes):
        yield value.decode(errors="replace")
    elif value is not None:
        yield str(value)


def _decoded(text: str) -> Iterator[str]:
    for found in BASE64.findall(text):
        try:
            padded = found + "=" * (-len(found) % 4)
            yield base64.b64decode(padded.replace("-", "+").replace("_", "/"), validate=True).decode("ascii")
        except (binascii.Error, UnicodeDecodeError):
            continue


def findings(path: Path) -> list[str]:
    """Everything in a cassette that is or looks like a secret."""
    document = yaml.safe_load(path.read_text(encoding="utf-8"))
    found = []
    for text in _texts(document):
        found += [f"token: {match[0]}" for match in TOKEN.finditer(text)]
        found += [f"base64 of a token: {inner}" for inner in _decoded(text) if TOKEN.search(inner)]
        found += [f"{key}: {value}" for key, value in HOLDERS.findall(text) if not HARMLESS.fullmatch(value)]
        found += [f"header {text}"] if text.lower() in {"authorization", "cookie", "set-cookie", "x-api-key"} else []
    return found


EXPECTED: dict[str, object] = {
    "github": [("SENDGRID_API_KEY", True, 1), ("SENDGRID_API_KEY_VERSION", True, 1)] * 3,
    "vercel": [("SENDGRID_API_KEY", SyncStatus.UNKNOWN, 2), ("SENDGRID_API_KEY_VERSION", SyncStatus.YES, 1)],
    "vercel-deployment": ["READY", "QUEUED", "INITIALIZING"],
    "supabase": [("SENDGRID_API_KEY", SyncStatus.YES, 1), ("SENDGRID_API_KEY_VERSION", SyncStatus.YES, 1)],
    "infisical": [1, 2, exchanges.VALUE, ["SENDGRID_API_KEY"]],
}


@pytest.mark.parametrize("name", sorted(exchanges.PLAYED))
def test_the_adapter_still_holds_the_recorded_conversation(name: str) -> None:
    with exchanges.connected() as connect, exchanges.cassette(name) as tape:
        assert exchanges.PLAYED[name][1](connect) == EXPECTED[name]
        assert tape.all_played


@pytest.mark.parametrize("name", sorted(exchanges.PLAYED))
def test_every_adapter_has_a_cassette(name: str) -> None:
    assert exchanges.CASSETTES / f"{name}.yaml" in FILES


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_no_cassette_holds_a_secret(path: Path) -> None:
    assert findings(path) == []


@pytest.mark.parametrize(
    "planted",
    [
        '{"value": "hunter2"}',
        '{"secretValue": "hunter2"}',
        '{"encrypted_value": "AAAA"}',
        "Authorization: Bearer abc",
        "ghp_0123456789abcdef",
        "sbp_0123456789abcdef",
        "SG.abcdefgh",
        "eyJhbGciOiJIUzI1NiJ9",
        base64.b64encode(b"ghp_0123456789abcdef").decode(),
        base64.urlsafe_b64encode(b"Bearer token-of-somebody").decode().rstrip("="),
    ],
)
@pytest.mark.parametrize("where", ["body", "response", "header"])
def test_the_scan_finds_what_is_planted(tmp_path: Path, planted: str, where: str) -> None:
    exchange: dict[str, Any] = {"request": {"body": "", "headers": {}}, "response": {"body": {"string": ""}}}
    if where == "body":
        exchange["request"]["body"] = planted
    elif where == "response":
        exchange["response"]["body"]["string"] = planted
    else:
        exchange["request"]["headers"]["x-header"] = [planted]
    path = tmp_path / "planted.yaml"
    path.write_text(yaml.safe_dump({"interactions": [exchange]}), encoding="utf-8")
    assert findings(path)


def test_the_scan_finds_a_credential_header(tmp_path: Path) -> None:
    path = tmp_path / "planted.yaml"
    path.write_text("interactions: [{request: {headers: {Authorization: [x]}}}]", encoding="utf-8")
    assert findings(path) == ["header Authorization"]
