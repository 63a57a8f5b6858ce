"""Whether a service answers, and what every check of a service depends on."""

from __future__ import annotations

from collections.abc import Callable, Iterator, MutableMapping

from releaseguard.doctor.values import Check, DoctorContext
from releaseguard.http.replies import ClockReading
from releaseguard.model import Remark, Standing
from releaseguard_events.places.libpq import believes_whoever_answers

ALWAYS = ("cards*", "configuration.run", "hosts.proxy")
"""The checks on which every check of a service depends."""


def reach(
    dates: MutableMapping[str, ClockReading], name: str, title: str, date: Callable[[], ClockReading | None]
) -> Check:
    """A check that asks for the service's time, which needs no credential, and stores the reading in ``dates``."""

    def look() -> Iterator[Remark]:
        if told := date():
            dates[title] = told
        yield Remark(Standing.OK, f"{title} answers")

    return Check(f"{name}.reach", name, f"whether {title} answers", look, (*ALWAYS, f"hosts.{name}"))


def encrypted(context: DoctorContext, url: str, setting: str) -> Iterator[Remark]:
    """A warning where the connection is encrypted without verifying the server, which SAFE MODE allows where the
    address says so."""
    if believes_whoever_answers(url, context.environ, setting=setting):
        what = "sslmode=require: the connection is encrypted, but the server is not asked who it is"
        fix = "Leave sslmode out, and add ?sslrootcert=FILE where the server's authority is not one of this system's."
        yield Remark(Standing.WARN, what, setting, fix, "sslmode")
