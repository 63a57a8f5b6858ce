"""Checks the cards when a wheel is built or a checkout installed, and puts what they say beside them in a form that is
read at once."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class CompiledCards(BuildHookInterface):  # type: ignore[type-arg]
    """``checks/compiled.json``, which goes into the wheel with the cards."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:  # noqa: ARG002 - as hatchling calls it
        """Write the file. Raises ``ConfigError`` for a card that is wrong: such a wheel is not built."""
        root = Path(self.root)
        sys.path[:0] = [str(root / "src"), str(root / "writer" / "src")]
        from releaseguard.cards.load import install_compiled

        install_compiled(root / "checks")
