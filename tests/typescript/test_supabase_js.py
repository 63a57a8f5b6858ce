"""``withIntegrationLog`` sees what the real supabase-js hands back for a refusal, under every runtime."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from releaseguard.cards.load import load_cards
from releaseguard.cards.refused import is_refusal
from tests.support import typescript

SCRIPT = Path(__file__).parent / "scripts" / "supabase.mjs"
CLIENT = typescript.PACKAGE / "node_modules" / "@supabase" / "supabase-js" / "dist" / "index.mjs"


@pytest.mark.parametrize("runtime", typescript.RUNTIMES)
def test_a_refusal_of_supabase_is_an_error_and_a_refused_key_is_told_from_the_rest(
    built: typescript.Built, runtime: str
) -> None:
    said = typescript.execute(runtime, SCRIPT, CLIENT.as_uri(), built.file(runtime).as_uri())
    codes = load_cards().get("supabase").events.auth_error_codes
    calls = [json.loads(line) for line in said.splitlines() if line.startswith("[")]
    assert [number for _, _, number, _, _ in calls] == list(range(1, len(calls) + 1))  # one event a call
    for what, answered, _, outcome, code in calls:
        about = f"{what}, {answered}: {code}"
        assert outcome == ("success" if answered == "what was asked for" else "error"), about
        refused = answered in {"an ended session", "a key that is none"}
        if (what, answered) != ("read rows or throw", "a key that is none"):  # thrown without a status or a code
            assert is_refusal(code, codes) == refused, about
