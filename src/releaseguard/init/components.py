"""The parts of an app that are deployed each for itself, and the workflows that deploy them, as folders show them."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import msgspec

from releaseguard.ci.job import WORKFLOWS
from releaseguard.init.parts import RemoteLog, ServiceParts
from releaseguard.onboarding.folder import first_files, read
from releaseguard.onboarding.part import FUNCTIONS, WEB

MOST_SOURCES: Final = 200
WIDEST: Final = 100
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
_PAGES = ("next", "nuxt", "@sveltejs/kit", "@remix-run/react", "astro", "vite", "react-scripts")
_PHONE = ("expo", "react-native")
CLIENT: Final = "client"
_STORES = re.compile(r"\beas\s+(?:build|submit|update)\b")
"""How a workflow looks that brings an app to phones."""


@dataclass(frozen=True, slots=True)
class AppPart:
    """One part: its name under ``[components]``, its sources, and the workflows that deploy it."""

    name: str
    kind: str
    """``functions``, ``web``, ``client`` or ``service``."""
    sources: Sequence[str]
    workflows: Sequence[str] = ()
    """Paths from the top of the repository."""


@dataclass(frozen=True, slots=True)
class Marking:
    """The step that marks the deployments of a part, and the workflows that it goes into."""

    name: str
    workflows: Sequence[str]
    step: str


class _Package(msgspec.Struct, frozen=True):
    """What a ``package.json`` says of how its folder is run."""

    dependencies: Mapping[str, str] = {}
    devDependencies: Mapping[str, str] = {}  # noqa: N815 - npm's word
    scripts: Mapping[str, str] = {}

    def needs(self, names: Sequence[str]) -> bool:
        return any(name in self.dependencies or name in self.devDependencies for name in names)


def parts_of(root: Path, known: ServiceParts) -> Sequence[AppPart]:
    """The parts that the folders tell of; fewer than two are one app, and nothing is to be said."""
    workflows = dict(_workflows(root, known))
    found = [*_functions(root, known.functions), *_packages(root)]
    if len(found) < 2 or len({name for part in found for name in part.sources}) != sum(len(p.sources) for p in found):
        return ()
    return [
        AppPart(one.name, one.kind, one.sources, [name for name, kinds in workflows.items() if one.kind in kinds])
        for one in found
    ]


def section(parts: Sequence[AppPart]) -> str:
    """``[components]`` of a first configuration; phones are one without being named."""
    lines = [f"{one.name} = {_listed(one.sources)}\n" for one in parts if one.kind != CLIENT]
    return f"[components]\n{''.join(lines)}" if lines else ""


EXAMPLE: Final = """\
# [components]
# web = ["web"]
# functions = ["sendgrid-email", "twilio-sms"]
"""
"""What a first configuration shows where nothing is known."""


def _listed(names: Sequence[str]) -> str:
    short = json.dumps(list(names))
    return short if len(short) <= WIDEST else "".join(("[\n", *(f"  {json.dumps(one)},\n" for one in names), "]"))


def markings_of(parts: Sequence[AppPart], events_url: str, log: RemoteLog) -> Sequence[Marking]:
    """For each part how its deployments are marked in the log at ``events_url``."""
    return [Marking(one.name, list(one.workflows), step_for(one, events_url, log)) for one in parts]


def step_for(part: AppPart, events_url: str, log: RemoteLog) -> str:
    """What goes after the step that deploys ``part``, as the workflow of another repository writes it."""
    by_rest = events_url.startswith("https://")
    name = log.credential if by_rest else "RELEASEGUARD_EVENTS_URL"
    needs = (*([f"{log.address}: {events_url}"] if by_rest else ()), f"{name}: ${{{{ secrets.{name} }}}}")
    return (
        f"      - name: Tell the event log that {part.name} is deployed\n"
        "        uses: OWNER/REPO@COMMIT\n"
        "        with:\n"
        f"          command: events deployed --component {part.name} --release ${{{{ github.sha }}}}\n"
        "        env:\n" + "".join(f"          {one}\n" for one in needs)
    )


def _functions(root: Path, places: Sequence[str]) -> Iterator[AppPart]:
    folders = [one for place in places for one in _folders(root / place)]
    names = [one.name for one in folders if _NAME.fullmatch(one.name) and any(one.glob("index.*s*"))]
    if names:
        yield AppPart(FUNCTIONS, FUNCTIONS, names[:MOST_SOURCES])


def _packages(root: Path) -> Iterator[AppPart]:
    """Each folder below ``apps`` and ``services``, by what its ``package.json`` stands on."""
    for above, usual in (("apps", WEB), ("services", "service")):
        for folder in _folders(root / above):
            package = _package(folder / "package.json")
            if not _NAME.fullmatch(folder.name) or folder.name == FUNCTIONS:
                continue
            if package.needs(_PHONE):
                yield AppPart(CLIENT, CLIENT, (CLIENT,))
            elif package.needs(_PAGES):
                yield AppPart(folder.name, WEB, (folder.name,))
            elif usual == "service" and "start" in package.scripts:
                yield AppPart(folder.name, "service", (folder.name,))


def _workflows(root: Path, known: ServiceParts) -> Iterator[tuple[str, set[str]]]:
    """Each workflow that deploys something, and the kinds of what it deploys."""
    deploys = {FUNCTIONS: known.deploys(FUNCTIONS), WEB: known.deploys(WEB), CLIENT: _STORES}
    for path, written in first_files([*(root / WORKFLOWS).glob("*.y*ml")]):
        text = "\n".join(line for line in written.splitlines() if not line.lstrip().startswith("#"))
        if kinds := {kind for kind, looks in deploys.items() if looks and looks.search(text)}:
            yield path.relative_to(root).as_posix(), kinds


def _folders(folder: Path) -> list[Path]:
    try:
        return sorted(one for one in folder.iterdir() if one.is_dir() and not one.name.startswith(("_", ".")))
    except OSError:
        return []


def _package(path: Path) -> _Package:
    try:
        return msgspec.json.decode(read(path) or "{}", type=_Package)
    except (msgspec.DecodeError, RecursionError):
        return _Package()
