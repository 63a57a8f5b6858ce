"""Controls of the app's data and tests, and pages that a person opens."""

from __future__ import annotations

from releaseguard.cards.spec import Control, InvariantCheck
from releaseguard.errors import ReleaseguardError
from releaseguard.incident.controls.context import ControlContext
from releaseguard.incident.sources.problems import APP_DATABASE, ServiceLabel, invariant_off, no_database, not_done
from releaseguard.incident.sources.secrets import unless_refused
from releaseguard.incident.values import ControlResult, Status
from releaseguard.messages.message import message

MOST_ROWS = 1000
"""The number up to which the app's database counts."""


def invariant(control: Control, around: ControlContext) -> ControlResult:
    """Whether the app's database contains rows that must not be there."""
    checks = (one for one in around.card.checks if isinstance(one, InvariantCheck))
    check = next(one for one in checks if one.id == control.target)
    if not check.sql:
        return invariant_off(check.id)
    if around.count_rows is None:
        return no_database(around.database_setting)
    service = ServiceLabel(APP_DATABASE.name, around.database_setting)
    try:
        rows = around.count_rows(check.sql)
    except ReleaseguardError as error:
        return not_done(unless_refused(error), service)
    command = f"releaseguard verify --check {check.id}"
    if not rows:
        return ControlResult(status=Status.OK, says=[message("invariant.holds", title=check.title)])
    key = "invariant.broken_at_least" if rows >= MOST_ROWS else "invariant.broken"
    return ControlResult(status=Status.BAD, says=[message(key, rows=rows, meaning=check.meaning)], command=command)


def coverage(control: Control, around: ControlContext) -> ControlResult:
    """Whether a test of the app names the provider, where its checkout is available."""
    provider = control.target or around.card.id
    command = "releaseguard coverage ."
    found = around.tests(provider)
    if found is None:
        return ControlResult(status=Status.PERSON, says=[message("tests.no_checkout")], command=command)
    if not found:
        return ControlResult(status=Status.UNCLEAR, says=[message("tests.none", provider=provider)], command=command)
    says = [message("tests.some", provider=provider, count=len(found))]
    return ControlResult(status=Status.OK, says=says, lines=list(found[:5]), command=command)


def page(control: Control, _around: ControlContext) -> ControlResult:
    """A page for a person to open."""
    return ControlResult(status=Status.PERSON, says=[message("control.open_page")], url=control.target)
