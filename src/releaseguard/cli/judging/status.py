"""``releaseguard status``: what is open now."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from releaseguard.cli.shared.documents import format_option, output_option, present
from releaseguard.cli.shared.options import Run, command, environment_option
from releaseguard.cli.shared.traces import write_trace
from releaseguard.errors import ExitCode
from releaseguard.report.formats import STATUS

if TYPE_CHECKING:
    from pathlib import Path

WINDOW = timedelta(hours=1)
"""Over which providers are looked at, as in ``health``."""


@command("status", example="releaseguard status")
@environment_option
@format_option(STATUS)
@output_option
def status(run: Run, environment: str | None, format_: str | None, output: Path | None) -> ExitCode:
    """Show what is open now, in ten lines: leaks, revoked keys that still work, failing releases, providers in
    trouble, rotations that nobody finished, and deployments of the last day without a verdict. Exit code 1 where
    something is wrong, 3 where no provider could be judged.

    JSON: {"environment", "as_of", "log": {"down", "newest"}, "judged", "open_leaks": [...], "still_used": [...],
    "rotations": [...], "failing": [{"release", "component", "deployed_at", "verdict", "judged_at", "next_step"}],
    "unjudged": [...], "troubled": [{"provider", "state", "reason", "since"}], "broken": [...]}; leaks, keys that are
    still used, rotations and broken histories as in `audit show`.
    """
    from msgspec import structs

    from releaseguard.health.run import Observer
    from releaseguard.health.status import is_bad, look
    from releaseguard.rotation.overview import old_in_use

    with run.wiring(environment) as wiring:
        observer = Observer(structs.replace(wiring.verification.health(WINDOW, None), trace=write_trace))
        overview = observer.look()
        still_used = old_in_use(wiring.stores.log, wiring.cards, overview.account)
        document = look(overview, wiring.verification.context(), wiring.settings.project.environment, still_used)
        wiring.notices.tell_health(overview)
    present(run, STATUS, document, format_, output)
    if is_bad(document):
        return ExitCode.BAD
    return ExitCode.OK if document["judged"] else ExitCode.UNDECIDED
