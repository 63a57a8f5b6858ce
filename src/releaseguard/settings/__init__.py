"""``releaseguard.toml`` and the environment, read once into frozen values."""

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
