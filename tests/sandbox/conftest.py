"""A world for each test that asks for one, and the official descriptions of the services it stands for."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

import httpx2
import pytest

from releaseguard.sandbox.serving.exchange import Recorded
from releaseguard.sandbox.serving.stand_in import StandIn
from releaseguard.sandbox.world import World

CONTRACTS = Path(__file__).parents[3] / "shared" / "contracts"
HOSTS = {
    "github": "https://api.github.com",
    "vercel": "https://api.vercel.com",
    "supabase": "https://api.supabase.com",
}


@pytest.fixture
def world() -> Iterator[World]:
    """Running stand-ins; the test fails where one of them made a mistake of its own."""
    with World() as running:
        yield running
    assert running.crashes == []


@pytest.fixture
def client() -> Iterator[Callable[..., httpx2.Client]]:
    """Makes clients of a stand-in that are closed with the test."""
    made: list[httpx2.Client] = []

    def make(stand_in: StandIn, token: str | None = None, **options: Any) -> httpx2.Client:
        headers = {"authorization": f"Bearer {token}"} if token else {}
        made.append(httpx2.Client(base_url=stand_in.url, headers=headers, trust_env=False, timeout=10, **options))
        return made[-1]

    yield make
    for one in made:
        one.close()


def _mend(part: Any) -> None:
    """Undo three slips of the descriptions.

    Nullable enumerations forget null, path parameters are marked read-only, and alternatives said to exclude
    each other overlap.
    """
    if isinstance(part, dict):
        if part.get("readOnly") is True:
            del part["readOnly"]
        if isinstance(part.get("oneOf"), list) and "anyOf" not in part:
            part["anyOf"] = part.pop("oneOf")
        if part.get("nullable") and "enum" in part and None not in part["enum"]:
            part["enum"] = [*part["enum"], None]
        part = list(part.values())
    if isinstance(part, list):
        for one in part:
            _mend(one)


@cache
def _description(service: str) -> Any:
    from openapi_core import Config, OpenAPI

    path = CONTRACTS / f"{service}.trim.json"
    if not path.exists():
        pytest.skip(f"the official description {path} is not on this machine")
    document = json.loads(path.read_text(encoding="utf-8"))
    _mend(document)
    document["servers"] = [{"url": HOSTS[service]}]
    return OpenAPI.from_dict(document, config=Config(spec_validator_cls=None))


@pytest.fixture
def in_contract() -> Callable[[Recorded], None]:
    """Checks one exchange, question and answer, against the service's official description."""
    from openapi_core.testing import MockRequest, MockResponse

    def check(record: Recorded) -> None:
        description = _description(record.service)
        request = MockRequest(
            HOSTS[record.service],
            record.method.lower(),
            record.path,
            args=dict(record.query),
            headers=dict(record.headers),
            data=record.body or None,
            content_type=record.headers.get("content-type", ""),
        )
        description.validate_request(request)
        assert record.answer is not None
        payload = record.answer.payload()
        response = MockResponse(data=payload or None, status_code=record.answer.status)
        description.validate_response(request, response)

    return check
