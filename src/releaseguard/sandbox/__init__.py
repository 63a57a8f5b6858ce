"""Loopback stand-ins of the services and of the app, for the demo, for trying things out, and for the tests.

Begin with :class:`releaseguard.sandbox.world.World`.
"""

from __future__ import annotations

from releaseguard.sandbox.world import Login, World

__all__ = ["Login", "World"]
