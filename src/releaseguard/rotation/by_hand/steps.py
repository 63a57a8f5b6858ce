"""The steps of a rotation by hand, in order, made from the card and the configuration alone. Pure.

No command contains a value: each prompts for it or reads it from standard input.
"""

from __future__ import annotations

import shlex
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TypedDict

from releaseguard.cards.spec import SecretSpec
from releaseguard.destinations.address import Address
from releaseguard.rotation.groups import COMPANION_SUFFIX, SecretGroup


class HandStepRow(TypedDict):
    """One step in ``rotate --by-hand --json``."""

    number: int
    what: str
    place: str | None
    names: Sequence[str]
    console: str | None
    commands: Sequence[str]


class ByHandDocument(TypedDict):
    """What ``rotate --by-hand --json`` prints."""

    provider: str
    environment: str
    unit: str
    steps: Sequence[HandStepRow]


@dataclass(frozen=True, slots=True, kw_only=True)
class HandStep:
    """One step that a person carries out."""

    what: str
    place: str | None = None
    names: Sequence[str] = ()
    """The names to write there, secrets before their companions."""
    console: str | None = None
    commands: Sequence[str] = ()

    def to_json(self, number: int) -> HandStepRow:
        """The step as a row of ``rotate --by-hand --json``."""
        return {
            "number": number,
            "what": self.what,
            "place": self.place,
            "names": list(self.names),
            "console": self.console,
            "commands": list(self.commands),
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class HandPlace:
    """One place of the configuration, with the name of each secret there."""

    address: Address
    names: Mapping[str, Sequence[str]]
    deployed_by: str | None = None
    """How the place is deployed, as the configuration says; ``None`` where its service does it or nothing has to be
    deployed."""


Commands = Callable[[Address, Sequence[str]], Sequence[str]]
"""The commands of a service's own command line that write those names at an address."""


def steps_of(
    group: SecretGroup, places: Sequence[HandPlace], commands: Commands, command: str, language: str = "en"
) -> Sequence[HandStep]:
    """The steps in order: make a new value, write it everywhere, deploy, store it in the vault, prove it, revoke the
    old one."""
    console = next((spec.console for spec in group.secrets if spec.console), None)
    there = group.steps(language, told=console) or ""
    return [
        HandStep(
            what=f"Make a new value of {' and '.join(group.names)}. {there}".strip(),
            names=group.names,
            console=console,
        ),
        *(_written(group, place, commands) for place in places),
        *_deployed(places),
        HandStep(
            what="Store the same value in the vault as a new version, as soon as it can be reached.", names=group.names
        ),
        HandStep(
            what="Record and prove it as soon as the services can be reached: everything is written once more.",
            commands=[command],
        ),
        HandStep(
            what="Revoke the old value at the provider once nobody uses it any more, and confirm that.",
            console=console,
            commands=[f"{command} --confirm-revoked"],
        ),
    ]


def _written(group: SecretGroup, place: HandPlace, commands: Commands) -> HandStep:
    names = [name for spec in group.secrets for name in _names_of(spec, place)]
    versions = [name for name in names if name.endswith(COMPANION_SUFFIX)]
    also = f" {', '.join(versions)}: the number of the new version in the vault." if versions else ""
    return HandStep(
        what=f"Write the new value.{also}",
        place=place.address.uri,
        names=names,
        commands=commands(place.address, names),
    )


def _names_of(spec: SecretSpec, place: HandPlace) -> Iterator[str]:
    for name in place.names.get(spec.name, ()):
        yield name
        if spec.has_companion:
            yield name + COMPANION_SUFFIX


def _deployed(places: Sequence[HandPlace]) -> Iterator[HandStep]:
    for place in places:
        by = place.deployed_by
        if by is not None:
            yield HandStep(
                what="Deploy it, so that what runs takes the new value over.",
                place=place.address.base,
                commands=_dispatch(by),
            )


def _dispatch(by: str) -> Sequence[str]:
    """The command that runs a workflow; empty for any other way to deploy."""
    kind, _, rest = by.partition(":")
    path, _, ref = rest.rpartition("@")
    repository, _, file = path.rpartition("/")
    if kind != "workflow" or not repository:
        return []
    return [f"gh workflow run {shlex.quote(file)} --repo {shlex.quote(repository)} --ref {shlex.quote(ref)}"]


def lines_of(steps: Sequence[HandStep], head: str) -> str:
    """The steps as text for people."""
    lines = [head]
    for number, step in enumerate(steps, 1):
        where = f"{step.place}: " if step.place else ""
        lines.append(f"{number:>2}. {where}{step.what}")
        lines += [f"    names: {', '.join(step.names)}"] if step.place and step.names else []
        lines += [f"    at {step.console}"] if step.console else []
        lines += [f"    $ {command}" for command in step.commands]
    return "\n".join(lines)
