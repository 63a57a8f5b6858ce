"""Short conversations with each service, played once against the stand-ins for the cassettes and replayed from them."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx2
import vcr

from releaseguard.clocks import Clocks
from releaseguard.compose.known.configuration import ADDRESSES
from releaseguard.destinations.interface import Item, ItemKind
from releaseguard.http import Authorization, Limits, ServiceClient
from releaseguard.http.replies import Reply
from releaseguard.http.transport import Outgoing, reply_of
from releaseguard.secret import Secret
from releaseguard.services.github.destination import GitHubDestination
from releaseguard.services.infisical.logins import InfisicalSession, UniversalAuth
from releaseguard.services.infisical.vault import InfisicalVault
from releaseguard.services.supabase.destination import SupabaseDestination
from releaseguard.services.vercel.deployer import VercelDeployer
from releaseguard.services.vercel.destination import VercelDestination

CASSETTES = Path(__file__).parents[1] / "cassettes"
BASES = {
    "github": "https://api.github.com",
    "vercel": "https://api.vercel.com",
    "supabase": "https://api.supabase.com",
    "infisical": "https://app.infisical.com",
}
VALUE = "<value>"
"""What is pushed in place of a secret, so that none was ever near a cassette."""
CLIENT_SECRET = "<client-secret>"
CLIENT_ID = "00000000-0000-4000-8000-000000000001"
PROJECT_ID = "00000000-0000-4000-8000-000000000002"
TEAM = "team_cassette"
REF = "abcdefghijklmnopqrst"

HIDDEN = {"encrypted_value": "<sealed-box>", "accessToken": "<access-token>", "value": "<encrypted>"}
DIGEST = re.compile(r"[0-9a-f]{64}")
KEPT_VALUES = {VALUE, "2", "old", ""}

Connect = Callable[..., ServiceClient]
"""A client for the service of that name; the second argument gives the headers."""


def items(*, companion: bool = True) -> list[Item]:
    secret = Item("SENDGRID_API_KEY", Secret(VALUE), ItemKind.SECRET, 2, "rotation r-1")
    version = Item("SENDGRID_API_KEY_VERSION", Secret("2"), ItemKind.COMPANION, 2)
    return [secret, version] if companion else [secret]


def _no_wait(_seconds: float) -> None:
    """Nothing lags in a recording."""


def github(connect: Connect) -> list[tuple[str, bool, int]]:
    seen = []
    for uri in ("github:lovendo/app", "github:lovendo/app@production", "github:lovendo"):
        receipts = GitHubDestination(connect("github"), ADDRESSES.parse(uri), sleep=_no_wait).push(items())
        seen += [(receipt.name, receipt.observed.present, receipt.writes) for receipt in receipts]
    return seen


def vercel(connect: Connect) -> list[tuple[str, str, int]]:
    address = ADDRESSES.parse("vercel:web/production,preview")
    destination = VercelDestination(connect("vercel"), address, team_id=TEAM, sleep=_no_wait)
    return [(receipt.name, receipt.observed.sync, receipt.writes) for receipt in destination.push(items())]


def vercel_deployment(connect: Connect) -> list[str]:
    deployer = VercelDeployer(connect("vercel"), "web", team_id=TEAM)
    current = deployer.current("production")
    assert current is not None
    made = deployer.redeploy(current, {"releaseguardRotation": "r-1"})
    found = deployer.find("production", {"releaseguardRotation": "r-1"})
    assert found is not None
    assert found.id == made.id
    return [current.state, made.state, deployer.get(made.id).state]


def supabase(connect: Connect) -> list[tuple[str, str, int]]:
    destination = SupabaseDestination(connect("supabase"), ADDRESSES.parse(f"supabase:{REF}"), sleep=_no_wait)
    return [(receipt.name, receipt.observed.sync, receipt.writes) for receipt in destination.push(items())]


def infisical(connect: Connect) -> list[object]:
    session = InfisicalSession(UniversalAuth(connect("infisical"), CLIENT_ID, Secret(CLIENT_SECRET)))
    vault = InfisicalVault(
        connect("infisical", session.headers), session, project_id=PROJECT_ID, environment="prod", path="/"
    )
    read = vault.read("SENDGRID_API_KEY", 1)
    written = vault.write("SENDGRID_API_KEY", Secret(VALUE))
    return [read.version, written.version, written.value.reveal(), list(vault.names())]


PLAYED: dict[str, tuple[str, Callable[[Connect], Any]]] = {
    "github": ("github", github),
    "vercel": ("vercel", vercel),
    "vercel-deployment": ("vercel", vercel_deployment),
    "supabase": ("supabase", supabase),
    "infisical": ("infisical", infisical),
}
"""Cassette -> the service and the conversation."""


class _Recorded:
    """httpx2's own transport: the one that the recorder listens to."""

    def __init__(self) -> None:
        self._inner = httpx2.HTTPTransport(trust_env=False)

    def answer_to(self, request: Outgoing) -> Reply:
        timeout = dict.fromkeys(("connect", "read", "write", "pool"), request.timeout)
        sent = httpx2.Request(
            request.method,
            request.url,
            headers=request.headers,
            content=request.content,
            extensions={"timeout": timeout},
        )
        answer = self._inner.handle_request(sent)
        try:
            return reply_of(answer.status_code, answer.headers.raw, answer.read(), request.where)
        finally:
            answer.close()

    def close(self) -> None:
        self._inner.close()


