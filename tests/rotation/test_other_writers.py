"""Workflows of the app that write the same secrets are found, and nothing else is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pytest

from releaseguard.rotation.identity.other_writers import Signs, other_writers
from releaseguard.services import SERVICES

SIGNS = Signs(
    [service.written_by for service in SERVICES if service.written_by],
    [service.brought_by for service in SERVICES if service.brought_by],
)
NAMES = ("SENDGRID_API_KEY", "TWILIO_AUTH_TOKEN")
FOUND: Mapping[str, tuple[str, Sequence[tuple[int, str, Sequence[str]]]]] = {
    "supabase, over several lines": (
        'steps:\n  - run: |\n      supabase secrets set \\\n        SENDGRID_API_KEY="$A" \\\n        OTHER=1\n',
        [(3, "supabase secrets set", ["SENDGRID_API_KEY"])],
    ),
    "supabase, from a file": ("- run: supabase secrets set --env-file .env\n", [(1, "supabase secrets set", [])]),
    "gh": ("- run: gh secret set TWILIO_AUTH_TOKEN --body x\n", [(1, "gh secret set", ["TWILIO_AUTH_TOKEN"])]),
    "vercel": (
        "- run: echo $A | vercel env add SENDGRID_API_KEY production\n",
        [(1, "vercel env add", ["SENDGRID_API_KEY"])],
    ),
    "the action that brings the values": (
        "- uses: Infisical/secrets-action@v1\n- run: supabase secrets set SENDGRID_API_KEY=$SENDGRID_API_KEY\n",
        [(1, "Infisical/secrets-action", []), (2, "supabase secrets set", ["SENDGRID_API_KEY"])],
    ),
    "the action alone reads": ("- uses: Infisical/secrets-action@v1\n", []),
    "another name": ("- run: gh secret set SENDGRID_API_KEY_OLD --body x\n", []),
    "a comment": ("# supabase secrets set SENDGRID_API_KEY=x\n", []),
    "a name alone": ("env:\n  SENDGRID_API_KEY: ${{ secrets.SENDGRID_API_KEY }}\n", []),
}


@pytest.mark.parametrize("name", FOUND)
def test_what_writes_the_same_names(name: str) -> None:
    text, expected = FOUND[name]
    found = other_writers({".github/workflows/deploy.yml": text}, NAMES, SIGNS)
    assert [(one.line, one.command, list(one.names)) for one in found] == [(a, b, list(c)) for a, b, c in expected]
    assert all(".github/workflows/deploy.yml:" in str(one) for one in found)
