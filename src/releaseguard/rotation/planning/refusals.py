"""What is refused before anything is written. Pure."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from releaseguard.cards.spec import Card
from releaseguard.errors import Refused, UsageError
from releaseguard.rotation.context import OwnAccess
from releaseguard.rotation.groups import SecretGroup
from releaseguard.rotation.history.views import ChainView
from releaseguard.rotation.planning.facts import PlanningFacts
from releaseguard.rotation.values import Pin, RotateAction, RotateRequest
from releaseguard.vault.source import ValueSource


def refuse_without_both_accesses(
    card: Card, accesses: Sequence[OwnAccess], action: RotateAction, stood_on: Collection[str]
) -> None:
    """Raise ``Refused`` where the keys belong to a provider that releaseguard depends on and not both credentials are
    given.

    ``stood_on``: the providers whose keys these are. With both, a rotation continues with whichever works. The same
    value twice is no second credential. Only an unfinished rotation may be ended with the new one alone.
    """
    if card.infrastructure not in stood_on:
        return
    missing = [
        variable
        for one in accesses
        for variable, given in ((one.variable, one.old), (one.new_variable, one.new))
        if given is None
    ]
    same = [one for one in accesses if one.old and one.new and one.old.same_as(one.new)]
    if accesses and not missing and (not same or action is RotateAction.RESUME):
        return
    lacking = f": not set: {', '.join(missing)}" if missing else ""
    lacking = lacking or "".join(f": {one.variable} and {one.new_variable} are the same" for one in same[:1])
    wanted = "; ".join(f"{one.variable} (the old one, in use) and {one.new_variable} (the new one)" for one in accesses)
    raise Refused(
        f"{card.name}'s own keys are what releaseguard stands on: rotating them could lock it out half way{lacking}",
        where=card.path or card.id,
        next_step=f"Give both accesses in the environment: {wanted}. Or rotate this key by hand in its console.",
    )


def refuse_values(group: SecretGroup, request: RotateRequest) -> None:
    """Raise ``UsageError`` where values that cannot belong to this unit are given, or are to be generated."""
    unknown = sorted(set(request.values) - set(group.names))
    if unknown:
        raise UsageError(
            f"{', '.join(unknown)} is not part of {group.name}",
            next_step=f"Give values for {', '.join(group.names)} only.",
        )
    if any(not value for value in request.values.values()):
        raise UsageError("an empty value was given", next_step="Check what is written to standard input.")
    issued = [spec.name for spec in group.secrets if spec.from_ != "generated"]
    if request.origin is ValueSource.GENERATE and issued:
        raise UsageError(
            f"{', '.join(issued)}: issued by the provider, a value made up here would not work",
            next_step="Make it in the provider's console and store it as a new version.",
        )


def refuse_missing(group: SecretGroup, request: RotateRequest, facts: PlanningFacts) -> None:
    """Raise where a secret that will be written is absent; for the default source the vault was read strictly
    already."""
    if request.origin is not ValueSource.STDIN:
        return
    absent = [name for name in group.names if name not in facts.newest and name not in request.values]
    if absent:
        raise UsageError(
            f"no value for {', '.join(absent)}, and the vault has none",
            next_step="Write a JSON object with every name of the group to standard input.",
        )


def refuse_empty(request: RotateRequest, facts: PlanningFacts) -> None:
    """Raise where a value is empty: cleared by mistake, it would switch the provider off everywhere at once."""
    for name, newest in facts.newest.items():
        if request.origin is ValueSource.VAULT and not newest.value:
            raise Refused(
                f"{name}: version {newest.version} is empty",
                next_step="Store the value to be used as a new version, then rotate again.",
            )


def refuse_older(pin: Pin, view: ChainView) -> None:
    """Raise where an older version would overwrite a newer one. A re-created secret is another one, and starts at 1."""
    if pin.to_version is None:
        return
    for key, written in view.written.items():
        there = written.get(pin.name)
        if there and there.secret_id == pin.secret_id and there.version > pin.to_version:
            raise Refused(
                f"{pin.name}: version {there.version} was written to {key}; version {pin.to_version} is older",
                where=key,
                next_step="Store the value to be used as a new version, then rotate again.",
            )