@contextmanager
def connected(base: str | None = None, token: str | None = None) -> Iterator[Connect]:
    """Clients at the services' own addresses, or at ``base``. One request at a time: a cassette has an order."""
    opened: list[ServiceClient] = []

    bearer = {"authorization": Secret(f"Bearer {token}")} if token else {}

    def connect(service: str, headers: Callable[[], Any] = lambda: bearer) -> ServiceClient:
        client = ServiceClient(
            service=service,
            base_url=base or BASES[service],
            authorization=Authorization(headers),
            limits=Limits(concurrency=1),
            clocks=Clocks(wall=lambda: datetime(2026, 11, 24, tzinfo=UTC)),
            transport=_Recorded(),
        )
        opened.append(client)
        return client

    try:
        yield connect
    finally:
        for client in opened:
            client.close()


def cassette(name: str, record: str = "none", base: str | None = None) -> Any:
    """The recorder or player. What it writes has placeholders where values and tokens were."""
    service = PLAYED[name][0]

    def request(sent: Any) -> Any:
        if base is not None:
            sent.uri = sent.uri.replace(base, BASES[service])
        sent.headers = {key: value for key, value in sent.headers.items() if key.lower() == "content-type"}
        if sent.body:
            sent.body = _scrubbed(sent.body)
        return sent

    def response(answer: Any) -> Any:
        kept = {"content-type", "date", "retry-after"}
        answer["headers"] = {key: value for key, value in answer["headers"].items() if key.lower() in kept}
        answer["body"]["string"] = _scrubbed(answer["body"]["string"])
        return answer

    return vcr.VCR(
        cassette_library_dir=str(CASSETTES),
        record_mode=record,
        match_on=["method", "scheme", "host", "path", "query"],
        before_record_request=request,
        before_record_response=response,
        decode_compressed_response=True,
    ).use_cassette(f"{name}.yaml")


def _scrubbed(body: Any) -> bytes:
    raw = body if isinstance(body, bytes) else str(body).encode()
    try:
        document = json.loads(raw)
    except ValueError:
        return raw
    return json.dumps(_without_secrets(document)).encode()


def _without_secrets(value: Any) -> Any:
    if isinstance(value, list):
        return [_without_secrets(one) for one in value]
    if not isinstance(value, dict):
        return value
    return {key: _hidden(key, one) for key, one in value.items()}


def _hidden(key: str, value: Any) -> Any:
    if key in HIDDEN and isinstance(value, str) and value not in KEPT_VALUES and not DIGEST.fullmatch(value):
        return HIDDEN[key]
    return _without_secrets(value)
