"""The function with which an app logs an integration event: ours, or one of its own with other names."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

OURS = ("logIntegrationEvent", "log_integration_event")


@dataclass(frozen=True)
class Signature:
    """A function that is given one object, or its values by place or name, and what its words mean."""

    function: str
    provider: str
    outcome: str
    event: str | None = None
    success: Sequence[str] = ("success",)
    error: Sequence[str] = ("error",)
    providers: Mapping[str, str] = field(default_factory=dict)
    """What the app calls a provider -> the card's id."""
    also: Mapping[str, str] = field(default_factory=dict)
    """What else it has to be given -> a value for it, as code."""

    order: Sequence[str] = ()
    """The names of its parameters, where it takes its values by place, and no object."""

    def outcome_of(self, said: str) -> str:
        """``success`` or ``error``; what it is neither of as it is."""
        return "success" if said in self.success else "error" if said in self.error else said

    def line(self, provider: str, event: str, outcome: str, python: bool) -> str:
        """A log of this function."""
        own = next((name for name, known in self.providers.items() if known == provider), provider)
        words = {self.provider: own, self.outcome: (self.success if outcome == "success" else self.error)[0]}
        if self.event is not None:
            words[self.event] = event
        quoted = json.dumps if python else _quoted
        said = {key: quoted(value) for key, value in words.items()}
        said |= {key: value for key, value in self.also.items() if key not in said}
        if python:
            return f"{self.function}({', '.join(f'{key}={value}' for key, value in said.items())})"
        if self.order:
            needed = max((at for at, name in enumerate(self.order, 1) if name in said), default=0)
            return f"{self.function}({', '.join(said.get(name, 'undefined') for name in self.order[:needed])});"
        return f"{self.function}({{ {', '.join(f'{key}: {value}' for key, value in said.items())} }});"


def _quoted(text: str) -> str:
    return "'" + json.dumps(text)[1:-1].replace("'", "\\'") + "'"
