"""Checks that must pass before a call may write anything."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from releaseguard.rotation.context import Claim, RotationContext
from releaseguard.rotation.history.journal import Journal
from releaseguard.rotation.planning.claims import check_claims, claims_in_doubt
from releaseguard.rotation.planning.new_destinations import refuse_new
from releaseguard.rotation.planning.refusals import refuse_without_both_accesses
from releaseguard.rotation.session import Tell
from releaseguard.rotation.values import RotateAction, RotateRequest

WRITING = frozenset({RotateAction.ROTATE, RotateAction.RESUME, RotateAction.ROLLBACK})
"""The actions that may write to destinations."""


def check_what_is_written(request: RotateRequest, context: RotationContext, journal: Journal, tell: Tell) -> None:
    """Check that both credentials are given where releaseguard's own key is rotated, that no new destination is
    unconfirmed, and that no other owner writes the same name.

    Raises ``Refused``, ``ConfigError`` and ``ServiceError``.
    """
    refuse_without_both_accesses(context.card, context.own_accesses, request.action, context.rules.stood_on)
    if context.asks_for_new:
        addresses = [binding.destination.address for binding in context.bindings]
        refuse_new(addresses, journal.view, request.new_destinations, context.rules.read_address)
    check_claims(_with_every_spelling(context), context.chain_key)
    for access in context.own_accesses:
        access.try_new()
        tell(f"{access.new_variable} is accepted.")


def _with_every_spelling(context: RotationContext) -> Sequence[Claim]:
    """The claims. A service is asked only where one of our places may be another one under a different name."""
    in_doubt = claims_in_doubt(context.claims, context.chain_key)
    asked = [binding.destination for binding in context.bindings if binding.destination.uri in in_doubt]
    also = {one.uri: one.also_called() for one in asked}
    return [
        replace(claim, also=also.get(claim.uri, ())) if claim.owner == context.chain_key else claim
        for claim in context.claims
    ]
