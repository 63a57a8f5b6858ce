"""``releaseguard drift``: is every managed secret where it should be, as the vault has it?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import click

from releaseguard.cli.shared.options import Run, command, environment_option
from releaseguard.errors import ExitCode
from releaseguard.model import to_text

if TYPE_CHECKING:
    from releaseguard.rotation.drift.compare import DriftFinding
    from releaseguard.rotation.drift.copies import UnsearchedPlace
    from releaseguard.rotation.drift.survey import DriftReport


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
    from releaseguard.rotation.drift.compare import DRIFTED
    from releaseguard.rotation.drift.survey import survey

    with run.wiring(environment) as wiring:
        if provider:
            wiring.cards.get(provider)
        found = survey(wiring.bindings.managed(provider), wiring.bindings.vault, wiring.stores.log, copies=copies)
        here = wiring.settings.environment
    run.emit(lambda: _text(found, here), _document(found))
    drifted = [finding for finding in found.findings if finding.status in DRIFTED]
    return ExitCode.BAD if drifted or found.leaks or found.still_used or found.broken else ExitCode.OK


def _document(found: DriftReport) -> Mapping[str, Any]:
    from releaseguard.rotation.history.account import broken_row

    leaks = [
        {
            "provider": provider,
            "rotation_id": leak.rotation_id,
            "reason": leak.leak.reason,
            "versions": dict(leak.leak.versions),
            "since": to_text(leak.since),
        }
        for provider, open_ in found.leaks.items()
        for leak in open_
    ]
    return {
        "findings": [asdict(finding) for finding in found.findings],
        "open_leaks": leaks,
        "still_used": [one.to_json() for one in found.still_used],
        "unread": [asdict(one) for one in found.unread],
        "foreign": [one.to_json() for one in found.foreign],
        "broken": [broken_row(view) for view in found.broken],
    }


def _text(found: DriftReport, environment: str) -> str:
    from releaseguard.audit.chain import ChainKey
    from releaseguard.rotation.history.account import closing

    if not found.findings:
        return "No provider has destinations in this environment: nothing is managed."
    lines = [line for finding in sorted(found.findings, key=_urgency) for line in _lines(finding)]
    for provider, open_ in found.leaks.items():
        for leak in open_:
            lines += [
                f"LEAK          {provider}, open since {to_text(leak.since)}",
                f"              {leak.leak.reason}",
                f"              next: {closing(ChainKey(provider, environment), leak)}",
            ]
    for one in found.still_used:
        lines += [
            f"STILL USED    {one.unit}",
            f"              {one.sentence()}",
            f"              next: {one.next_step}",
        ]
    lines += _distrusted(found)
    return "\n".join([*lines, *_unread(found.unread), *_next_step(found.findings)])


def _distrusted(found: DriftReport) -> Sequence[str]:
    """Histories that are broken, and rows that claim to be ours and are not."""
    from releaseguard.rotation.history.account import broken_row

    lines = []
    for row in map(broken_row, found.broken):
        lines += [f"BROKEN        the history of {row['lane']}", f"              step {row['step']} {row['problem']}"]
        lines += [f"              next: {row['next_step']}"]
    return [*lines, *(f"FOREIGN       {one.sentence()}" for one in found.foreign)]


def _unread(places: Sequence[UnsearchedPlace]) -> Sequence[str]:
    """What was not searched for copies: without this a clean result would claim too much."""
    by_place: dict[str, list[str]] = {}
    for one in places:
        by_place.setdefault(one.place, []).append(one.name)
    return [
        line
        for place, names in by_place.items()
        for line in (
            f"{'NOT SEARCHED':<13} {', '.join(names)}",
            f"              {place} could not be read: a copy, or one that shadows it, would not have been found",
        )
    ]


def _lines(finding: DriftFinding) -> Sequence[str]:
    name = finding.secret if finding.name == finding.secret else f"{finding.secret} as {finding.name}"
    status = finding.status.replace("_", " ").upper()
    return [f"{status:<13} {name}", f"              {finding.uri} {finding.reason}"]


def _urgency(finding: DriftFinding) -> tuple[bool, str, str, str]:
    from releaseguard.rotation.drift.compare import DRIFTED

    return finding.status not in DRIFTED, finding.provider, finding.secret, finding.uri


def _next_step(findings: Sequence[DriftFinding]) -> Sequence[str]:
    from releaseguard.rotation.drift.compare import PUSHABLE

    pushable = [finding for finding in findings if finding.status in PUSHABLE]
    return ["", "next: releaseguard rotate --all-drifted"] if pushable else []
