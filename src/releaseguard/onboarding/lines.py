"""Lines of a configuration that explains itself."""

from __future__ import annotations

import json


def section(name: str, *settings: tuple[str, str, str]) -> str:
    """``[name]`` and its settings: key, value, remark."""
    return f"[{name}]\n" + "".join(line(*setting) for setting in settings)


def line(key: str, value: str, remark: str, *, off: bool = False) -> str:
    """One setting with the ``remark`` behind it, if there is any; ``off``: as a comment."""
    written = f"{'# ' if off else ''}{key} = {text(value)}"
    return f"{written:<26} # {remark}\n" if remark else f"{written}\n"


def text(value: str) -> str:
    """A basic string: JSON's is one, but for DEL."""
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
