"""Infisical: versions, writes, logins, both API versions, rotations, the audit log, and the traps between them."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from releaseguard.errors import (
    AccessDenied,
    Failed,
    NotFound,
    RateLimited,
    ReleaseguardError,
    ServiceError,
    Undecided,
    Unreachable,
)
from releaseguard.sandbox.infisical.stand_in import InfisicalStandIn
from releaseguard.sandbox.infisical.values import SLUG, AuditLogs
from releaseguard.sandbox.serving import faults
from releaseguard.secret import Secret
from releaseguard.services.github.ci import actions_id_token
from releaseguard.services.infisical.api import limits_of
from releaseguard.services.infisical.copies import InfisicalCopies
from releaseguard.services.infisical.logins import InfisicalSession, OidcAuth, PlainToken, UniversalAuth
from releaseguard.services.infisical.projects import id_of
from releaseguard.services.infisical.vault import InfisicalVault
from releaseguard.vault.interface import ApprovalPending
from tests.support.adapters import Connections, FakeTime, StepClock, everything_said

if TYPE_CHECKING:
    from collections.abc import Iterator

KEY = "SENDGRID_API_KEY"
CANARY = "c4n4ry-Qw9zXk27LmPv"


@pytest.fixture
def connect() -> Iterator[Connections]:
    connections = Connections()
    yield connections
    connections.close()


@pytest.fixture(params=["today", "of 2024", "v4 only"])
def stand_in(request: pytest.FixtureRequest) -> Iterator[InfisicalStandIn]:
    """A server of today, one of October 2024 (no v4, versions ignored), one that has dropped v3."""
    with InfisicalStandIn(StepClock()) as infisical:
        infisical.of_2024 = request.param == "of 2024"
        if request.param == "v4 only":
            _drop_v3(infisical)
        yield infisical
        assert infisical.crashes == []


def _drop_v3(infisical: InfisicalStandIn) -> None:
    handle = infisical._handle
    infisical._handle = lambda r: infisical.not_found(r) if "/v3/" in r.path else handle(r)  # type: ignore[method-assign]


@pytest.fixture
def current() -> Iterator[InfisicalStandIn]:
    with InfisicalStandIn(StepClock()) as infisical:
        yield infisical
        assert infisical.crashes == []


Opener = Callable[..., InfisicalVault]


@pytest.fixture
def open_vault(connect: Connections) -> Opener:
    def opened(stand_in: InfisicalStandIn, identity: Any = None, **place: Any) -> InfisicalVault:
        time = FakeTime()
        session = InfisicalSession(identity or PlainToken(Secret(stand_in.token)))
        where = {"project_id": stand_in.project_id, "environment": "prod", "path": "/", **place}
        client = connect(stand_in, None, time, headers=session.headers)
        return InfisicalVault(client, session, sleep=time.sleep, **where)

    return opened


def test_the_newest_version_is_read(stand_in: InfisicalStandIn, open_vault: Opener) -> None:
    stand_in.put(KEY, "one")
    stand_in.put(KEY, "two")
    secret = open_vault(stand_in).read(KEY)
    assert (secret.name, secret.version, secret.value.reveal()) == (KEY, 2, "two")
    assert secret.secret_id
    assert secret.updated_at is not None


def test_a_projects_slug_is_answered_with_its_id(current: InfisicalStandIn, connect: Connections) -> None:
    session = InfisicalSession(PlainToken(Secret(current.token)))
    client = connect(current, None, FakeTime(), headers=session.headers)
    with pytest.raises(NotFound, match="shows no secret"):
        id_of(client, session, SLUG, "prod", "/")
    current.put(KEY, "one")
    assert id_of(client, session, SLUG, "prod", "/") == current.project_id
    with pytest.raises(ServiceError):
        id_of(client, session, "another", "prod", "/")


def test_nothing_is_kept_from_one_read_to_the_next(stand_in: InfisicalStandIn, open_vault: Opener) -> None:
    vault = open_vault(stand_in)
    for version in (1, 2, 3):
        stand_in.put(KEY, f"value {version}")
        assert vault.read(KEY).version == version


def test_a_pinned_version_is_that_version_or_an_error(stand_in: InfisicalStandIn, open_vault: Opener) -> None:
    for value in ("one", "two", "three"):
        stand_in.put(KEY, value)
    vault = open_vault(stand_in)
    assert vault.read(KEY, 3).value.reveal() == "three"
    if stand_in.of_2024:
        with pytest.raises(NotFound, match="the server answers with version 3"):
            vault.read(KEY, 2)
    else:
        assert vault.read(KEY, 2).value.reveal() == "two"
        with pytest.raises(NotFound, match="has no version 9"):
            vault.read(KEY, 9)


@pytest.mark.parametrize("name", ["A/B", "with space", "ü", "..", "a?b#c%2F"])
def test_any_name_is_quoted(stand_in: InfisicalStandIn, open_vault: Opener, name: str) -> None:
    stand_in.put(name, "v")
    assert open_vault(stand_in).read(name).value.reveal() == "v"


def test_references_are_read_as_the_app_would_see_them(stand_in: InfisicalStandIn, open_vault: Opener) -> None:
    stand_in.put("HOST", "db.invalid")
    stand_in.put("URL", "postgresql://${HOST}/app")
    assert open_vault(stand_in).read("URL").value.reveal() == "postgresql://db.invalid/app"


def test_names_are_sorted_and_of_this_place_only(stand_in: InfisicalStandIn, open_vault: Opener) -> None:
    stand_in.put("B", "v")
    stand_in.put("A", "v")
    stand_in.put("ELSEWHERE", "v", "staging")
    stand_in.put("DEEPER", "v", path="/deeper")
    assert open_vault(stand_in).names() == ["A", "B"]
    assert open_vault(stand_in, path="/deeper").names() == ["DEEPER"]


def test_a_missing_secret_is_named_with_the_nearest(stand_in: InfisicalStandIn, open_vault: Opener) -> None:
    stand_in.put(KEY, "v")
    with pytest.raises(NotFound) as raised:
        open_vault(stand_in).read("SENDGRID_APIKEY")
    assert "SENDGRID_APIKEY" in str(raised.value)
    assert f"Did you mean {KEY}?" in (raised.value.next_step or "")


@pytest.mark.parametrize("place", [{"environment": "production"}, {"path": "/nowhere"}, {"environment": "staging"}])
def test_an_empty_environment_or_path_is_suspected(
    stand_in: InfisicalStandIn, open_vault: Opener, place: dict[str, str]
) -> None:
    stand_in.put(KEY, "v")
    with pytest.raises(NotFound) as raised:
        open_vault(stand_in, **place).read(KEY)
    assert "environment" in (raised.value.next_step or "")
    assert "path" in (raised.value.next_step or "")


def test_a_value_that_the_identity_may_not_see_is_not_taken_for_the_value(
    stand_in: InfisicalStandIn, open_vault: Opener
) -> None:
    stand_in.put(KEY, "v")
    hidden = {"id": "1", "version": 1, "secretKey": KEY, "secretValue": "<hidden>", "secretValueHidden": True}
    stand_in.fail_next("GET", KEY, faults.answer(200, {"secret": hidden}))
    with pytest.raises(AccessDenied, match="not its value"):
        open_vault(stand_in).read(KEY)


def test_a_server_without_any_known_api_is_said_to_be(current: InfisicalStandIn, open_vault: Opener) -> None:
    current._handle = current.not_found  # type: ignore[method-assign]
    with pytest.raises(NotFound) as raised:
        open_vault(current).read(KEY)
    assert "is an Infisical server" in (raised.value.next_step or "")


def test_the_missing_api_is_asked_for_once(current: InfisicalStandIn, open_vault: Opener) -> None:
    _drop_v3(current)
    current.put(KEY, "v")
    vault = open_vault(current)
    vault.read(KEY)
    vault.read(KEY)
    assert [sent.status for sent in current.requests] == [404, 200, 200]


def test_a_write_makes_the_next_version(stand_in: InfisicalStandIn, open_vault: Opener) -> None:
    stand_in.put(KEY, "one")
    written = open_vault(stand_in).write(KEY, Secret("two"))
    assert (written.version, written.value.reveal(), stand_in.value(KEY)) == (2, "two", "two")


def test_a_write_creates_what_is_absent(stand_in: InfisicalStandIn, open_vault: Opener) -> None:
    written = open_vault(stand_in).write(KEY, Secret("one"))
    assert (written.version, stand_in.value(KEY)) == (1, "one")


def test_a_write_sets_the_value_and_nothing_else(stand_in: InfisicalStandIn, open_vault: Opener) -> None:
    stand_in.put(KEY, "one")
    open_vault(stand_in).write(KEY, Secret("two"))
    sent = json.loads(next(sent.body for sent in reversed(stand_in.requests) if sent.method == "PATCH"))
    assert sent.keys() - {"workspaceId", "projectId"} == {"environment", "secretPath", "secretValue", "type"}


def test_what_is_returned_is_what_the_vault_stored(stand_in: InfisicalStandIn, open_vault: Opener) -> None:
    written = open_vault(stand_in).write(KEY, Secret("  padded  \n"))
    assert written.value.reveal() == stand_in.value(KEY) == "padded\n"


@pytest.mark.parametrize("exists", [False, True])
def test_a_policy_turns_a_write_into_a_pending_approval(
    stand_in: InfisicalStandIn, open_vault: Opener, exists: bool
) -> None:
    if exists:
        stand_in.put(KEY, "one")
    stand_in.requires_approval = True
    with pytest.raises(ApprovalPending) as raised:
        open_vault(stand_in).write(KEY, Secret(CANARY))
    assert "--resume" in (raised.value.next_step or "")
    assert CANARY not in everything_said(raised.value)
    assert len(stand_in.proposals) == 1


@pytest.mark.parametrize("lost", [faults.reset(takes_effect=True), faults.half_answer()], ids=["reset", "half"])
@pytest.mark.parametrize("exists", [False, True])
def test_a_write_whose_answer_is_lost_is_found_and_not_repeated(
    stand_in: InfisicalStandIn, open_vault: Opener, lost: faults.Fault, exists: bool
) -> None:
    if exists:
        stand_in.put(KEY, "one")
    vault = open_vault(stand_in)
    vault.names()  # settles which API the server has
    stand_in.fail_next("PATCH" if exists else "POST", "secrets", lost)
    written = vault.write(KEY, Secret("two"))
    assert written.version == stand_in.newest(KEY) == 1 + exists


def test_a_write_that_did_not_arrive_is_reported_and_not_repeated(
    stand_in: InfisicalStandIn, open_vault: Opener
) -> None:
    stand_in.put(KEY, "one")
    vault = open_vault(stand_in)
    vault.read(KEY)
    stand_in.fail_next("PATCH", "secrets", faults.reset())
    with pytest.raises(Unreachable):
        vault.write(KEY, Secret("two"))
    assert sum(sent.method == "PATCH" for sent in stand_in.requests) == 1
    assert stand_in.newest(KEY) == 1


@pytest.mark.parametrize("switch", ["read_only", "no_access"])
def test_a_role_that_may_not_write_is_access_denied(
    stand_in: InfisicalStandIn, open_vault: Opener, switch: str
) -> None:
    stand_in.put(KEY, "one")
    setattr(stand_in, switch, True)
    with pytest.raises(AccessDenied, match="not allowed") as raised:
        open_vault(stand_in).write(KEY, Secret("two"))
    assert "role" in (raised.value.next_step or "")


_ISSUE = {"code": "invalid_type", "path": ["secretValue"], "message": f"bad {CANARY}", "received": CANARY}


@pytest.mark.parametrize(
    ("fault", "kind", "words"),
    [
        (faults.answer(422, {"message": [_ISSUE], "error": "ValidationFailure"}), ServiceError, "secretValue"),
        (faults.answer(401, {"message": [_ISSUE], "error": "ValidationFailure"}), ServiceError, "secretValue"),
        (faults.answer(400, {"message": f"{CANARY} is bad"}), ServiceError, "400"),
        (faults.answer(403, {"message": "no"}), AccessDenied, "403"),
        (faults.answer(403, {"message": f"{CANARY} no"}), AccessDenied, "403"),
        (faults.answer(500, {"message": CANARY}), ServiceError, "500"),
        (faults.answer(200, b"<html>"), ServiceError, "not JSON"),
        (faults.answer(200, {"secret": {"id": "x"}}), ServiceError, "no version"),
        (faults.answer(200, {"secret": CANARY}), ServiceError, "no version"),
        (faults.answer(200, [CANARY]), ServiceError, "not an object"),
    ],
    ids=lambda value: "" if not isinstance(value, str) else value,
)
def test_every_refusal_is_translated_and_shows_no_value(
    stand_in: InfisicalStandIn, open_vault: Opener, fault: faults.Fault, kind: type[Exception], words: str
) -> None:
    stand_in.put(KEY, "one")
    vault = open_vault(stand_in)
    vault.read(KEY)
    stand_in.fail_next("PATCH", "secrets", fault)
    with pytest.raises(ReleaseguardError) as raised:
        vault.write(KEY, Secret(CANARY))
    assert type(raised.value) is kind or isinstance(raised.value, kind)
    assert words in str(raised.value)
    assert CANARY not in everything_said(raised.value)


def test_a_validation_error_is_not_taken_for_a_refused_token(
    current: InfisicalStandIn, open_vault: Opener, connect: Connections
) -> None:
    current.of_2024 = True
    identity = UniversalAuth(connect(current, None), current.client_id, Secret(current.client_secret))
    vault = open_vault(current, identity)
    current.fail_next("GET", KEY, faults.answer(401, {"message": [_ISSUE], "error": "ValidationFailure"}))
    with pytest.raises(ServiceError) as raised:
        vault.read(KEY)
    assert not isinstance(raised.value, AccessDenied)
    assert _logins(current) == 1


def test_a_limit_is_obeyed_to_the_second(current: InfisicalStandIn, open_vault: Opener) -> None:
    current.put(KEY, "v")
    current.fail_next("GET", KEY, faults.answer(429, {"message": "slow down"}, {"retry-after": "17"}))
    vault = open_vault(current)
    assert vault.read(KEY).version == 1
    current.fail_next("GET", KEY, faults.answer(429, {"message": "slow down"}, {"retry-after": "900"}))
    with pytest.raises(RateLimited, match="900"):
        vault.read(KEY)


@pytest.mark.parametrize(
    ("url", "limited"),
    [
        ("https://app.infisical.com", True),
        ("https://eu.infisical.com/", True),
        ("https://infisical.lovendo.example", False),
        ("https://notinfisical.com", False),
        ("http://127.0.0.1:8080", False),
    ],
)
def test_only_the_cloud_has_limits(url: str, limited: bool) -> None:
    assert (limits_of(url).per_minute == 120) is limited


def _logins(stand_in: InfisicalStandIn) -> int:
    return sum(sent.path.endswith("/login") for sent in stand_in.requests)


def test_a_client_id_and_secret_log_in_once_and_without_a_token(
    stand_in: InfisicalStandIn, open_vault: Opener, connect: Connections
) -> None:
    stand_in.put(KEY, "v")
    identity = UniversalAuth(connect(stand_in, None), stand_in.client_id, Secret(stand_in.client_secret))
    vault = open_vault(stand_in, identity)
    vault.read(KEY)
    vault.read(KEY)
    login = next(sent for sent in stand_in.requests if sent.path.endswith("/login"))
    assert "authorization" not in login.headers
    assert _logins(stand_in) == 1


def test_an_expired_token_is_replaced_once(
    stand_in: InfisicalStandIn, open_vault: Opener, connect: Connections
) -> None:
    stand_in.put(KEY, "v")
    identity = UniversalAuth(connect(stand_in, None), stand_in.client_id, Secret(stand_in.client_secret))
    vault = open_vault(stand_in, identity)
    vault.read(KEY)
    stand_in.revoke_tokens()
    assert vault.read(KEY).version == 1
    assert vault.write(KEY, Secret("w")).version == 2
    assert _logins(stand_in) == 2
    assert all("authorization" not in sent.headers for sent in stand_in.requests if sent.path.endswith("/login"))


@pytest.mark.parametrize(
    "fault",
    [
        faults.answer(401, {"statusCode": 401, "message": "No identity access token found"}),
        faults.answer(403, {"statusCode": 403, "message": "Your token has expired.", "error": "TokenError"}),
    ],
    ids=["401", "403 TokenError"],
)
def test_a_token_that_is_refused_again_after_a_new_login_is_an_error(
    stand_in: InfisicalStandIn, open_vault: Opener, connect: Connections, fault: faults.Fault
) -> None:
    identity = UniversalAuth(connect(stand_in, None), stand_in.client_id, Secret(stand_in.client_secret))
    stand_in.fail_next("GET", "secrets", fault, times=9)
    with pytest.raises(AccessDenied):
        open_vault(stand_in, identity).read(KEY)
    assert _logins(stand_in) == 2


def test_a_forbidden_read_is_no_reason_to_log_in_again(
    stand_in: InfisicalStandIn, open_vault: Opener, connect: Connections
) -> None:
    stand_in.put(KEY, "v")
    stand_in.no_access = True
    identity = UniversalAuth(connect(stand_in, None), stand_in.client_id, Secret(stand_in.client_secret))
    with pytest.raises(AccessDenied):
        open_vault(stand_in, identity).read(KEY)
    assert _logins(stand_in) == 1


@pytest.mark.parametrize("wrong", ["id", "secret"])
def test_wrong_credentials_are_access_denied_and_not_shown(
    stand_in: InfisicalStandIn, open_vault: Opener, connect: Connections, wrong: str
) -> None:
    client_id = "somebody" if wrong == "id" else stand_in.client_id
    secret = CANARY if wrong == "secret" else stand_in.client_secret
    identity = UniversalAuth(connect(stand_in, None), client_id, Secret(secret))
    with pytest.raises(AccessDenied) as raised:
        open_vault(stand_in, identity).read(KEY)
    assert "INFISICAL_CLIENT_ID" in (raised.value.next_step or "")
    assert secret not in everything_said(raised.value)


@pytest.mark.parametrize("token", ["wrong", "a.b.c"])
def test_a_wrong_token_is_access_denied_at_once(stand_in: InfisicalStandIn, open_vault: Opener, token: str) -> None:
    with pytest.raises(AccessDenied) as raised:
        open_vault(stand_in, PlainToken(Secret(token))).read(KEY)
    assert "INFISICAL_TOKEN" in (raised.value.next_step or "")
    assert len([sent for sent in stand_in.requests if "/v3/" in sent.path]) == 1
    assert _logins(stand_in) == 0


def test_a_job_of_github_actions_logs_in_with_its_own_token(
    stand_in: InfisicalStandIn, open_vault: Opener, connect: Connections
) -> None:
    from releaseguard.sandbox.github.stand_in import GitHubStandIn

    stand_in.put(KEY, "v")
    with GitHubStandIn() as github:
        github.issue_oidc = lambda audience: f"jwt.for.{audience}"
        stand_in.oidc_tokens.add("jwt.for.infisical")
        actions = connect(github, github.oidc_request_token)
        url = f"{github.url}/_services/token?api-version=2.0"
        identity = OidcAuth(
            connect(stand_in, None), stand_in.identity_id, lambda: actions_id_token(actions, url, "infisical")
        )
        assert open_vault(stand_in, identity).read(KEY).version == 1
        assert dict(github.requests[0].query) == {"api-version": "2.0", "audience": "infisical"}


def test_a_job_without_the_permission_is_told_which(connect: Connections) -> None:
    from releaseguard.sandbox.github.stand_in import GitHubStandIn

    with GitHubStandIn() as github:
        github.fail_next("GET", "token", faults.answer(200, {"count": 0}))
        with pytest.raises(AccessDenied) as raised:
            actions_id_token(connect(github, github.oidc_request_token), f"{github.url}/_services/token")
    assert "id-token: write" in (raised.value.next_step or "")


def test_a_rotation_of_infisicals_is_triggered_and_its_version_returned(
    current: InfisicalStandIn, open_vault: Opener
) -> None:
    current.put(KEY, "one")
    current.put("OTHER", "one")
    current.add_rotation("auth0-client-secret", {"clientSecret": "OTHER"})
    current.add_rotation("auth0-client-secret", {"clientSecret": KEY}, environment="staging")
    current.add_rotation("postgres-credentials", {"password": KEY})
    rotated = open_vault(current).trigger_rotation(KEY)
    assert (rotated.version, rotated.value.reveal()) == (2, current.value(KEY))
    assert current.newest("OTHER") == 1


def test_a_secret_without_a_rotation_is_not_found(current: InfisicalStandIn, open_vault: Opener) -> None:
    current.put(KEY, "one")
    with pytest.raises(NotFound, match="none of Infisical's rotations"):
        open_vault(current).trigger_rotation(KEY)


def test_a_rotation_that_makes_no_version_is_undecided_in_bounded_time(
    current: InfisicalStandIn, open_vault: Opener
) -> None:
    current.put(KEY, "one")
    current.add_rotation("postgres-credentials", {"password": KEY})
    current.fail_next("POST", "rotate-secrets", faults.answer(200, {"secretRotation": {"rotationStatus": "pending"}}))
    with pytest.raises(Undecided, match="no version after 1"):
        open_vault(current).trigger_rotation(KEY)


def test_a_failed_rotation_is_a_failure(current: InfisicalStandIn, open_vault: Opener) -> None:
    current.put(KEY, "one")
    current.add_rotation("postgres-credentials", {"password": KEY})
    current.fail_next("POST", "rotate-secrets", faults.answer(200, {"secretRotation": {"rotationStatus": "failed"}}))
    with pytest.raises(Failed):
        open_vault(current).trigger_rotation(KEY)


@pytest.mark.parametrize("kept", [AuditLogs.EMPTY, AuditLogs.FORBIDDEN])
def test_without_an_audit_log_nothing_is_claimed(
    current: InfisicalStandIn, open_vault: Opener, kept: AuditLogs
) -> None:
    current.audit_logs = kept
    assert open_vault(current).accesses(KEY, current.clock()) is None


def test_accesses_name_who_read_and_who_changed(current: InfisicalStandIn, open_vault: Opener) -> None:
    current.audit_logs = AuditLogs.KEPT
    vault, since = open_vault(current), current.clock() - timedelta(hours=1)
    vault.write(KEY, Secret("one"))
    vault.read(KEY)
    vault.names()
    vault.write("OTHER", Secret("one"))
    found = vault.accesses(KEY, since)
    assert found is not None
    assert [access.action for access in found] == ["create-secret", "get-secret", "get-secrets"]
    assert {access.actor for access in found} == {"identity ci"}
    assert all(access.secret_name == KEY for access in found)
    assert vault.accesses("NEVER", since) == [
        access for access in vault.accesses("NEVER", since) or [] if access.action == "get-secrets"
    ]


def test_a_long_audit_log_is_read_to_its_end(current: InfisicalStandIn, open_vault: Opener) -> None:
    current.audit_logs = AuditLogs.KEPT
    current.put(KEY, "one")
    vault, since = open_vault(current), current.clock()
    for _ in range(130):
        vault.read(KEY)
    assert len(vault.accesses(KEY, since) or []) == 130


def test_no_rendering_of_what_was_read_shows_the_value(stand_in: InfisicalStandIn, open_vault: Opener) -> None:
    stand_in.put(KEY, CANARY)
    secret = open_vault(stand_in).read(KEY)
    assert CANARY not in f"{secret!r} {secret} {secret.value}"


def test_no_request_carries_a_value_in_its_address(stand_in: InfisicalStandIn, open_vault: Opener) -> None:
    open_vault(stand_in).write(KEY, Secret(CANARY))
    assert all(CANARY not in f"{sent.path}{sent.query}" for sent in stand_in.requests)


def test_the_label_says_where_without_a_credential(current: InfisicalStandIn, open_vault: Opener) -> None:
    label = open_vault(current).label
    assert current.project_id in label
    assert current.token not in label


@pytest.mark.parametrize("answer", [{}, {"secret": None}, {"secret": {}}, {"secret": []}])
def test_an_answer_without_a_secret_is_the_services_fault(
    current: InfisicalStandIn, open_vault: Opener, answer: object
) -> None:
    current.put(KEY, "x")
    current.fail_next("GET", "/secrets/raw/", faults.answer(200, answer))
    with pytest.raises(ServiceError, match="the answer"):
        open_vault(current).read(KEY)


def test_a_gateways_plain_404_for_v3_is_no_absent_secret(current: InfisicalStandIn, open_vault: Opener) -> None:
    current.put(KEY, "x")
    current.fail_next("GET", "/v3/", faults.answer(404, {"message": "Not Found", "statusCode": 404}), times=99)
    assert open_vault(current).read(KEY).value.reveal() == "x"


OURS = "SG.canary-aaaaaaaaaaaa-0001"


def test_the_same_value_is_found_under_other_names_in_folders_and_environments(
    stand_in: InfisicalStandIn, open_vault: Opener
) -> None:
    stand_in.put(KEY, OURS)
    stand_in.put("MAIL_KEY", OURS)
    stand_in.put("SMTP_URL", f"smtp://apikey:{OURS}@mail", path="/mail")
    stand_in.put(KEY, OURS, environment="staging")
    stand_in.put("REFERS", f"${{{KEY}}}")
    stand_in.put("OTHER", "SG.canary-bbbbbbbbbbbb-0001")
    found = open_vault(stand_in).elsewhere({KEY: Secret(OURS)})
    assert [(one.name, one.place, one.follows) for one in found.found] == [
        ("MAIL_KEY", "environment prod, path /", False),
        ("REFERS", "environment prod, path /", True),
        (KEY, "environment staging, path /", False),
        ("SMTP_URL", "environment prod, path /mail", False),
    ]
    assert not found.unread
    assert OURS not in str(found)


def test_imports_follow_and_a_project_that_does_not_list_its_environments_is_searched_in_the_usual_ones() -> None:
    imported = {"environment": "prod", "secretPath": "/", "secrets": [{"secretKey": KEY, "secretValue": OURS}]}
    asked: list[str] = []

    def listed(environment: str, *, expand: bool) -> dict[str, Any]:
        asked.append(environment)
        if environment == "dev":
            raise AccessDenied("no", where="infisical", status=403)
        return {"secrets": [], "imports": [imported] if environment == "staging" and expand else []}

    def refused(path: str) -> dict[str, Any]:
        raise AccessDenied(path, where="infisical", status=403)

    found = InfisicalCopies("p", "prod", "/", {KEY: Secret(OURS)}, refused, listed).search()
    assert [(one.place, one.follows) for one in found.found] == [("an import in environment staging", True)]
    assert asked == ["prod", "dev", "staging"]
    assert "environment dev (403)" in found.unread
    assert any("does not list them" in one for one in found.unread)


def test_a_secret_that_is_imported_is_not_followed_and_the_error_says_where_it_is(
    stand_in: InfisicalStandIn, open_vault: Opener
) -> None:
    stand_in.put("OTHER", "one")
    stand_in.imports = [("shared", "/mail", KEY)]
    with pytest.raises(NotFound, match="imported here from environment shared, path /mail") as caught:
        open_vault(stand_in).read(KEY)
    assert "[infisical] environment and path" in str(caught.value.next_step)
