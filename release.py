"""Builds what is published: both distributions, and a list of what the tool is installed with (an SBOM).

Nothing is published from here; `.github/workflows/publish.yml` does that.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent
DISTRIBUTIONS = {ROOT / "writer": "src/releaseguard_events/__init__.py", ROOT: "src/releaseguard/__init__.py"}
"""Where each distribution is, and the file that holds its version."""
TAKEN = frozenset({"releaseguard", "releaseguard-cli"})
"""Names on the package index that belong to others: what is published under one would be somebody else's."""
_PIN = re.compile(r"^(?P<name>[A-Za-z0-9._-]+)(?:\[[^\]]*\])?==(?P<version>[^ ;\\]+)")
_HASH = re.compile(r"--hash=sha256:(?P<digest>[0-9a-f]{64})")


def main(arguments: Sequence[str]) -> int:
    """Build everything into ``dist``; with ``--tag vX.Y.Z`` only where that is the version. Returns an exit code."""
    tag = arguments[1] if len(arguments) == 2 and arguments[0] == "--tag" else None
    if arguments and tag is None:
        print("usage: run.py build [--tag vX.Y.Z]", file=sys.stderr)
        return 2
    if problem := problem_with(tag):
        print(f"Not built: {problem}.", file=sys.stderr)
        return 2
    for folder in DISTRIBUTIONS:
        command = [sys.executable, "-m", "hatchling", "build", "-d", str(ROOT / "dist")]
        subprocess.run(command, cwd=folder, check=True)
    (ROOT / "build").mkdir(exist_ok=True)
    document = sbom((ROOT / "requirements.txt").read_text(encoding="utf-8"), version_of(ROOT))
    (ROOT / "build" / "sbom.cdx.json").write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")
    return 0


def problem_with(tag: str | None) -> str | None:
    """Why nothing may be published under that tag; ``None`` where it may."""
    for folder in DISTRIBUTIONS:
        if (name := name_of(folder)) in TAKEN:
            return f"the name {name} belongs to another project"
        if tag is not None and tag != f"v{version_of(folder)}":
            return f"the tag is {tag}, and {name} is of version {version_of(folder)}"
    return None


def name_of(folder: Path) -> str:
    """What a distribution is called."""
    return str(tomllib.loads((folder / "pyproject.toml").read_text(encoding="utf-8"))["project"]["name"])


def version_of(folder: Path) -> str:
    """The version in a distribution's own code."""
    text = (folder / DISTRIBUTIONS[folder]).read_text(encoding="utf-8")
    found = re.search(r'^__version__(?:: \w+)? = "([^"]+)"', text, re.MULTILINE)
    if found is None:
        raise SystemExit(f"{folder}: there is no __version__ in {DISTRIBUTIONS[folder]}")
    return found[1]


def sbom(pins: str, version: str) -> Mapping[str, Any]:
    """What the pins install, as CycloneDX 1.6 (https://cyclonedx.org/docs/1.6/json/)."""
    name = name_of(ROOT)
    return {
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "metadata": {"component": {"type": "application", "name": name, "version": version}},
        "components": list(_components(pins)),
    }


def _components(pins: str) -> Iterator[Mapping[str, Any]]:
    for block in re.split(r"\n(?=[A-Za-z0-9])", pins):
        if found := _PIN.match(block):
            name, version = found["name"].lower(), found["version"]
            digests = [{"alg": "SHA-256", "content": one} for one in _HASH.findall(block)]
            purl = f"pkg:pypi/{name}@{version}"
            yield {"type": "library", "name": name, "version": version, "purl": purl, "hashes": digests}
