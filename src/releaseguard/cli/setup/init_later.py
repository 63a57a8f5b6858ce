"""``releaseguard init --workflows`` where there is a configuration already: it stays, and the pipeline comes to it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from releaseguard.cli.setup.init_words import shown_path, text_of
from releaseguard.errors import ExitCode

if TYPE_CHECKING:
    from releaseguard.cli.shared.options import Run
    from releaseguard.report.answers import InitDocument
    from releaseguard.settings import Settings


def add_workflows(run: Run, config: Path) -> ExitCode:
    """Write the workflows that fit ``config``, and nothing else. Raises ``ConfigError`` for a file that cannot be read,
    ``Refused`` where a workflow is in the way."""
    from releaseguard.compose.known import configuration
    from releaseguard.compose.known.onboarding import service_parts
    from releaseguard.init import files
    from releaseguard.init.answers import repository_at
    from releaseguard.init.components import markings_of, parts_of

    settings = configuration.load(config, environment=None, environ=run.environ)
    root, known = repository_at(config.parent).top, service_parts()
    written = files.write(files.workflows(settings.environment, root, config), root)
    markings = markings_of(parts_of(root, known), _address(settings), known.log)
    document: InitDocument = {
        "written": [shown_path(path) for path in written],
        "answers": {},
        "variables": _variables(settings),
        "fill_in": [],
        "components": [{"name": one.name, "workflows": one.workflows, "step": one.step} for one in markings],
        "next": [f"releaseguard doctor{f' --config {run.config}' if run.config else ''}"],
    }
    run.tell(f"{shown_path(config)} was there already, and stays as it is.")
    run.emit(lambda: text_of(document, markings, workflows=True), document)
    return ExitCode.OK


def _address(settings: Settings) -> str:
    """The event log's address as it is written, which holds no password."""
    events: Any = settings.document.data.get("events", {})
    return str(events.get("url", settings.events.url))


def _variables(settings: Settings) -> list[str]:
    from releaseguard.compose.known.requirements import variables_asked_for

    return [*variables_asked_for(settings, _address(settings))]
