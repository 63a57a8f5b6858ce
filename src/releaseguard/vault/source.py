"""Where the new value of a rotation comes from. Words that are typed (``--from``) and stored."""

from __future__ import annotations

from enum import StrEnum


class ValueSource(StrEnum):
    """Where the new value comes from."""

    VAULT = "infisical"
    """The newest version in the vault, whichever vault it is: the word is older than the second one."""
    STDIN = "stdin"
    GENERATE = "generate"
    VAULT_ROTATION = "infisical-rotation"
    """The vault makes it itself."""
