"""Examines each service to which secrets go."""

from __future__ import annotations

from collections.abc import Callable, Iterator, MutableMapping, Sequence
from functools import partial

from releaseguard.destinations.address import Address
from releaseguard.doctor.looks.reach import ALWAYS, reach
from releaseguard.doctor.looks.writers import told
from releaseguard.doctor.values import Check, DoctorContext, ServiceLooks
from releaseguard.errors import ServiceError
from releaseguard.http.replies import ClockReading
from releaseguard.leaks.interface import AlertSource
from releaseguard.model import Remark, Standing
from releaseguard.rotation.identity.other_writers import WritersFound

_CLAIMS = ("configuration.providers*", "cards*")
"""The settings that say whose secrets are written where."""


def checks(context: DoctorContext, dates: MutableMapping[str, ClockReading], service: ServiceLooks) -> Sequence[Check]:
    """The checks of its address, the credential, every destination there, and its alerts."""
    if not service.places:
        return []
    name = service.name
    before: Sequence[str] = (*ALWAYS, f"{name}.reach", f"credentials.{name}")
    checks = [reach(dates, name, service.title, service.date)]
    if service.account is not None:
        checks.append(Check(f"{name}.account", name, "the credential", service.account, before))
        before = (f"{name}.account",)
    each = {address.place: None for address in service.places}
    checks += [Check(f"{name}.{place.uri}", name, place.uri, partial(_place, context, place), before) for place in each]
    if service.writers is not None:
        checks.append(
            Check(
                f"{name}.writers", name, "who else writes the secrets", partial(_writers, service), (*before, *_CLAIMS)
            )
        )
    if service.alerts is not None:
        look = partial(_alerts, service.alerts)
        checks.append(Check(f"{name}.alerts", name, "secret-scanning alerts", look, before))
    return checks


def _place(context: DoctorContext, place: Address) -> Iterator[Remark]:
    for remark in context.destination(place).reach():
        what = remark.what if remark.what.startswith(place.uri) else f"{place.uri}: {remark.what}"
        yield Remark(remark.standing, what, remark.where, remark.fix, remark.about)


def _writers(service: ServiceLooks) -> Iterator[Remark]:
    found = service.writers() if service.writers else WritersFound(())
    fix = "Give the token `contents: read` there, or look yourself whether one writes the same secrets."
    for place in found.unread:
        yield Remark(Standing.WARN, f"the workflows of {place} cannot be read", place, fix, place)
    yield from told(found.writers)


def _alerts(alerts: Callable[[], AlertSource]) -> Iterator[Remark]:
    """What `leaks` reads. A rotation does not need it, so a problem is a warning."""
    source = alerts()
    fix = "Give the token 'secret scanning alerts: read', and switch secret scanning on; only `leaks` needs it."
    try:
        count = len(source.open_alerts())
    except ServiceError as error:
        yield Remark(Standing.WARN, error.what, error.where, fix)
        return
    for number, problem in enumerate(source.unread, 1):
        yield Remark(Standing.WARN, problem, None, fix, str(number))
    if count:
        yield Remark(Standing.WARN, f"{count} secret-scanning alerts are open", None, "Run: releaseguard leaks", "open")
    elif not source.unread:
        yield Remark(Standing.OK, "no secret-scanning alert is open")
