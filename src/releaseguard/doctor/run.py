"""Runs the examination: first what is local, then all services at the same time."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, MutableMapping, Sequence
from functools import partial

from releaseguard.doctor.looks import app, clock, configuration, credentials, event_log, hosts, services, vault
from releaseguard.doctor.values import Check, CheckResult, Diagnosis, DoctorContext, Group
from releaseguard.errors import ReleaseguardError
from releaseguard.http.replies import ClockReading
from releaseguard.model import Remark, Standing
from releaseguard.report.diagnosis.document import BECAUSE

_NOT_WELL = frozenset({Standing.FAIL, Standing.SKIPPED})


def examine(context: DoctorContext) -> Diagnosis:
    """Examine everything. A problem ends its own check and skips those that depend on it; all others run."""
    dates: dict[str, ClockReading] = {}
    here = carried_out(
        [*configuration.checks(context), *hosts.checks(context), *credentials.checks(context)],
        [],
    )
    there = side_by_side([partial(carried_out, checks, here) for checks in _of_each(context, dates)])
    time = carried_out([Check("clock", Group.CLOCK, "the clocks", lambda: clock.remarks(dates))], [])
    found = [*here, *(finding for of_one in there for finding in of_one), *time]
    groups = groups_of(context)
    return Diagnosis(sorted(found, key=lambda finding: groups.index(finding.group)))


def _of_each(context: DoctorContext, dates: MutableMapping[str, ClockReading]) -> Sequence[Sequence[Check]]:
    """The checks of each service that this configuration uses. They share nothing but ``dates``, where they store the
    services' times."""
    return [
        [*vault.checks(context, dates), *app.checks(context, dates)],
        *(services.checks(context, dates, service) for service in context.services),
        event_log.checks(context, dates),
        app.database_checks(context),
    ]


def groups_of(context: DoctorContext) -> Sequence[str]:
    """All groups, in the order of a report."""
    own = [value for name, value in vars(Group).items() if name.isupper()]
    place = own.index(Group.CREDENTIALS) + 1
    return [*own[:place], *(service.name for service in context.services), *own[place:]]


def carried_out(checks: Sequence[Check], before: Sequence[CheckResult]) -> list[CheckResult]:
    """The results of checks carried out one after the other; ``before`` are results on which they may depend."""
    found: list[CheckResult] = []
    for check in checks:
        cause = _cause(check, [*before, *found])
        if cause is None:
            found += _findings(check)
        else:
            what = f"{check.title}{BECAUSE}{cause.id}"
            found.append(CheckResult(check.id, check.group, Standing.SKIPPED, what))
    return found


def _cause(check: Check, found: Sequence[CheckResult]) -> CheckResult | None:
    """The problem that this check would only repeat; for a chain of skipped checks, the first. ``None`` without one."""
    for wanted in check.after:
        for finding in found:
            same = finding.id.startswith(wanted[:-1]) if wanted.endswith("*") else finding.id == wanted
            if same and finding.status in _NOT_WELL:
                return _root(finding, found)
    return None


def _root(finding: CheckResult, found: Sequence[CheckResult]) -> CheckResult:
    if finding.status is Standing.SKIPPED and BECAUSE in finding.what:
        named = finding.what.rpartition(BECAUSE)[2]
        return next((one for one in found if one.id == named), finding)
    return finding


def _findings(check: Check) -> Iterator[CheckResult]:
    try:
        for remark in check.look():
            yield _finding(check, remark)
    except ReleaseguardError as error:
        yield _finding(check, Remark(Standing.FAIL, error.what, error.where, error.next_step))


def _finding(check: Check, remark: Remark) -> CheckResult:
    name = f"{check.id}.{remark.about}" if remark.about else check.id
    return CheckResult(name, check.group, remark.standing, remark.what, remark.where, remark.fix)


def side_by_side(lanes: Sequence[Callable[[], list[CheckResult]]]) -> Sequence[list[CheckResult]]:
    """The results in the order of ``lanes``. Their threads do not delay the end of the process; they only read, so
    Ctrl-C may interrupt them anywhere."""
    results: list[list[CheckResult]] = [[] for _ in lanes]
    bugs: list[BaseException] = []

    def work(place: int) -> None:
        try:
            results[place] = lanes[place]()
        except BaseException as bug:  # noqa: BLE001 - carried to the thread that can report it
            bugs.append(bug)

    threads = [threading.Thread(target=work, args=(place,), daemon=True) for place in range(len(lanes))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if bugs:
        raise bugs[0]
    return results
