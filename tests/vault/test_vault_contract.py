"""What every implementation of the vault room keeps; each is one line in ``KINDS``."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import pytest

from releaseguard.errors import AccessDenied, NotFound
from releaseguard.model import utc_now
from releaseguard.sandbox.infisical.stand_in import InfisicalStandIn
from releaseguard.sandbox.infisical.values import AuditLogs
from releaseguard.sandbox.serving.stand_in import StandIn
from releaseguard.secret import Secret
from releaseguard.services.infisical.logins import InfisicalSession, PlainToken
from releaseguard.services.infisical.vault import InfisicalVault
from releaseguard.vault.interface import Vault
from tests.services.stand_ins import OpenBaoStandIn
from tests.support.adapters import Connections, StepClock, everything_said

KEY = "SENDGRID_API_KEY"
CANARY = "c4n4ry-Qw9zXk27LmPv"


@dataclass
class Side:
    """One implementation, and what is behind it."""

    stand_in: StandIn
    put: Callable[[str, str], Any]
    open: Callable[[str], Vault]

    @property
    def vault(self) -> Vault:
        return self.open(self.stand_in.token)  # type: ignore[attr-defined]


@contextmanager
def infisical() -> Iterator[Side]:
    with InfisicalStandIn(StepClock()) as stand_in, closing() as connect:

        def opened(token: str) -> Vault:
            session = InfisicalSession(PlainToken(Secret(token)))
            client = connect(stand_in, None, headers=session.headers)
            return InfisicalVault(client, session, project_id=stand_in.project_id, environment="prod")

        yield Side(stand_in, stand_in.put, opened)


@contextmanager
def openbao() -> Iterator[Side]:
    """The vault that ``docs/development.md`` adds, which is not shipped."""
    from releaseguard.services.openbao.vault import OpenBaoVault

    with OpenBaoStandIn(StepClock()) as stand_in, closing() as connect:

        def opened(token: str) -> Vault:
            return OpenBaoVault(connect(stand_in, None, headers=lambda: {"x-vault-token": Secret(token)}), "kv")

        yield Side(stand_in, stand_in.put, opened)


@contextmanager
def closing() -> Iterator[Connections]:
    connections = Connections()
    try:
        yield connections
    finally:
        connections.close()


KINDS = {"infisical": infisical, "openbao": openbao}


@pytest.fixture(params=sorted(KINDS))
def side(request: pytest.FixtureRequest) -> Iterator[Side]:
    with KINDS[request.param]() as opened:
        yield opened
        assert opened.stand_in.crashes == []


def test_the_newest_version_is_read_and_a_pinned_one_is_that_version(side: Side) -> None:
    for value in ("one", "two", "three"):
        side.put(KEY, value)
    newest, second = side.vault.read(KEY), side.vault.read(KEY, 2)
    assert (newest.name, newest.version, newest.value.reveal()) == (KEY, 3, "three")
    assert (second.version, second.value.reveal()) == (2, "two")
    assert newest.secret_id == second.secret_id != ""


@pytest.mark.parametrize("version", [None, 7])
def test_what_does_not_exist_is_not_found(side: Side, version: int | None) -> None:
    side.put("OTHER", "x")
    with pytest.raises(NotFound):
        side.vault.read(KEY if version is None else "OTHER", version)


def test_a_write_creates_what_is_absent_and_then_makes_the_next_version(side: Side) -> None:
    first, second = side.vault.write(KEY, Secret("one")), side.vault.write(KEY, Secret("two"))
    assert [first.version, second.version] == [1, 2]
    assert [first.value.reveal(), second.value.reveal()] == ["one", "two"]
    assert side.vault.read(KEY).value.reveal() == "two"


def test_names_are_sorted(side: Side) -> None:
    for name in ("B", "A", "C"):
        side.put(name, "x")
    assert side.vault.names() == ["A", "B", "C"]


def test_a_wrong_token_is_access_denied_and_shows_nothing(side: Side) -> None:
    side.put(KEY, "x")
    for act in (lambda vault: vault.read(KEY), lambda vault: vault.write(KEY, Secret(CANARY))):
        with pytest.raises(AccessDenied) as raised:
            act(side.open("wrong-token-9Xq2"))
        assert raised.value.next_step
        assert not {CANARY, "wrong-token-9Xq2"} & {*everything_said(raised.value).split()}


def test_what_has_no_rotation_of_the_vaults_is_not_found(side: Side) -> None:
    side.put(KEY, "x")
    with pytest.raises(NotFound):
        side.vault.trigger_rotation(KEY)


def test_without_an_audit_log_nothing_is_claimed(side: Side) -> None:
    if isinstance(side.stand_in, InfisicalStandIn):
        side.stand_in.audit_logs = AuditLogs.FORBIDDEN
    assert side.vault.accesses(KEY, utc_now()) is None


def test_no_rendering_of_what_was_read_shows_the_value(side: Side) -> None:
    side.put(KEY, CANARY)
    assert CANARY not in f"{side.vault.read(KEY)!r}"
