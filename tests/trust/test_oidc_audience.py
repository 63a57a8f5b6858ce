"""Whom a job's token is for: one that was asked for Infisical is of no use anywhere else."""

from __future__ import annotations

from pathlib import Path

import pytest

from releaseguard.sandbox.world import Login, World
from tests.support.commands import Commands


@pytest.mark.parametrize("named", [None, "https://github.com/lovendo"])
def test_the_token_is_for_infisical_alone(tmp_path: Path, named: str | None) -> None:
    with World() as world:
        path = world.write(tmp_path)
        if named:
            path.write_text(path.read_text().replace("[infisical]\n", f'[infisical]\noidc_audience = "{named}"\n'))
        cli = Commands(tmp_path, world.environ(Login.OIDC))
        assert cli.run("drift", "--no-copies").code in {0, 1}
        asked = [request.query for request in world.github.requests if "audience" in request.query]
        assert [query["audience"] for query in asked] == [named or world.infisical.url]
