"""What was sent in confidence is in no error, whatever the service says and however the request fails."""

from __future__ import annotations

import base64
import json
import traceback
from collections.abc import Callable
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from releaseguard.errors import AccessDenied, ReleaseguardError
from releaseguard.http import Authorization, Reply, ServiceClient, TimeLimits
from releaseguard.http.replies import quote_from
from releaseguard.secret import Secret
from tests.http.conftest import HALF, RESET, SILENCE, Answer, Service

TOKEN = "ghp_qZ7Lk29vXw3RtY8u"
VALUE = 'SG.p4Wn"xB/7&Tq\u00e9+KzMe5Hd'
Connect = Callable[..., ServiceClient]


def all_of(error: BaseException | None) -> str:
    """Everything a careless handler could print, causes and contexts included."""
    text = ""
    while error is not None:
        text += "".join(traceback.format_exception(error)) + repr(error) + repr(vars(error)) + str(error.args)
        error = error.__cause__ or error.__context__
    return text


def pieces(secret: str) -> set[str]:
    raw = secret.encode()
    forms = {
        secret,
        quote(secret, safe=""),
        json.dumps(secret)[1:-1],
        raw.hex(),
        base64.b64encode(raw).decode(),
        base64.urlsafe_b64encode(raw).decode(),
    }
    return {form[i : i + 8] for form in forms for i in range(len(form) - 7)}


def fail(client: ServiceClient, method: str) -> ReleaseguardError:
    with pytest.raises(ReleaseguardError) as caught:
        client.request(method, "/thing", json=[{"name": "A", "value": Secret(VALUE)}])
    return caught.value


def message(text: str, status: int = 400) -> Answer:
    return Answer(status, {"content-type": "application/json"}, json.dumps({"message": text}).encode())


ECHOES = [
    message(f"bad value {VALUE}"),
    message(f"bad value {VALUE[5:14]}", 500),
    message(f"bad token {TOKEN.upper()}", 401),
    message(f"bad {base64.b64encode(VALUE.encode()).decode()}"),
    message(f"bad {quote(VALUE, safe='')}", 403),
    message(f"bad {VALUE.encode().hex()}", 404),
    message(json.dumps(VALUE), 409),
    Answer(400, {}, json.dumps({"error": {"message": VALUE}}).encode()),
    Answer(400, {}, json.dumps({"error": VALUE, "detail": VALUE}).encode()),
    Answer(422, {}, json.dumps({"message": ["value", VALUE]}).encode()),
    Answer(302, {"location": f"/?{quote(VALUE)}"}, VALUE.encode()),
    Answer(429, {"retry-after": "1000"}, json.dumps({"message": VALUE}).encode()),
    Answer(500, {}, VALUE.encode()),
]


@pytest.mark.parametrize("method", ["PUT", "POST"])
@pytest.mark.parametrize("fault", [*ECHOES, RESET, HALF, SILENCE])
def test_no_error_holds_a_piece_of_a_secret(
    connect: Connect, service: Service, method: str, fault: Answer | str
) -> None:
    service.script = [fault] * 4
    client = connect(
        authorization=Authorization(lambda: {"authorization": Secret(f"Bearer {TOKEN}")}),
        times=TimeLimits(request=0.2 if fault == SILENCE else 5),
    )
    shown = all_of(fail(client, method)).lower()
    assert not [piece for piece in pieces(VALUE) | pieces(TOKEN) if piece.lower() in shown]
    assert service.arrived[0].headers["authorization"] == f"Bearer {TOKEN}"
    assert json.loads(service.arrived[0].body) == [{"name": "A", "value": VALUE}]


def test_the_services_own_short_words_are_shown(connect: Connect, service: Service) -> None:
    service.script = [
        message("Name is too long"),
        Answer(422, {}, b'{"message": ["a is required", "b is too short"], "error": "ValidationFailure"}'),
        Answer(400, {}, b'{"error": {"code": "x", "message": "Project not found"}}'),
        Answer(400, {}, b'{"error": "invalid_grant"}'),
        message("x" * 201),
        message("two\nlines"),
    ]
    client = connect(authorization=Authorization(lambda: {"authorization": Secret(f"Bearer {TOKEN}")}))
    shown = [str(fail(client, "PUT")).partition("answered ")[2] for _ in range(6)]
    assert shown == [
        "400 (Name is too long)",
        "422 (a is required; b is too short)",
        "400 (Project not found)",
        "400 (invalid_grant)",
        "400",
        "400",
    ]


@pytest.mark.parametrize("character", ["\n", "\r\nX-Evil: 1", "\x00", "\u00e9", "\u2028"])
def test_a_credential_that_no_header_can_carry_is_refused_unseen(
    connect: Connect, service: Service, character: str
) -> None:
    headers = {"authorization": Secret(f"Bearer {TOKEN}{character}")}
    error = fail(connect(authorization=Authorization(lambda: headers, help="RELEASEGUARD_GITHUB_TOKEN")), "PUT")
    assert isinstance(error, AccessDenied)
    assert "RELEASEGUARD_GITHUB_TOKEN" in (error.next_step or "")
    assert TOKEN not in all_of(error)
    assert not service.arrived


def test_json_that_cannot_be_sent_does_not_show_what_is_in_it(connect: Connect) -> None:
    for payload in ({"a": Secret(VALUE), "b": object()}, {"a": Secret(VALUE), "b": float("nan")}):
        with pytest.raises((TypeError, ValueError)) as caught:
            connect().request("PUT", "/thing", json=payload)
        assert VALUE not in all_of(caught.value)


def test_a_lone_surrogate_in_a_secret_is_sent_and_not_shown(connect: Connect, service: Service) -> None:
    service.script = [Answer(400)]
    with pytest.raises(ReleaseguardError):
        connect().request("PUT", "/thing", json={"a": Secret("\ud800secretsecret")})
    assert service.arrived[0].body == b'{"a":"\\ud800secretsecret"}'


@given(st.text(min_size=1, max_size=40), st.text(max_size=40), st.text(max_size=40))
def test_a_message_is_shown_only_without_the_secret(secret: str, before: str, after: str) -> None:
    reply = Reply(400, {}, json.dumps({"message": before + secret + after}).encode())
    assert quote_from(reply, [secret]) in {"", " (its message holds a secret and is not shown)"}
