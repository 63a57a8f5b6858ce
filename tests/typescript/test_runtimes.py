"""The package's own tests, under each runtime that it is for."""

from __future__ import annotations

import pytest

from tests.support import typescript


@pytest.mark.parametrize("runtime", typescript.RUNTIMES)
def test_the_writer_keeps_its_promises_under(built: typescript.Built, runtime: str) -> None:
    said = built.run(runtime, "integration-log.test").splitlines()
    assert said[-1].endswith(" 0 failed")
    assert sum(line.startswith("ok ") for line in said) == int(said[-1].split()[0]) > 90
