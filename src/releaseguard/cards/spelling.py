"""What is left of a name without case and dividing characters: apps write names as they like. Pure."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final

_MEANS_NOTHING: Final = re.compile(r"[\s_.-]+")


@lru_cache(maxsize=4096)
def bare(name: str) -> str:
    """``sendgrid`` of ``SendGrid``, ``send-grid`` and ``sendgrid␠``: two names that mean the same are equal so."""
    return _MEANS_NOTHING.sub("", name).casefold()
