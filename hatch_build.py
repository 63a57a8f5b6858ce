"""Checks the cards when a wheel is built or a checkout installed, and puts what they say beside them in a form that is
read at once."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class CompiledCards(BuildHookInterface):  # type: ignore[type-arg]
    """``checks/compiled.json``, which goes into the wheel with the cards."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:  # noqa: ARG002 - as hatchling calls it
        """Write the file. Raises ``ConfigError`` for a card that is wrong: such a wheel is not built."""
        root = Path(self.root)
        sys.path[:0] = [str(root / "src"), str(root / "writer" / "src")]
        from releaseguard.cards.compiled import FILE
        from releaseguard.cards.load import compile_folder

        made = compile_folder(root / "checks")
        with tempfile.NamedTemporaryFile(dir=root, prefix=".compiled-", delete=False) as written:
            written.write(made)
        Path(written.name).chmod(0o644)
        Path(written.name).replace(root / "checks" / FILE)  # at once, since two builds may run
