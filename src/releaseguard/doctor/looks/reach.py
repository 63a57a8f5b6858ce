"""Whether somebody answers, and what every look at a service rests on."""

from __future__ import annotations

from collections.abc import Callable, Iterator, MutableMapping

from releaseguard.doctor.values import Check, DoctorContext
from releaseguard.http.replies import ClockReading
from releaseguard.model import Remark, Standing
from releaseguard_events.places.libpq import believes_whoever_answers

ALWAYS = ("cards*", "configuration.run", "hosts.proxy")
"""What every check of a service rests on."""


def reach(
    dates: MutableMapping[str, ClockReading], name: str, title: str, date: Callable[[], ClockReading | None]
) -> Check:
    """Ask for the service's time, which needs no credential, and keep the reading in ``dates``."""

    def look() -> Iterator[Remark]:
        if told := date():
            dates[title] = told
        yield Remark(Standing.OK, f"{title} answers")

    return Check(f"{name}.reach", name, f"whether {title} answers", look, (*ALWAYS, f"hosts.{name}"))


def encrypted(context: DoctorContext, url: str, setting: str) -> Iterator[Remark]:
    """What SAFE MODE lets pass where it is written, and should be known."""
    if believes_whoever_answers(url, context.environ, setting=setting):
        what = "sslmode=require: the connection is encrypted, but the server is not asked who it is"
        fix = "Leave sslmode out, and add ?sslrootcert=FILE where the server's authority is not one of this system's."
        yield Remark(Standing.WARN, what, setting, fix, "sslmode")
