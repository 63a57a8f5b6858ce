"""The secrets that are rotated together, and what of them is written and deployed where. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from releaseguard.cards.spec import Card, SecretSpec
from releaseguard.destinations.interface import Destination, Item, ItemKind
from releaseguard.rotation.context import Binding
from releaseguard.secret import Secret

COMPANION_SUFFIX = "_VERSION"


@dataclass(frozen=True, slots=True)
class Carried:
    """The new value of one secret. ``label`` is what the app must report for it."""

    value: Secret
    version: int
    label: str


NOTHING = Carried(Secret(""), 0, "")
"""Stands in for a value where only names are asked for."""


@dataclass(frozen=True, slots=True)
class SecretGroup:
    """The secrets that are rotated together."""

    name: str
    secrets: Sequence[SecretSpec]

    @property
    def names(self) -> Sequence[str]:
        return tuple(spec.name for spec in self.secrets)

    @property
    def secret_names(self) -> Sequence[str]:
        """The members that are replaced: all except identifiers, which are public and keep their value (an account's
        number). All members where every one is an identifier."""
        return tuple(spec.name for spec in self.secrets if not spec.identifier) or self.names

    @property
    def manual(self) -> bool:
        """Whether no program can replace it: the card has steps for a person and the configuration no destination."""
        return all(spec.from_ == "manual" for spec in self.secrets)

    @property
    def client(self) -> bool:
        """Whether installed apps hold copies that no redeployment replaces."""
        return any(spec.reach == "client" for spec in self.secrets)

    @property
    def waits_for_console(self) -> bool:
        """Whether a person must set it at the provider, because old and new do not work at the same time or we issue
        it."""
        return any(not spec.overlap or spec.from_ in ("generated", "manual") for spec in self.secrets)

    @property
    def companions(self) -> Sequence[str]:
        """The members whose version is pushed next to them."""
        return tuple(spec.name for spec in self.secrets if spec.has_companion)

    def asks_for_proof_at(self, binding: Binding) -> bool:
        """Whether anything but identifiers is written there."""
        return any(binding.holds(spec.name) and not spec.identifier for spec in self.secrets)

    def steps(self, language: str = "en", told: str | None = None) -> str | None:
        """What a person does at the provider, with the page, unless that is ``told`` elsewhere."""
        texts = []
        for spec in self.secrets:
            steps = (spec.steps or {}).get(language) or (spec.steps or {}).get("en")
            text = " ".join(part for part in (steps, spec.console) if part and part != told)
            if text and text not in texts:
                texts.append(text)
        return " ".join(texts) or None


class DeploymentTarget(NamedTuple):
    """What one redeployment replaces."""

    base: str
    """The destination's URI without targets."""
    target: str

    @property
    def key(self) -> str:
        """Its name in the history and in messages."""
        return f"{self.base}/{self.target}"


def unit_of(card: Card, secret: str | None) -> SecretGroup:
    """The group to which ``secret`` belongs, or the card's first. Raises ``UsageError`` for an unknown name."""
    members = card.unit_of(secret)
    return SecretGroup(members[0].unit, tuple(members))


def items_for(group: SecretGroup, binding: Binding, versions: Mapping[str, Carried], note: str = "") -> Sequence[Item]:
    """What is written at one destination: the secrets, then the companions for which it has room."""
    items, companions = [], []
    for spec in group.secrets:
        if spec.name not in versions or spec.from_ == "manual":
            continue
        carried = versions[spec.name]
        for there in binding.names_of(spec.name):
            items.append(Item(there, carried.value, ItemKind.SECRET, carried.version, note))
            if spec.has_companion and binding.destination.holds_companions:
                name = there + COMPANION_SUFFIX
                companions.append(Item(name, Secret(carried.label), ItemKind.COMPANION, carried.version, note))
    return (*items, *companions)


def deployments_for(destinations: Iterable[Destination]) -> Sequence[DeploymentTarget]:
    """All redeployments: of what production serves, or else of the first target that is deployed."""
    chosen: dict[str, str] = {}
    for destination in destinations:
        if not destination.needs_deployment:
            continue
        address = destination.address
        targets = [target for target in address.targets if target != "development"]
        if address.targets and not targets:
            continue
        best = "production" if "production" in targets or not targets else targets[0]
        if chosen.get(address.base) != "production":
            chosen[address.base] = best
    return tuple(DeploymentTarget(base, target) for base, target in chosen.items())


def proving(card: Card, unit: Sequence[SecretSpec]) -> frozenset[str]:
    """The success events that show that these secrets work; all of the provider's where the card names none."""
    return frozenset(event for secret in unit for event in secret.proven_by) or frozenset(card.events.success)


def proving_others(card: Card, unit: Sequence[SecretSpec]) -> frozenset[str]:
    """The success events that use other secrets of the provider and say nothing about these."""
    return frozenset(event for secret in card.secrets for event in secret.proven_by) - proving(card, unit)


def proves_alone(card: Card, unit: Sequence[SecretSpec]) -> bool:
    """Whether the success events of these secrets use no other secret of the provider."""
    names, events = {secret.name for secret in unit}, proving(card, unit)
    others = [secret for secret in card.secrets if secret.name not in names]
    return all(secret.proven_by and events.isdisjoint(secret.proven_by) for secret in others)
