"""``releaseguard doctor``: everything that this configuration stands on, each problem with its fix."""

from __future__ import annotations

from pathlib import Path

import click

from releaseguard.cli.shared.documents import deliver, output_option, rendered
from releaseguard.cli.shared.options import Run, command, environment_option
from releaseguard.errors import ExitCode
from releaseguard.report.formats import DIAGNOSIS


@command("doctor", example="releaseguard doctor --environment staging")
@environment_option
@click.option("--provider", metavar="P", help="Only what this provider's secrets and destinations need.")
@output_option
def doctor(run: Run, environment: str | None, provider: str | None, output: Path | None) -> ExitCode:
    """Check every credential, permission, host, clock, table and card; each problem comes with its fix.

    Only the configured services are asked, and only by reading: no provider is called, no test user is signed in,
    nothing is written anywhere. What can be known by writing alone (whether a token may write) is said to be so. A
    service that does not answer fails its own checks, those that rest on it are skipped, and all others are made.

    Exit code 0 where nothing is wrong (warnings and skipped checks included), 1 where a problem was found, whatever
    its kind: a service that is down and a host that SAFE MODE refuses are what was looked for, and not 5 or 4. 2 where
    the configuration file cannot be read or the flags do not fit, 4 in a run of GitHub Actions that may use no
    credential (a pull request's, another branch's): nothing is asked then. With -q only problems are printed.

    JSON: {"ok", "checks": [{"id", "group", "status", "what", "where", "fix"}]}; status is ok, warn, fail or skipped,
    group is configuration, cards, hosts, credentials, a service by its section's name, events, app or clock.
    """
    from releaseguard import wiring
    from releaseguard.doctor.document import document_of
    from releaseguard.doctor.run import examine

    settings = run.settings(environment)
    if environment is not None:
        settings.refuse_undeclared()
    context = wiring.open_doctor(settings, run.environ, provider, run.clocks)
    if run.on_terminal:
        run.tell("Asking the configured services ...")
    with context:
        diagnosis = examine(context)
    text = rendered(run, DIAGNOSIS, document_of(diagnosis, run.safe), None)
    if text or output is not None:
        deliver(run, text, output, None, None)
    return context.run_refusal.exit_code if context.run_refusal else ExitCode.OK if diagnosis.ok else ExitCode.BAD
