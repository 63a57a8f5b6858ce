"""Looks for secrets where none may be: in output, files, databases, and what the machine shows of a process."""

from __future__ import annotations

import base64
import json
import re
import signal
import subprocess
import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from urllib.parse import quote

from releaseguard.sandbox.world import World
from tests.support.commands import Commands, Done, ended

PIECE = 8
"""So many characters of a value in a row are found, in whichever form."""
GRAM, STRIDE = 4, PIECE - 3
"""Of the places at which four characters of a piece stand, one is a multiple of five: only those are looked at."""
HEX_PIECE = 12
"""For values of hexadecimal digits only: eight of them stand in other hashes by chance."""


class Canaries:
    """The values to look for, cut into pieces of every form they could take."""

    def __init__(self, values: Iterable[str]) -> None:
        self._pieces: dict[int, dict[str, str]] = {}
        for value in {value for value in values if len(value) >= PIECE}:
            for name, size, text in _forms(value):
                sized = self._pieces.setdefault(size, {})
                for start in range(len(text) - size + 1):
                    sized.setdefault(text[start : start + size], f"{value[:3]}... as {name}")
        self._grams = {
            piece[start : start + GRAM] for sized in self._pieces.values() for piece in sized for start in range(STRIDE)
        }

    def found_in(self, text: str | bytes) -> set[str]:
        """Which values show in ``text``, and how."""
        shown = text.decode("utf-8", "replace") if isinstance(text, bytes) else text
        grams = self._grams
        near = [at for at in range(0, len(shown), STRIDE) if shown[at : at + GRAM] in grams]
        return {
            pieces[shown[start : start + size]]
            for at in near
            for size, pieces in self._pieces.items()
            for start in range(max(0, at - size + GRAM), at + 1)
            if shown[start : start + size] in pieces
        }

    def found_below(self, folder: Path) -> dict[str, set[str]]:
        """Which values show in which file, names of files included."""
        searched = {str(path): path for path in folder.rglob("*")}
        seen = {name: self.found_in(name) for name in searched}
        for name, path in searched.items():
            if path.is_file():
                seen[name] |= self.found_in(path.read_bytes())
        return {name: found for name, found in seen.items() if found}


def _forms(value: str) -> Iterator[tuple[str, int, str]]:
    """Name, size of a telling piece, and text of each form. An address's scheme is nobody's secret."""
    value = value.removeprefix("https://")
    raw = value.encode()
    size = HEX_PIECE if re.fullmatch(r"(\w{2,4}_)?[0-9a-f]+", value) else PIECE
    yield "itself", size, value
    yield "URL", size, quote(value, safe="")
    yield "JSON", size, json.dumps(value)[1:-1]
    yield "hex", 2 * PIECE, raw.hex()
    yield "HEX", 2 * PIECE, raw.hex().upper()
    for skipped in range(3):  # base64 looks different for each place at which a value can begin in a text
        text = base64.b64encode(raw[skipped:]).decode().rstrip("=")[:-1]
        yield "base64", PIECE + 2, text
        yield "base64url", PIECE + 2, text.replace("+", "-").replace("/", "_")


def values_of(world: World) -> list[str]:
    """All that is confidential in a world; the test user's address and the key for browsers are not."""
    public = {world.app.email, world.app.anon_key}
    return [value for value in [*world.values(), *_sessions(world), *_oidc(world)] if value not in public]


def _sessions(world: World) -> Iterator[str]:
    """What the app's sign-in gave out. Of a token its signature: the rest of it is the same for everybody."""
    for request in world.app.requests:
        body = request.answer.body if request.answer else None
        if request.path == "/auth/v1/token" and isinstance(body, dict) and "access_token" in body:
            yield body["access_token"].rpartition(".")[2]
            yield body["refresh_token"]


def _oidc(world: World) -> Iterator[str]:
    yield world.github.oidc_request_token
    yield from world.infisical.oidc_tokens


@dataclass
class Watch:
    """What ``/proc`` shows of a process and of those it starts, while the block runs."""

    process: subprocess.Popen[str]
    given: Mapping[str, str]
    """The variables that carry the credentials we gave: only what is added to them counts."""
    seen: set[str] = field(default_factory=set)
    looks: int = 0
    _done: threading.Event = field(default_factory=threading.Event)

    def __enter__(self) -> Watch:
        self._thread = threading.Thread(target=self._look_on, name="watch")
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._done.set()
        self._thread.join()

    def _look_on(self) -> None:
        while not self._done.wait(0.01):
            for pid in _tree(self.process.pid):
                self._look(Path("/proc") / str(pid))

    def _look(self, place: Path) -> None:
        try:
            self.seen.add((place / "cmdline").read_bytes().decode("utf-8", "replace"))
            variables = (place / "environ").read_bytes().decode("utf-8", "replace").split("\0")
        except OSError:  # it has ended
            return
        self.looks += 1
        self.seen |= {one for one in variables if self.given.get(one.partition("=")[0]) != one.partition("=")[2]}


