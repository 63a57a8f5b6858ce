"""Both writers, and the tool, make the same of a value."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from releaseguard_events.scrub.fingerprints import LOW_IN_ENTROPY, fingerprint_of
from tests.support import typescript

VALUES = [
    "SG.Zx81Qw7nR5tYb2Lk9VmP3d.canary0123456789",
    "ğüşöç-abcdefghijklmnop",
    "p" * 70 + "qrstuvwxyz12345",
    "too-short",
    "0" * 40,
]
SALTS = ["project", "tuz-ğ", "s" * 100]


@pytest.mark.parametrize("runtime", ["bun", "deno"])
def test_the_same_value_has_the_same_fingerprint_everywhere(runtime: str, tmp_path: Path) -> None:
    asked = [[value, salt] for value in VALUES for salt in SALTS]
    script = tmp_path / "say.ts"
    script.write_text(
        f'import {{ fingerprint }} from "{typescript.PACKAGE / "integration-log.ts"}";\n'
        f"const asked: [string, string][] = {json.dumps(asked)};\n"
        "const said = asked.map(([K, RELEASEGUARD_SALT]) => fingerprint('K', { environ: { K, RELEASEGUARD_SALT } }) "
        "?? null);\n"
        f"const low = {json.dumps(sorted(LOW_IN_ENTROPY))}.map((name) => fingerprint(name, {{ environ: {{ [name]: "
        "'abcdefghijklmnopqrst' } }) ?? null);\n"
        "console.log(JSON.stringify([said, low]));\n"
    )
    done = subprocess.run(
        [typescript.program(runtime), "run", str(script)], capture_output=True, text=True, timeout=60, check=True
    )
    said, low = json.loads(done.stdout)
    assert said == [fingerprint_of(value, salt) for value, salt in asked]
    assert set(low) == {None}
