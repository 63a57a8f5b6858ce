"""``releaseguard drift``: is every managed secret where it should be, as the vault has it?"""

from __future__ import annotations

import click

from releaseguard.cli.shared.options import Run, command, environment_option
from releaseguard.errors import ExitCode


@command("drift", example="releaseguard drift --provider sendgrid")
@environment_option
@click.option("--provider", metavar="P", help="Only this provider.")
@click.option("--copies/--no-copies", default=True, help="Whether to look for unmanaged copies elsewhere.")
def drift(run: Run, environment: str | None, provider: str | None, copies: bool) -> ExitCode:
    """Compare every managed secret at every destination with Infisical.

    In step, behind, missing, changed by someone else, shadowed by a narrower scope, readable where it should not
    be, or an unmanaged copy. Places that could not be searched for copies are named. Exit code 1 where anything
    drifted, a leak is still open, a key is still in use that was confirmed to be revoked, or a history is broken.
    """
    from dataclasses import replace

    from releaseguard.cli.shared.job import summarize
    from releaseguard.report.layout.markdown import fenced
    from releaseguard.rotation.drift.compare import DRIFTED
    from releaseguard.rotation.drift.survey import survey
    from releaseguard.rotation.drift.telling import document_of, text_of

    with run.wiring(environment) as wiring:
        if provider:
            wiring.cards.get(provider)
        found = survey(wiring.bindings.managed(provider), wiring.bindings.vault, wiring.stores.log, copies=copies)
        found = replace(found, other_writers=wiring.bindings.other_writers(provider))
        here = wiring.settings.environment
    text = text_of(found, here)
    run.emit(text, document_of(found))
    summarize(run.environ, run.safe(fenced(text)), run.tell)
    drifted = [finding for finding in found.findings if finding.status in DRIFTED]
    return ExitCode.BAD if drifted or found.leaks or found.still_used or found.broken else ExitCode.OK
