"""``releaseguard doctor``: everything that this configuration stands on, each problem with its fix."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import click

from releaseguard.cli.shared.options import Run, command, environment_option, write_output
from releaseguard.cli.shared.streams import last_words
from releaseguard.errors import ExitCode
from releaseguard.report.doctor import DiagnosisRow

if TYPE_CHECKING:
    from releaseguard.doctor.values import CheckResult, Diagnosis
    from releaseguard.errors import ReleaseguardError
    from releaseguard.report.doctor import DoctorDocument


@command("doctor", example="releaseguard doctor --environment staging")
@environment_option
@click.option("--provider", metavar="P", help="Only what this provider's secrets and destinations need.")
@click.option("-o", "--output", type=click.Path(path_type=Path), metavar="FILE", help="Write it to a file.")
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
    group is configuration, cards, hosts, credentials, infisical, github, vercel, supabase, events, app or clock.
    """
    from releaseguard import wiring
    from releaseguard.doctor.run import examine

    settings = run.settings(environment)
    if environment is not None:
        settings.refuse_undeclared()
    context = wiring.open_doctor(settings, run.environ, provider)
    if run.on_terminal:
        run.tell("Asking the configured services ...")
    with context:
        diagnosis = examine(context)
    _show(run, diagnosis, output)
    return _code(diagnosis.ok, context.run_refusal)


def _code(ok: bool, refused: ReleaseguardError | None) -> ExitCode:
    if refused is not None:
        return refused.exit_code
    return ExitCode.OK if ok else ExitCode.BAD


def _show(run: Run, diagnosis: Diagnosis, output: Path | None) -> None:
    from releaseguard.harmless import as_json
    from releaseguard.report.doctor import render

    document = _document(run, diagnosis)
    width = shutil.get_terminal_size((100, 24)).columns
    text = as_json(document) if run.json else render(document, width, quiet=run.verbosity < 0)
    if output is not None:
        write_output(output, text)
    elif text:
        with last_words():
            click.echo(text)


def _document(run: Run, diagnosis: Diagnosis) -> DoctorDocument:
    """Without values before it is broken into lines, which could break one in two."""
    return {"ok": diagnosis.ok, "checks": [_row(run, one) for one in diagnosis.findings]}


def _row(run: Run, one: CheckResult) -> DiagnosisRow:
    where, fix = (run.safe(text) if text else None for text in (one.where, one.fix))
    name, what = run.safe(one.id), run.safe(one.what)
    return DiagnosisRow(id=name, group=one.group, status=one.status.value, what=what, where=where, fix=fix)
