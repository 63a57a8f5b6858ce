"""``rotate PROVIDER --by-hand``: what a person does while services are away; nothing is asked or written."""

from __future__ import annotations

from typing import TYPE_CHECKING

from releaseguard.cli.shared.options import Run
from releaseguard.cli.shared.streams import line_width
from releaseguard.errors import ExitCode

if TYPE_CHECKING:
    from releaseguard.rotation.by_hand.steps import ByHandDocument
    from releaseguard.wiring import Wiring


def by_hand(run: Run, wiring: Wiring, provider: str, secret: str | None, environment: str | None) -> ExitCode:
    """Print the ordered list of places, names, consoles and commands. Raises ``ConfigError``."""
    from releaseguard.compose.placing.by_hand import steps_by_hand
    from releaseguard.report.layout.text import fitting
    from releaseguard.rotation.by_hand.steps import lines_of

    where = f" --environment {environment}" if environment else ""
    which = f" --secret {secret}" if secret else ""
    command = f"releaseguard rotate {provider}{where}{which}"
    language = run.lang or wiring.settings.project.language
    group, steps = steps_by_hand(wiring.bindings, wiring.cards.get(provider), secret, command, language)
    head = f"BY HAND  {provider} in {wiring.settings.environment}: {' and '.join(group.names)}"
    document: ByHandDocument = {
        "provider": provider,
        "environment": wiring.settings.environment,
        "unit": group.name,
        "steps": [step.to_json(number) for number, step in enumerate(steps, 1)],
    }
    run.emit(lambda: fitting(lines_of(steps, head), line_width()), document)
    return ExitCode.OK
