"""A name without letter case and separators, since apps write names as they like. Pure."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final

_MEANS_NOTHING: Final = re.compile(r"[\s_.-]+")


@lru_cache(maxsize=4096)
def bare(name: str) -> str:
    """``sendgrid`` for ``SendGrid``, ``send-grid`` and ``sendgrid␠``: names that mean the same become equal."""
    return _MEANS_NOTHING.sub("", name).casefold()
