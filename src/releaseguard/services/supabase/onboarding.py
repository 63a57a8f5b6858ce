"""Supabase's part of a first configuration: the project that a folder is linked to, and the functions in it."""

from __future__ import annotations

import re
from pathlib import Path

from releaseguard.onboarding.folder import ProjectFolder, read
from releaseguard.onboarding.part import FUNCTIONS, NothingAsked, Onboarding, Recognised

_REF = re.compile(r"[a-z]{20}")
_SECTION = """\
# The management API, for edge function secrets. Credential: SUPABASE_ACCESS_TOKEN.
[supabase]
url = "https://api.supabase.com"
"""


def recognise(repository: ProjectFolder) -> Recognised[NothingAsked]:
    """The project that the ``supabase`` folder is linked to."""
    ref = _project(repository.folder / "supabase")
    return Recognised(
        destinations=[f"supabase:{ref}"] if ref else [],
        backend=f"https://{ref}.supabase.co" if ref else None,
        answers=lambda _environment: NothingAsked(),
    )


def _project(folder: Path) -> str | None:
    """Where ``supabase link`` left it; else the configuration's ``project_id``, where that is one and no mere name."""
    import tomllib

    linked = read(folder / ".temp" / "project-ref").strip()
    if _REF.fullmatch(linked):
        return linked
    try:
        named = tomllib.loads(read(folder / "config.toml")).get("project_id")
    except tomllib.TOMLDecodeError:
        return None
    return named if isinstance(named, str) and _REF.fullmatch(named) else None


ONBOARDING = Onboarding(
    answers=NothingAsked,
    recognise=recognise,
    section=lambda _answers: _SECTION,
    files=["supabase/"],
    example="supabase:abcdefghijklmnopqrst",
    runs=True,
    functions="supabase/functions",
    deploys={FUNCTIONS: r"supabase\s+(?:functions\s+deploy|db\s+push|migration\s+up)"},
)
