"""Whether a proof is possible at all, said before anything is written so that nobody waits in vain. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from releaseguard.model import CLIENT
from releaseguard.rotation.context import Binding
from releaseguard.rotation.groups import SecretGroup


def why_no_proof(group: SecretGroup, bindings: Sequence[Binding], *, reports: bool) -> str | None:
    """Why no event can ever show the new value; ``None`` where one can.

    ``reports``: whether the log has a column in which an app can report the version.
    """
    if group.client or group.manual:
        return None  # told for itself
    asked = [one for one in bindings if one.destination.runtime and group.asks_for_proof_at(one)]
    if not asked:
        return "Nothing that runs reads it from these destinations, so no event can prove it: it will be UNPROVEN."
    mute = [one.destination.uri for one in asked if not _can_show(group, one, reports=reports)]
    if not mute:
        return None
    because = "the card gives it no companion" if reports else "the event log has no detail for it"
    return f"{', '.join(mute)}: no event can say which version was used there ({because}), so it will be UNPROVEN."


def nobody_is_said(bindings: Sequence[Binding]) -> Sequence[str]:
    """Places without a ``sources`` setting while other places have one: their sources prove nothing here."""
    running = [one for one in bindings if one.destination.runtime]
    said = any(one.sources for one in running)
    return [one.destination.uri for one in running if not one.sources and (said or one.sources is not None)]


def phones_alone(bindings: Sequence[Binding]) -> Sequence[str]:
    """Places on which only installed apps run: their events never count as proof."""
    running = [one for one in bindings if one.destination.runtime and one.sources]
    return [one.destination.uri for one in running if set(one.sources or ()) == {CLIENT}]


def hard_to_prove(provider: str, bindings: Sequence[Binding]) -> Iterator[str]:
    """Remarks about places whose proof depends on the configuration."""
    if unsaid := nobody_is_said(bindings):
        yield (
            f"{', '.join(unsaid)}: no source is said to run there ([providers.{provider}.sources]), so only "
            "sources named for no other place can prove it."
        )
    if phones := phones_alone(bindings):
        yield f"{', '.join(phones)}: only phones are said to run there, and what they log proves nothing."


def _can_show(group: SecretGroup, binding: Binding, *, reports: bool) -> bool:
    return binding.destination.needs_deployment or (reports and any(_reported(group, binding)))


def _reported(group: SecretGroup, binding: Binding) -> Iterator[bool]:
    for spec in group.secrets:
        if binding.holds(spec.name) and not spec.identifier:
            yield (spec.has_companion and binding.destination.holds_companions) or spec.entropy == "high"
