"""A world for each test that asks for one; the test fails where a stand-in itself made a mistake."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from releaseguard.sandbox.world import World


@pytest.fixture
def world() -> Iterator[World]:
    with World() as running:
        yield running
    assert running.crashes == []
