"""One run: its requests to the app, and cleaning up what they made."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from releaseguard.cards.spec import Card, FlowSpec, StepSpec
from releaseguard.errors import RateLimited, SafeModeRefusal, ServiceError, Unreachable
from releaseguard.http import Reply
from releaseguard.verification.flows import rows
from releaseguard.verification.flows.context import FlowContext
from releaseguard.verification.flows.runs import RunKey, StepRun
from releaseguard.verification.flows.templates import (
    Filling,
    Missing,
    address,
    capped,
    extracted,
    filled,
    kept_for_cleanup,
    names_in,
    needed_for_cleanup,
)


@dataclass(frozen=True, slots=True)
class _Request:
    """One request with its placeholders filled."""

    path: str
    params: Mapping[str, str]
    body: Any
    key: str
    """The idempotency key, the same each time this step of this run is sent."""


@dataclass(slots=True)
class FlowExecution:
    """What a run does and has learned."""

    context: FlowContext
    card: Card
    flow: FlowSpec
    key: RunKey
    release: str | None
    known: dict[str, Filling]
    since: datetime
    """The store's time at its beginning."""
    steps: list[StepRun] = field(default_factory=list)
    limited: bool = False
    in_doubt: bool = False
    """Whether a request was sent whose effect is unknown."""
    unnamed: bool = False
    """Whether a payment was made and the answer does not name what could be undone."""

    @property
    def failure(self) -> str:
        """The failed request in words; empty where none failed."""
        failed = next((step for step in self.steps if not step.ok), None)
        return f"the request {failed.name!r} failed: {failed.note}" if failed else ""

    def take_steps(self) -> None:
        """Send the flow's requests up to the first that fails."""
        for step in self.flow.steps:
            if step.when and not self.known.get(step.when):
                continue
            done, answer = self._send(step)
            self.steps.append(done)
            if not done.ok:
                return
            self.known |= extracted(step, answer)
            self.unnamed = self.unnamed or self._names_no_payment(step)
            self._remember(step)

    def _names_no_payment(self, step: StepSpec) -> bool:
        """Whether money may have moved and the answer does not name what could be undone."""
        needed = needed_for_cleanup(self.flow) & step.extract.keys()
        return self.flow.moves_money and not needed <= self.known.keys()

    def _remember(self, step: StepSpec) -> None:
        """Record what will have to be cleaned up before anything else happens."""
        new = {name: self.known[name] for name in step.extract if name in self.known}
        if kept_for_cleanup(self.flow, new):
            ids = kept_for_cleanup(self.flow, self.known)
            self.context.log.append([rows.reached(self.key, self.release, self.context.now(), step.name, ids)])

    def clean_up(self) -> bool:
        """Remove what the run made; returns whether nothing is left behind."""
        clean = not (self.in_doubt and self.flow.cleanup) and not self.unnamed
        for step in self.flow.cleanup:
            if step.when and not self.known.get(step.when):
                continue
            if any(name not in self.known for name in names_in(step)):
                continue  # nothing was made that this step would remove
            done, _ = self._send(step)
            clean = clean and done.ok
        return clean

    def _send(self, step: StepSpec) -> tuple[StepRun, Any]:
        """Send one request. A refusal by the app is returned; a request that we must not send raises an error."""
        try:
            request = self._request(step)
        except Missing as missing:
            return StepRun(step.name, None, ok=False, note=str(missing)), None
        capped(self.flow, step, request.body, where=self.card.path)
        try:
            reply = self._ask(step, request)
        except RateLimited as error:
            self.limited = True
            return StepRun(step.name, error.status, ok=False, note=error.what), None
        except ServiceError as error:
            self.in_doubt = self.in_doubt or isinstance(error, Unreachable) or (error.status or 0) >= 500
            return StepRun(step.name, error.status, ok=False, note=error.what), None
        except SafeModeRefusal as refusal:  # of where the app redirects to: its answer all the same
            return StepRun(step.name, None, ok=False, note=refusal.what), None
        return _answered(step, request, reply)

    def _request(self, step: StepSpec) -> _Request:
        """The request of a step. Raises :class:`Missing` for a value that no answer held."""
        key = self.key.idempotency_key(step.name)
        known = {**self.known, "idempotency_key": key}
        path, params = address(step.path, known)
        return _Request(path, params, filled(step.body, known), key)

    def _ask(self, step: StepSpec, request: _Request) -> Reply:
        return self.context.client.request(
            step.method,
            request.path,
            params=request.params,
            json=request.body if request.body or step.method in ("POST", "PATCH") else None,
            headers={"x-correlation-id": self.key.run_id, "idempotency-key": request.key},
            # Only a card says that the app honours the key; where money moves its word for that is not taken.
            repeatable=True if self.flow.idempotent and not self.flow.moves_money else None,
            once=step.method in ("POST", "PATCH") and not self.flow.idempotent,
            allow=step.expect,
        )


def _answered(step: StepSpec, request: _Request, reply: Reply) -> tuple[StepRun, Any]:
    if reply.status not in step.expect:
        note = f"{step.method} {request.path} answered {reply.status}, which the card does not expect"
        return StepRun(step.name, reply.status, ok=False, note=note), None
    return StepRun(step.name, reply.status, ok=True), _json(reply) if step.extract else None


def _json(reply: Reply) -> Any:
    try:
        return reply.json()
    except ServiceError:
        return None