def _tree(pid: int) -> Iterator[int]:
    yield pid
    try:
        children = [child for task in Path(f"/proc/{pid}/task").iterdir() for child in _children(task)]
    except OSError:
        return
    for child in children:
        yield from _tree(child)


def _children(task: Path) -> list[int]:
    try:
        return [int(word) for word in (task / "children").read_text().split()]
    except OSError:
        return []


@dataclass
class Observed:
    """Runs commands and keeps all that they showed."""

    cli: Commands
    shown: dict[str, str] = field(default_factory=dict)

    def run(self, *arguments: str, stdin: str = "", **more: str) -> Done:
        """In this process. Those of its own show what the machine shows of one: SAFE MODE lets none start another."""
        return self._keep(arguments, self.cli.run(*arguments, stdin=stdin, **more))

    def run_process(self, *arguments: str, stdin: str = "", **more: str) -> Done:
        """In a process of its own, with what the machine shows of it."""
        process = self.cli.start(*arguments, **more)
        with Watch(process, self.cli.environ) as watch:
            out, err = process.communicate(stdin, timeout=120)
        return self._keep(arguments, Done(process.returncode, out, err), watch)

    def run_until(self, shown: str, *arguments: str, **more: str) -> Done:
        """Run until ``shown`` stands in a line of stdout, then interrupt as Ctrl-C does."""
        process = self.cli.start(*arguments, **more)
        assert process.stdout is not None
        lines = []
        with Watch(process, self.cli.environ) as watch:
            for line in process.stdout:
                lines.append(line)
                if shown in line:
                    process.send_signal(signal.SIGINT)
                    break
            done = ended(process)
        return self._keep(arguments, replace(done, out="".join(lines) + done.out), watch)

    def _keep(self, arguments: Sequence[str], done: Done, watch: Watch | None = None) -> Done:
        name = f"{len(self.shown)} {' '.join(arguments)}"
        self.shown[name] = done.everything
        if watch is not None:
            assert watch.looks, "nobody looked at /proc"
            self.shown[f"{name}: /proc"] = "\n".join(watch.seen)
        return done

    def leaks(self, canaries: Canaries) -> dict[str, set[str]]:
        """Whatever showed a value: output, ``/proc``, files below the folder."""
        said = {name: canaries.found_in(text) for name, text in self.shown.items()}
        return {name: found for name, found in said.items() if found} | canaries.found_below(self.cli.folder)


def assert_unseen(observed: Observed, world: World, *more: str) -> None:
    assert observed.leaks(Canaries([*values_of(world), *more])) == {}


def git(folder: Path, *arguments: str) -> None:
    who = {"GIT_AUTHOR_NAME": "t", "GIT_AUTHOR_EMAIL": "t@t", "GIT_COMMITTER_NAME": "t", "GIT_COMMITTER_EMAIL": "t@t"}
    environ = {**who, "HOME": str(folder), "PATH": "/usr/bin:/bin:/usr/local/bin", "GIT_CONFIG_NOSYSTEM": "1"}
    subprocess.run(["git", *arguments], cwd=folder, env=environ, check=True, capture_output=True)


def repository_with(folder: Path, value: str) -> Path:
    """A repository in whose history a value stands, in plain and in base64."""
    folder.mkdir()
    git(folder, "init", "-q")
    (folder / ".env").write_text(f"KEY={value}\nKEY64={base64.b64encode(value.encode()).decode()}\n")
    git(folder, "add", ".")
    git(folder, "commit", "-q", "-m", "oops")
    (folder / ".env").write_text("")
    git(folder, "commit", "-q", "-a", "-m", "gone")
    return folder


BUG = """
from releaseguard.http.transport import Transport
send = Transport.answer_to
def failing(self, request):
    if request.method in {"PUT", "PATCH"}:
        kept = (dict(request.headers), request.content)
        raise RuntimeError(f"a bug of ours: {kept}")
    return send(self, request)
Transport.answer_to = failing
"""
"""A ``sitecustomize`` in which a request that writes ends in an exception that holds all of it."""
