"""The sources of a rotation's new value, as typed after ``--from`` and stored in the log."""

from __future__ import annotations

from enum import StrEnum


class ValueSource(StrEnum):
    """The source of a rotation's new value."""

    VAULT = "infisical"
    """The newest version in the vault. The stored word is that of the first vault there was, and means any."""
    STDIN = "stdin"
    GENERATE = "generate"
    VAULT_ROTATION = "infisical-rotation"
    """A rotation that the vault carries out itself."""
