"""The package, compiled once."""

from __future__ import annotations

import pytest

from tests.support import typescript


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory) -> typescript.Built:
    folder = tmp_path_factory.mktemp("typescript")
    (folder / "package.json").write_text('{"type": "module"}')
    typescript.compile_to(folder, "tsconfig.test.json")
    return typescript.Built(folder)
