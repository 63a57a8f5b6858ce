"""``releaseguard.toml`` and the environment, read once into frozen values. Its modules are loaded on first use."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from typing import Any

    from releaseguard.settings.loading import load, of
    from releaseguard.settings.sections import Duration, NetworkSection, NotifySection, Occasion, Section, seconds, span
    from releaseguard.settings.values import FILE_NAME, SUCCESSOR, Known, Settings

__all__ = [
    "FILE_NAME",
    "SUCCESSOR",
    "Duration",
    "Known",
    "NetworkSection",
    "NotifySection",
    "Occasion",
    "Section",
    "Settings",
    "load",
    "of",
    "seconds",
    "span",
]
_MODULES = {
    **dict.fromkeys(("load", "of"), "loading"),
    **dict.fromkeys(("FILE_NAME", "SUCCESSOR", "Known", "Settings"), "values"),
}


def __getattr__(name: str) -> Any:
    """Load a name on first use (PEP 562): a service says what its section is made of, and reads no file."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_MODULES.get(name, 'sections')}"), name)
