"""What a registry and an app get: one file that does nothing when it is loaded, its types, and no dependency."""

from __future__ import annotations

import gzip
import json
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.support import typescript

MOST_BYTES = {"logIntegrationEvent": 18_435, "createClientLog": 7_645, "fingerprint": 1_935, "writer alone": 5_920}
"""Minified and packed, as reached, by what an app imports; ``typescript/README.md`` has where they go. They are
lowered, never raised. "writer alone" is without what masks. (esbuild, whose figures that page has, leaves out more than
Bun.)"""
SCRIPTS = Path(__file__).parent / "scripts"


@pytest.fixture(scope="module")
def described() -> dict[str, Any]:
    found: dict[str, Any] = json.loads((typescript.PACKAGE / "package.json").read_text())
    return found


def test_it_depends_on_nothing_and_its_tools_are_pinned(described: dict[str, Any]) -> None:
    assert not {"dependencies", "peerDependencies", "optionalDependencies", "publishConfig"} & described.keys()
    assert all(re.fullmatch(r"\d+\.\d+\.\d+", version) for version in described["devDependencies"].values())


def test_it_imports_nothing() -> None:
    source = (typescript.PACKAGE / "integration-log.ts").read_text(encoding="utf-8")
    assert not re.search(r"^\s*(?:import|export .* from)\b|\bimport\(|\brequire\(", source, re.MULTILINE)


def test_what_is_published_is_the_file_as_javascript_and_its_types(described: dict[str, Any], tmp_path: Path) -> None:
    typescript.compile_to(tmp_path, "tsconfig.json")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["integration-log.d.ts", "integration-log.js"]
    published = set(described["files"])
    entry = described["exports"]["."]
    assert {path.removeprefix("./") for path in entry.values()} <= published
    for name in published - {path.removeprefix("./") for path in entry.values()}:
        assert (typescript.PACKAGE / name).exists(), name


def test_right_calls_compile_and_wrong_ones_do_not(tmp_path: Path) -> None:
    assert typescript.compile_to(tmp_path, "tsconfig.test.json", "--noEmit") == ""


@pytest.mark.parametrize("runtime", typescript.RUNTIMES)
def test_loading_it_does_nothing(built: typescript.Built, runtime: str) -> None:
    said = typescript.execute(runtime, SCRIPTS / "import.mjs", built.file(runtime).as_uri())
    assert json.loads(said) == {
        "done": [],
        "globals": 0,
        "exports": [
            "AllowList",
            "Scrubber",
            "configureIntegrationLog",
            "createClientLog",
            "createIntegrationLog",
            "fingerprint",
            "flush",
            "logIntegrationEvent",
            "withIntegrationLog",
        ],
    }


def test_an_engine_that_cannot_mask_sends_nothing(built: typescript.Built) -> None:
    said = json.loads(typescript.execute("node", SCRIPTS / "old_engine.mjs", built.file("node").as_uri()))
    assert (said["delivered"], said["lost"]) == (False, {"the writer failed": 1})
    assert said["calls"] <= 1  # the row that says so
    assert said["client"] is True  # it masks without


def test_an_engine_without_look_behind_can_read_the_file(tmp_path: Path) -> None:
    """A literal with one would be an error of syntax there, and with it the whole of an app's bundle."""
    typescript.compile_to(tmp_path, "tsconfig.json")
    lines = (tmp_path / "integration-log.js").read_text(encoding="utf-8").splitlines()
    assert [line for line in lines if re.search(r"\(\?<[!=]", line) and "`" not in line] == []


@pytest.mark.parametrize("look", [["fmt", "--check", "--line-width", "120"], ["lint"]], ids=["format", "lint"])
def test_it_is_written_as_its_formatter_and_linter_have_it(look: list[str]) -> None:
    files = ["integration-log.ts", "types.test.ts", "integration-log.test.ts"]
    asked = files if look[0] == "fmt" else files[:1]
    command = [typescript.program("deno"), *look, "--no-config", *asked]
    done = subprocess.run(command, cwd=typescript.PACKAGE, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def packed(source: str, folder: Path) -> int:
    """Bytes of a source as bundlers and servers hand it on."""
    (folder / "large.ts").write_text(source, encoding="utf-8")
    command = [typescript.program("bun"), "build", str(folder / "large.ts"), "--minify"]
    subprocess.run([*command, "--outfile", str(folder / "small.js")], check=True, capture_output=True, timeout=60)
    return len(gzip.compress((folder / "small.js").read_bytes(), 9))


def alone(source: str) -> str:
    """The writer with a scrubber that masks nothing, and without fingerprints."""
    start, end = source.index("/** Secrets of which too few"), source.index("const utf8 =")
    rest = source[:start] + source[end:]
    unused = rest[rest.index("function hmac(") : rest.index("// Below: what keeps")]
    nothing = "text(t: any) { return t; } identifier(t: any) { return t; } json(v: any) { return v; }"
    stub = f"class Scrubber {{ constructor(_: any) {{}} {nothing} }}\nconst secretsOf = (_: any) => [];\n"
    stub += "const AllowList = Scrubber;\n"
    return rest.replace(unused, "").split("// Regular expressions, written as Python")[0] + stub


def test_it_is_small_and_grows_no_more(tmp_path: Path) -> None:
    source = (typescript.PACKAGE / "integration-log.ts").read_text(encoding="utf-8")
    found = {"writer alone": packed(alone(source), tmp_path)}
    (tmp_path / "integration-log.ts").write_text(source, encoding="utf-8")
    for name in MOST_BYTES.keys() - found.keys():
        using = f'import {{ {name} }} from "./integration-log.ts";\nconsole.log({name});\n'
        found[name] = packed(using, tmp_path)
    assert all(found[part] <= most for part, most in MOST_BYTES.items()), found
