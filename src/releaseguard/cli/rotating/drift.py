"""``releaseguard drift``: is every managed secret where it should be, as the vault has it?"""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from releaseguard.cli.rotating.found import show_found
from releaseguard.cli.shared.documents import format_option, output_option
from releaseguard.cli.shared.options import Run, command, environment_option
from releaseguard.errors import ExitCode
from releaseguard.report.formats import FINDINGS

if TYPE_CHECKING:
    from pathlib import Path


@command("drift", example="releaseguard drift --provider sendgrid")
@environment_option
@click.option("--provider", metavar="P", help="Only this provider.")
@click.option("--copies/--no-copies", default=True, help="Whether to look for unmanaged copies elsewhere.")
@format_option(FINDINGS)
@output_option
def drift(
    run: Run, environment: str | None, provider: str | None, copies: bool, format_: str | None, output: Path | None
) -> ExitCode:
    """Compare every managed secret at every destination with the vault.

    In step, behind, missing, changed by someone else, shadowed by a narrower scope, readable where it should not
    be, or an unmanaged copy. Places that could not be searched for copies are named. Exit code 1 where anything
    drifted, a leak is still open, a key is still in use that was confirmed to be revoked, or a history is broken.
    """
    from dataclasses import replace

    from releaseguard.rotation.drift.compare import DRIFTED
    from releaseguard.rotation.drift.copies import UnsearchedPlace
    from releaseguard.rotation.drift.page import page_of
    from releaseguard.rotation.drift.survey import survey

    with run.wiring(environment) as wiring:
        if provider:
            wiring.cards.get(provider)
        found = survey(wiring.bindings.managed(provider), wiring.bindings.vault, wiring.stores.log, copies=copies)
        others = wiring.bindings.writers_everywhere(provider)
        unread = [*found.unread, *(UnsearchedPlace("its workflows", place) for place in others.unread)]
        found = replace(found, other_writers=others.writers, unread=unread)
        here = wiring.settings.environment
        wiring.notices.tell_leaks()
    show_found(run, page_of(found, here), format_, output)
    drifted = [finding for finding in found.findings if finding.status in DRIFTED]
    return ExitCode.BAD if drifted or found.leaks or found.still_used or found.broken else ExitCode.OK
