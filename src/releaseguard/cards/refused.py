"""Which of an app's error codes say that a credential was refused, however the app spells them. Pure."""

from __future__ import annotations

import re
from collections.abc import Collection

_WORDS = re.compile(
    r"(?:un-?|not)(?:authori[sz]ed|authenticated)|invalidclient|jwt(?:is)?(?:invalid|expired)"
    r"|(?:invalid|bad|wrong|incorrect|expired|revoked|disabled)x?(?:api|access)?(?:key|token|jwt|credentials?|auth\w*)"
    r"|(?:api)?(?:key|token|credentials?)(?:is|are)?(?:invalid|notvalid|expired|revoked|disabled)"
    r"|(?:apikey|credentials?)(?:is|are)?missing|missing(?:apikey|credentials?)"
    r"|auth(?:entication|orization)?(?:failed|failure|error|required)"
)
_GLUED = re.compile(r"(?<![a-z0-9])[a-z]+([0-9]+)(?![a-z0-9])")
"""A number at the end of a word: ``E401``, ``http401``; one inside of a word is of an id."""
_FORBIDDEN = re.compile(r"forbidden|permissiondenied|accessdenied")
"""The names of 403."""


def is_refusal(code: str | None, codes: Collection[str]) -> bool:
    """Whether ``code`` is one of ``codes``, which a card lists as refusing a credential: by itself or in a text (``HTTP
    401``, ``status_401``, ``E401``), in any letter case, or by the names of 401 and 403."""
    if not code:
        return False
    folded = code.strip().casefold()
    known = {one.casefold() for one in codes}
    if folded in known or known & {*re.split(r"[^a-z0-9]+", folded), *_GLUED.findall(folded)}:
        return True
    bare = re.sub(r"[^a-z0-9]", "", folded)
    return any(
        says.search(bare) is not None for says, number in ((_WORDS, "401"), (_FORBIDDEN, "403")) if number in known
    )
