"""What a command leaves in a job of GitHub Actions: the summary, annotations, and outputs for later steps.

GitHub gives each step two files for these, in the variables below, and reads annotations from the printed lines (its
page "Workflow commands"). A step's summary may have 1 MiB and is dropped as a whole beyond that; of each kind, ten
annotations of a step are shown.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Literal

from msgspec import Struct

from releaseguard.ci.job import SUMMARY, is_job, is_read_later
from releaseguard.errors import ExitCode
from releaseguard.harmless import harmless
from releaseguard.messages import spoken

OUTPUT = "GITHUB_OUTPUT"
MOST_ANNOTATIONS = 10
LARGEST = 1000 * 1024
"""The most bytes of a step's summary, over all its commands: the limit, less room to say that something was cut."""
LARGEST_TEXT = 64 * 1024
"""The most bytes of printed text that stand in for a summary."""
CUT = "\n\n*The rest did not fit into the summary; the step's log or the command's `-o FILE` has all of it.*\n"
MEANING = {
    ExitCode.OK: "done",
    ExitCode.BAD: "looked, and found it bad",
    ExitCode.USAGE: "usage or configuration",
    ExitCode.UNDECIDED: "not decided",
    ExitCode.REFUSED: "refused",
    ExitCode.SERVICE: "a service refused or did not answer",
    ExitCode.BUG: "a bug",
    ExitCode.INTERRUPTED: "interrupted",
}
Tell = Callable[[str], None]


class Annotation(Struct, frozen=True, kw_only=True):
    """One line shown with a job, or with a line of code."""

    level: Literal["error", "warning"]
    title: str
    message: str
    file: str | None = None
    line: int | None = None

    def command(self) -> str:
        """The line that the runner understands."""
        place = {"file": self.file, "line": str(self.line) if self.file and self.line else None, "title": self.title}
        named = ",".join(f"{name}={_property(value)}" for name, value in place.items() if value)
        return f"::{self.level} {named}::{_data(harmless(self.message))}"


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(harmless(text)).replace(":", "%3A").replace(",", "%2C")


class Job:
    """What one command leaves in a job; outside a job, nothing. Failing to write it undoes nothing."""

    __slots__ = ("_annotated", "_summarized", "environ", "mask", "tell")

    def __init__(self, environ: Mapping[str, str], tell: Tell, mask: Callable[[str], str] = str) -> None:
        self.environ, self.tell, self.mask = environ, tell, mask
        self._summarized = False
        self._annotated = 0

    @property
    def is_one(self) -> bool:
        """Whether this runs in a job."""
        return is_read_later(self.environ)

    @property
    def has_summary(self) -> bool:
        """Whether a summary is wanted; making one may be expensive."""
        return bool(self.environ.get(SUMMARY))

    def summarize(self, markdown: str) -> None:
        """Add to the step's summary."""
        self._summarized = True
        summarize(self.environ, self.mask(markdown), self.tell)

    def put_out(self, outputs: Mapping[str, str | None]) -> None:
        """Set outputs of the step; ``None`` sets an empty one."""
        put_out(self.environ, {name: self.mask(value or "") for name, value in outputs.items()}, self.tell)

    def annotate(self, annotations: Iterable[Annotation]) -> None:
        """Show annotations; where there are too many, the last one says how many were left out."""
        if not is_job(self.environ):
            return
        for one in _fitting(list(annotations), MOST_ANNOTATIONS - self._annotated):
            self._annotated += 1
            steer(self.mask(one.command()) + "\n")

    def end(self, name: str, code: int, shown: str = "", *, head: str = "") -> None:
        """Leave what every command leaves, however it ended: a summary that is not empty, and an annotation where it
        ended badly."""
        meaning = f"{spoken.sentence(MEANING[ExitCode(code)])} ({spoken.sentence(f'exit code {int(code)}')})"
        said = f"`releaseguard {name}`: {meaning}"
        if self.has_summary and not self._summarized:
            self.summarize(f"{said}\n\n{_block(shown)}" if shown.strip() else said)
        if code and not self._annotated:
            level: Literal["error", "warning"] = "warning" if code == ExitCode.UNDECIDED else "error"
            message = head or f"{meaning}: {spoken.sentence('see the summary')}"
            self.annotate([Annotation(level=level, title=f"releaseguard {name}", message=message)])


def steer(line: str) -> None:
    """Print a line meant for the runner, past the filter that removes such lines."""
    write = getattr(sys.stderr, "control", sys.stderr.write)
    write(line)


def _fitting(found: Sequence[Annotation], room: int) -> Sequence[Annotation]:
    if len(found) <= room or room <= 0:
        return found[: max(room, 0)]
    last = found[room - 1]
    more = f"and {len(found) - room + 1} more: see the summary"
    return [*found[: room - 1], Annotation(level=last.level, title=last.title, message=more)]


def _block(shown: str) -> str:
    from releaseguard.report.layout.markdown import fenced

    text = shown.strip("\n")
    kept = text.encode()[:LARGEST_TEXT].decode(errors="ignore")
    return fenced(kept) + (CUT if len(kept) < len(text) else "")


def summarize(environ: Mapping[str, str], markdown: str, tell: Tell) -> None:
    """Add to the job's summary, where this is a job. Failing to write it undoes nothing."""
    _append(environ, SUMMARY, _sized(harmless(markdown) + "\n", LARGEST - _size(environ.get(SUMMARY))), tell)


def _sized(text: str, room: int) -> str:
    """As many whole lines of the text as fit; a block of code that is cut is closed."""
    if len(text.encode()) <= room:
        return text
    kept = text.encode()[: max(room - len(CUT.encode()) - 200, 0)].decode(errors="ignore").rpartition("\n")[0]
    fences = [line for line in kept.split("\n") if line.startswith("```")]
    closing = "\n" + fences[-1].rstrip("abcdefghijklmnopqrstuvwxyz") if len(fences) % 2 else ""
    return kept + closing + CUT


def _size(path: str | None) -> int:
    from pathlib import Path

    try:
        return Path(path).stat().st_size if path else 0
    except OSError:
        return 0


def put_out(environ: Mapping[str, str], outputs: Mapping[str, str], tell: Tell) -> None:
    """Set outputs of the step. A value must be one line, since it could set another output otherwise."""
    lines = [f"{name}={' '.join(harmless(value).split())}\n" for name, value in outputs.items()]
    _append(environ, OUTPUT, "".join(lines), tell)


def _append(environ: Mapping[str, str], variable: str, text: str, tell: Tell) -> None:
    from pathlib import Path

    path = environ.get(variable)
    if not path:
        return
    try:
        with Path(path).open("a", encoding="utf-8") as file:
            file.write(text)
    except OSError as error:
        what = {SUMMARY: "The job summary", OUTPUT: "The step's outputs"}[variable]
        tell(f"{what} could not be written to {path}: {error.strerror}.")
