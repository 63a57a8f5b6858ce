"""The comparison with the official descriptions can fail: requests that do not fit are found."""

from __future__ import annotations

import json
from dataclasses import dataclass, field

import pytest

from tests.support import contracts

pytestmark = pytest.mark.skipif(
    not contracts.available(), reason=f"the official descriptions are not at {contracts.FOLDER}"
)


@dataclass
class Sent:
    method: str
    path: str
    json: object = None
    query: dict[str, str] = field(default_factory=dict)
    headers: dict[str, str] = field(default_factory=lambda: {"authorization": "Bearer somebody"})

    @property
    def body(self) -> bytes:
        return b"" if self.json is None else json.dumps(self.json).encode()


SECRET = "/repos/o/r/actions/secrets/KEY"
ENV = "/v10/projects/web/env"
GOOD = {"key": "K", "value": "v", "type": "sensitive", "target": ["production"]}


@pytest.mark.parametrize(
    ("service", "sent"),
    [
        ("github", Sent("PUT", SECRET, {"encrypted_value": "QUFB", "key_id": "1"})),
        ("github", Sent("GET", "/repos/o/r/environments/pre%20prod%2Feu/secrets/KEY")),
        ("vercel", Sent("POST", ENV, GOOD, {"teamId": "t"})),
        ("supabase", Sent("POST", "/v1/projects/abcdefghijklmnopqrst/secrets", [{"name": "K", "value": "v"}])),
        ("github", Sent("GET", "/app/installations/1/anything")),
    ],
)
def test_a_request_that_fits_passes(service: str, sent: Sent) -> None:
    assert contracts.check(service, [sent]) == (0 if "/app/" in sent.path else 1)


@pytest.mark.parametrize(
    ("service", "sent"),
    [
        ("github", Sent("PUT", SECRET, {"key_id": "1"})),
        ("github", Sent("PUT", SECRET, {"encrypted_value": "not base64!", "key_id": "1"})),
        ("github", Sent("PUT", SECRET)),
        ("github", Sent("POST", SECRET, {})),
        ("github", Sent("GET", "/repos/o/r/actions/nothing")),
        ("github", Sent("GET", "/repos/o/r/actions/runs", query={"status": "sleeping"})),
        ("vercel", Sent("POST", ENV, {**GOOD, "type": "secretive"})),
        ("vercel", Sent("POST", ENV, {**GOOD, "comment": "x" * 501})),
        ("vercel", Sent("POST", ENV, {"key": "K", "value": "v", "type": "plain"})),
        ("vercel", Sent("PATCH", "/v9/projects/web/env/e1", {"value": "v", "surplus": 1})),
        ("supabase", Sent("POST", "/v1/projects/abcdefghijklmnopqrst/secrets", {"name": "K", "value": "v"})),
        ("supabase", Sent("POST", "/v1/projects/abcdefghijklmnopqrst/secrets", [{"name": "SUPABASE_K", "value": "v"}])),
        ("supabase", Sent("GET", "/v1/projects/short/secrets")),
    ],
)
def test_a_request_that_does_not_fit_is_found(service: str, sent: Sent) -> None:
    with pytest.raises(pytest.fail.Exception):
        contracts.check(service, [sent])
