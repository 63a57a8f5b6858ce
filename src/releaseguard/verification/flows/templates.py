"""The requests of a flow: the card's templates with values filled in. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import parse_qsl

from releaseguard.cards.placeholders import PLACEHOLDER, amounts_in, placeholders
from releaseguard.cards.spec import FlowSpec, StepSpec
from releaseguard.errors import ConfigError
from releaseguard.http import quoted
from releaseguard.secret import Secret

LONGEST_ID = 200
"""The most characters of an extracted id that are kept for the clean-up; a longer text is not an id."""

Filling = str | int | float | Secret
Known = Mapping[str, Filling]
"""The values of placeholders: texts, numbers, and the test user's e-mail as a ``Secret``."""


class Missing(Exception):
    """A placeholder has no value because no answer held one."""


def filled(value: Any, known: Known) -> Any:
    """``value`` with every ``{name}`` replaced; a text that consists of one placeholder becomes the value itself.

    Raises :class:`Missing` for an unknown name.
    """
    if isinstance(value, Mapping):
        return {key: filled(item, known) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [filled(item, known) for item in value]
    if not isinstance(value, str):
        return value
    if whole := PLACEHOLDER.fullmatch(value):
        return _value(whole[1], known)
    return PLACEHOLDER.sub(lambda match: str(_value(match[1], known)), value)


def _value(name: str, known: Known) -> Any:
    if name not in known:
        raise Missing(f"no answer held {name!r}")
    return known[name]


def capped(flow: FlowSpec, step: StepSpec, body: Any, *, where: str) -> None:
    """Raise ``ConfigError`` where a request, as it would be sent, exceeds the flow's ``max_amount``."""
    for asked in amounts_in(body):
        if not asked <= (flow.max_amount or 0):
            raise ConfigError(
                f"flow {flow.id!r}, step {step.name!r} would ask for {asked:g}, more than max_amount "
                f"({flow.max_amount})",
                where=where or None,
                next_step="Lower the amount on the card; nothing was sent.",
            )


def extracted(step: StepSpec, answer: Any) -> Known:
    """What a step's ``extract`` finds in the app's answer; missing values are left out."""
    found = {name: _at(answer, path.split(".")) for name, path in step.extract.items()}
    return {name: value for name, value in found.items() if isinstance(value, str | int | float) and value != ""}


def _at(value: Any, path: Sequence[str]) -> Any:
    for part in path:
        if isinstance(value, Mapping):
            value = value.get(part)
        elif isinstance(value, list) and part.isdigit() and int(part) < len(value):
            value = value[int(part)]
        else:
            return None
    return value


def kept_for_cleanup(flow: FlowSpec, known: Known) -> Mapping[str, str]:
    """The extracted values that the clean-up needs and no others, since they are written to the log."""
    kept = {name: str(known[name]) for name in sorted(needed_for_cleanup(flow)) if name in known}
    return {name: value for name, value in kept.items() if len(value) <= LONGEST_ID}


def needed_for_cleanup(flow: FlowSpec) -> frozenset[str]:
    """The values from the app's answers without which the clean-up does not know what to remove."""
    names = {name for step in flow.cleanup for name in (*placeholders(step.path), *placeholders(step.body))}
    names |= {step.when for step in flow.cleanup if step.when}
    return frozenset(names & {name for step in flow.steps for name in step.extract})


def requests_of(flow: FlowSpec) -> Sequence[str]:
    """Method and path of each of the flow's steps, with placeholders."""
    return [f"{step.method} {step.path}" for step in flow.steps]


def address(path: str, known: Known) -> tuple[str, dict[str, str]]:
    """The path with its placeholders filled and quoted, and the parameters of its query."""
    plain, _, query = path.partition("?")
    filled_path = PLACEHOLDER.sub(lambda match: quoted(str(filled(match[0], known))), plain)
    params = {name: str(filled(value, known)) for name, value in parse_qsl(query, keep_blank_values=True)}
    return filled_path, params


def names_in(step: StepSpec) -> set[str]:
    """The names of the values that a step needs."""
    return {*placeholders(step.path), *placeholders(step.body)} - {"idempotency_key"}
