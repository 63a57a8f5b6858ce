"""What ``docs/writing-events.md`` shows in TypeScript compiles against the writer."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from tests.support import typescript

DOCUMENT = Path(__file__).parents[2] / "docs" / "writing-events.md"
SURROUNDINGS = """
declare module "react-native";
declare module "@/lib/supabase";
declare const Deno: { env: { get(name: string): string }; serve(answer: (asked: Request) => Promise<Response>): void };
declare const process: { env: Record<string, string> };
"""
"""What an app has around the writer."""


def examples() -> list[str]:
    return re.findall(r"^```ts\n(.*?)^```$", DOCUMENT.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)


def test_every_example_compiles(tmp_path: Path) -> None:
    assert len(examples()) == 5
    (tmp_path / "surroundings.d.ts").write_text(SURROUNDINGS)
    for number, example in enumerate(examples()):
        written = re.sub(r'"(?:releaseguard-events|\.{1,2}/(?:_shared/)?integration-log\.ts)"', '"writer"', example)
        (tmp_path / f"example{number}.ts").write_text(written)
    project = {
        "extends": str(typescript.PACKAGE / "tsconfig.json"),
        "compilerOptions": {
            "noEmit": True,
            "module": "esnext",
            "moduleResolution": "bundler",
            "noPropertyAccessFromIndexSignature": False,
            "noUnusedLocals": False,
            "rootDir": "/",
            "paths": {"writer": [str(typescript.PACKAGE / "integration-log.ts")]},
        },
        "files": ["surroundings.d.ts", *(f"example{number}.ts" for number in range(len(examples())))],
    }
    (tmp_path / "tsconfig.json").write_text(json.dumps(project))
    typescript.compile_to(tmp_path / "out", str(tmp_path / "tsconfig.json"))


@pytest.mark.parametrize("name", ["onLost", "waitUntil", "anonKey", "accessToken", "release"])
def test_an_option_that_is_named_there_is_one(name: str) -> None:
    assert f"  {name}?:" in (typescript.PACKAGE / "integration-log.ts").read_text(encoding="utf-8")
