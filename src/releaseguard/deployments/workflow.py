"""How the configuration names a workflow that deploys: ``workflow:OWNER/REPO/FILE@REF``."""

from __future__ import annotations

import re
from dataclasses import dataclass

from releaseguard.errors import ConfigError

FORM = "workflow:OWNER/REPO/FILE@REF"
_WRITTEN = re.compile(r"workflow:(?P<repository>[\w.-]+/[\w.-]+)/(?P<file>[\w.-]+\.ya?ml)@(?P<ref>\S+)")


@dataclass(frozen=True, slots=True)
class WorkflowAddress:
    """A workflow that is dispatched to deploy a place."""

    repository: str
    """``OWNER/REPO``."""
    file: str
    ref: str
    """The branch or tag that it runs on."""

    def __str__(self) -> str:
        return f"workflow:{self.repository}/{self.file}@{self.ref}"


def read_workflow(text: str, where: str | None = None) -> WorkflowAddress:
    """The workflow that ``text`` names. Raises ``ConfigError`` for what names none; ``where`` goes into it."""
    found = _WRITTEN.fullmatch(text.strip())
    if found is None:
        raise ConfigError(f"{text!r} names no workflow", where=where, next_step=f"Write {FORM}, or manual:NAME.")
    return WorkflowAddress(found["repository"], found["file"], found["ref"])
