"""Checks the cards when a wheel is built, and puts what they say into it in a form that is read at once."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class CompiledCards(BuildHookInterface):  # type: ignore[type-arg]
    """``releaseguard/checks/compiled.json``; an editable installation reads the cards themselves."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Add the file. Raises ``ConfigError`` for a card that is wrong: such a wheel is not built."""
        if version == "editable":
            return
        root = Path(self.root)
        sys.path[:0] = [str(root / "src"), str(root / "writer" / "src")]
        from releaseguard.cards.load import compile_folder

        self._folder = tempfile.TemporaryDirectory()
        file = Path(self._folder.name) / "compiled.json"
        file.write_bytes(compile_folder(root / "checks"))
        build_data["force_include"][str(file)] = "releaseguard/checks/compiled.json"
