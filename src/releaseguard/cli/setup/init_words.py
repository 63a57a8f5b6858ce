"""What ``init`` says it has written, and what is still to be done."""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from releaseguard.init.components import Marking


def text_of(document: Mapping[str, Any], markings: Sequence[Marking], *, workflows: bool) -> str:
    """The document of ``init`` for people; ``workflows``: whether they were written too."""
    from releaseguard.report.layout.text import wrapped

    width = shutil.get_terminal_size((100, 24)).columns
    lines = [f"wrote {path}" for path in document["written"]]
    if document["fill_in"]:
        lines += ["", *wrapped(f"Still to be filled in there: {', '.join(document['fill_in'])}.", "", width)]
    if document["variables"]:
        lines += ["", *wrapped("It asks for these variables, in the environment and never in a file:", "", width)]
        lines += [line for variable in document["variables"] for line in wrapped(f"- {variable}", "  ", width, "")]
    if workflows:
        said = (
            "The workflows take them from the repository's secrets and variables of the same names; set the variable "
            "RELEASEGUARD_REF too, to the whole commit of releaseguard that they are to run."
        )
        lines += ["", *wrapped(said, "", width)]
    lines += _parts(markings, width)
    notes = ("what is still missing", "the event log's table")
    pairs = zip(document["next"], notes, strict=False)
    return "\n".join([*lines, "", *(f"next: {step:<34} {note}" for step, note in pairs)])


def _parts(parts: Sequence[Marking], width: int) -> list[str]:
    """Which workflow has to tell of which part, with the step to paste."""
    from releaseguard.report.layout.text import wrapped

    if not parts:
        return []
    said = (
        "Its parts are deployed separately: [components]. Paste each step after the one that deploys; "
        "OWNER/REPO@COMMIT is where releaseguard is kept."
    )
    lines = ["", *wrapped(said, "", width)]
    for part in parts:
        if part.workflows:
            lines += ["", f"{', '.join(part.workflows)}:", *part.step.rstrip("\n").split("\n")]
    bare = [part.name for part in parts if not part.workflows]
    if bare:
        where = "No workflow here deploys these; where they are deployed run: releaseguard events deployed --component"
        lines += ["", *wrapped(f"{where} {'|'.join(bare)} --release COMMIT", "", width)]
    return lines


def shown_path(path: Path) -> str:
    """As it is typed from here."""
    return str(path.relative_to(Path.cwd())) if path.is_relative_to(Path.cwd()) else str(path)
