"""The providers behind the stand-in app, in memory: they know which keys are valid, and nothing else.

No releaseguard command ever talks to them; the app does, and writes down what it saw.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, field

from releaseguard.sandbox.keys import new_value


@dataclass(slots=True)
class Trouble:
    """A provider that fails for reasons of its own."""

    share: float
    """Of the calls, between 0 and 1."""
    error_code: str = "503"


@dataclass(slots=True)
class Providers:
    """All of them together. Keys are random and differ from run to run."""

    dice: random.Random = field(default_factory=random.Random)
    troubles: dict[str, Trouble] = field(default_factory=dict)
    """By provider."""
    unused: set[str] = field(default_factory=set)
    """Providers that no process comes to use any more: the code before the call is broken."""
    _valid: set[str] = field(default_factory=set, repr=False)
    issued: list[str] = field(default_factory=list, repr=False)
    """Every key ever made, so that a test can look for leaks of any of them."""

    def issue(self, name: str) -> str:
        """A new key for the secret ``name``, in the form that its provider documents, valid from now on."""
        key = new_value(name)
        self._valid.add(key)
        self.issued.append(key)
        return key

    def admit(self, key: str) -> None:
        """Take a key that was made elsewhere (generated, or by a rotation of the vault's) as valid."""
        self._valid.add(key)
        self.issued.append(key)

    def revoke(self, key: str) -> None:
        """The key is refused from now on. Revoking it twice is harmless."""
        self._valid.discard(key)

    def accepts(self, key: str | None) -> bool:
        return key in self._valid

    def call(self, provider: str, keys: tuple[str | None, ...], luck: float | None = None) -> str | None:
        """Use the provider with these keys (none where it needs none): ``None``, or the error code.

        ``luck``, between 0 and 1, decides whether a provider in trouble fails this use; else the dice do.
        """
        if not all(self.accepts(key) for key in keys):
            return "401"
        trouble = self.troubles.get(provider)
        fate = self.dice.random() if luck is None else luck
        return trouble.error_code if trouble and fate < trouble.share else None
