"""How far this machine's clock is off, from what the services say of the time. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import timedelta

from releaseguard import readable
from releaseguard.http.replies import ClockReading
from releaseguard.model import Remark, Standing

MATTERS = timedelta(seconds=5)
"""The difference from which the times of events and deployments written here are wrong by more than chance."""
REFUSED = timedelta(seconds=60)
"""The difference from which services refuse what is signed here with the time (an App's token), and a minute's events
are searched for in another minute."""
SET_IT = "Set the clock of this machine: timedatectl set-ntp true (or its time service)."


def skew(reading: ClockReading) -> timedelta:
    """How far at least this machine's clock is ahead; negative where it is behind.

    The service's time may have been cut to whole seconds, and may be from any moment between request and answer.
    """
    cut = timedelta(0) if reading.theirs.microsecond else timedelta(seconds=1)
    least, most = reading.before - reading.theirs - cut, reading.after - reading.theirs
    if least <= timedelta(0) <= most:
        return timedelta(0)
    return least if least > timedelta(0) else most


def remarks(dates: Mapping[str, ClockReading]) -> Iterator[Remark]:
    """Remarks about the clocks; a single one where all services agree."""
    skews = {service: skew(told) for service, told in sorted(dates.items())}
    off = {service: found for service, found in skews.items() if abs(found) >= MATTERS}
    if skews and not off:
        yield Remark(Standing.OK, f"within {MATTERS.seconds} s of {', '.join(skews)}")
    elif len(off) == len(skews):
        yield from _machine(off)
    else:
        for service, found in off.items():
            apart = readable.seconds(abs(found))
            what = f"the clock of {service} and this machine's are {apart} apart; the others agree with ours"
            yield Remark(Standing.WARN, what, None, "Times that it gives are off; tell whoever runs it.", service)


def _machine(off: Mapping[str, timedelta]) -> Iterator[Remark]:
    for service, found in sorted(off.items(), key=lambda item: abs(item[1]))[:1]:
        way = "ahead of" if found > timedelta(0) else "behind"
        bad = abs(found) >= REFUSED
        cost = (
            "services refuse what is signed here, and events and deployments that are written here are misplaced"
            if bad
            else "events and deployments that are written here are off by as much"
        )
        what = f"this machine's clock is {readable.seconds(abs(found))} {way} {' and '.join(off)}: {cost}"
        yield Remark(Standing.FAIL if bad else Standing.WARN, what, service, SET_IT)
