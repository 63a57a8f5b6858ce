"""A process that runs one flow and dies, without a word, at the operation it was told to die at.

    python flow_victim.py LOG APP_URL EMAIL PASSWORD PUBLIC_KEY DIE_AT

Operations are numbered from 1: each request and each append counts twice, before and after it. With DIE_AT 0 it
lives. It prints the number of operations and the finding's verdict.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from msgspec import structs

from releaseguard.cards.load import load_cards
from releaseguard.cards.spec import StepSpec
from releaseguard.eventlog.stores.sqlite import SqliteEventLog
from releaseguard.http import Authorization, ServiceClient
from releaseguard.secret import Secret
from releaseguard.verification.flows.context import FlowContext
from releaseguard.verification.flows.session import SyntheticUser, UserSession
from releaseguard.verification.flows.stage import FlowStage
from releaseguard.verification.values import Deployment

CANCEL = StepSpec(
    name="cancel",
    path="/functions/v1/paytr-withdraw",
    method="DELETE",
    body={"withdrawal_id": "{settlement_id}"},
    when="settlement_id",
    expect=[200, 202, 204, 404, 410],
)
"""What the stand-in app takes back, which the shipped card does not ask of the real one."""


class Executioner:
    """Kills the process before or after the operation it was told."""

    def __init__(self, die_at: int) -> None:
        self.count = 0
        self._die_at = die_at

    def around(self, operation: Callable[..., Any]) -> Callable[..., Any]:
        def watched(*args: Any, **kwargs: Any) -> Any:
            self._tick()
            result = operation(*args, **kwargs)
            self._tick()
            return result

        return watched

    def _tick(self) -> None:
        self.count += 1
        if self.count == self._die_at:
            os.kill(os.getpid(), signal.SIGKILL)


def main(log_file: str, url: str, email: str, password: str, key: str, die_at: str) -> None:
    executioner = Executioner(int(die_at))
    session = UserSession(lambda: SyntheticUser(Secret(email), Secret(password), Secret(key)))
    client = ServiceClient(service="app", base_url=url, authorization=Authorization(session.headers))
    card = load_cards().get("paytr")
    card = structs.replace(card, flows=[structs.replace(one, idempotent=True, cleanup=[CANCEL]) for one in card.flows])
    check = next(check for check in card.checks if check.id == "paytr.withdraw")
    with SqliteEventLog(Path(log_file)) as log:
        client.request = executioner.around(client.request)  # type: ignore[method-assign]
        log.append = executioner.around(log.append)  # type: ignore[method-assign]
        world = FlowContext(
            log=log, client=client, session=session, environment="production", test_paths=frozenset({"paytr"})
        )
        moment = datetime(2026, 11, 24, tzinfo=UTC)
        deployment = Deployment(release="new-release", environment="production", deployed_at=moment)
        finding = FlowStage(world)(card, check, deployment)
    client.close()
    print(executioner.count, finding.verdict.value)  # noqa: T201 - its answer


if __name__ == "__main__":
    main(*sys.argv[1:])
