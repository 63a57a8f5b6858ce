"""Runs a check's flow as often as its verdict needs."""

from __future__ import annotations

import math

from releaseguard.cards.spec import Card, FlowCheck, FlowSpec
from releaseguard.verification.flows import verdict
from releaseguard.verification.flows.context import FlowContext
from releaseguard.verification.flows.runner import FlowRunner
from releaseguard.verification.values import Deployment, Finding

FIRST_REST, LONGEST_REST = 15.0, 300.0
"""Seconds, doubling, before a watch spends another run on an obstacle such as a release that is not live yet."""


class FlowStage:
    """Runs a check's flow as often as its verdict needs, within the card's budget."""

    def __init__(self, context: FlowContext) -> None:
        self._context = context
        self._rests: dict[tuple[str, str], tuple[float, float]] = {}
        """By provider and flow: until when no run is spent on what stopped the last one, and for how long that is."""

    def __call__(self, card: Card, check: FlowCheck, deployment: Deployment) -> Finding:
        """The finding over all of this deployment's runs in the log, after those still needed were run.

        Raises what :meth:`FlowRunner.run` raises.
        """
        flow = next(flow for flow in card.flows if flow.id == check.flow)
        runner = FlowRunner(self._context, purpose=purpose_of(deployment), release=deployment.release)
        runner.recover(card, flow)
        runs = list(runner.past(card, flow))
        while verdict.decide(flow, runs).another and not self._rests_after(card, flow):
            runs.append(runner.run(card, flow))
            if verdict.stops_for_now(runs[-1]):
                self._rest(card, flow)
                break
            self._rests.pop((card.id, flow.id), None)
        return verdict.verdict_of(card.id, check, flow, runs)

    def _rests_after(self, card: Card, flow: FlowSpec) -> bool:
        until, _ = self._rests.get((card.id, flow.id), (-math.inf, 0.0))
        return self._context.clock() < until

    def _rest(self, card: Card, flow: FlowSpec) -> None:
        _, last = self._rests.get((card.id, flow.id), (0.0, FIRST_REST / 2))
        rest = min(2 * last, LONGEST_REST)
        self._rests[card.id, flow.id] = self._context.clock() + rest, rest


def purpose_of(deployment: Deployment) -> str:
    """What a verification's flows are run for: one deployment, so that deploying a release again starts afresh."""
    return f"{deployment.release}@{deployment.deployed_at.isoformat()}"
