from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.commands import Commands


@pytest.fixture
def cli(tmp_path: Path) -> Commands:
    """The command line in a folder with a configuration of its own; times are those of this machine."""
    (tmp_path / "releaseguard.toml").write_text(
        '[project]\nname = "lovendo"\n[environments.staging]\nproject.name = "lovendo"\n'
    )
    return Commands(tmp_path, {})
