"""A page's times in the project's own zone. They are written in UTC, as ``10:15Z``, and moved where the page leaves."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, time
from functools import partial
from zoneinfo import ZoneInfo

from releaseguard.messages.markup import retold

_TIME = re.compile(
    r"(?<![\w:.-])(?:(?P<date>\d{4}-\d{2}-\d{2}) |(?P<day>\d{2}-\d{2}) )?"
    r"(?P<clock>\d{2}:\d{2}(?::\d{2})?)(?P<z>Z)?(?![\w:]|\.\d)"
)
"""A time of day with its zone, perhaps with a date before it; without its zone it stands below a chart."""
_AXIS = re.compile(r"(?:\d{2}-\d{2} )?\d{2}:\d{2}")


def in_zone(page: str, zone: str, as_of: str) -> str:
    """The page with its times in ``zone`` (``Europe/Istanbul``), each with what the zone is called there; a time
    without a date is of the day of ``as_of`` (RFC 3339). What is written as programs write it stays in UTC."""
    moment = datetime.fromisoformat(as_of).astimezone(UTC)
    return retold(page, partial(_moved, zone=ZoneInfo(zone), as_of=moment))


def _moved(text: str, *, zone: ZoneInfo, as_of: datetime) -> str:
    if _AXIS.fullmatch(text):
        return _TIME.sub(lambda found: _local(found, zone, as_of, named=False), text)
    return _TIME.sub(lambda found: _local(found, zone, as_of) if found["z"] else found[0], text)


def _local(found: re.Match[str], zone: ZoneInfo, as_of: datetime, *, named: bool = True) -> str:
    try:
        local = datetime.combine(_day(found, as_of), time.fromisoformat(found["clock"]), UTC).astimezone(zone)
    except (ValueError, OverflowError):  # no time, only digits that look like one
        return found[0]
    today = local.date() == as_of.astimezone(zone).date()
    dated = f"{local:%Y-%m-%d} " if found["date"] or (named and not today) else ""
    dated = f"{local:%m-%d} " if found["day"] else dated
    clock = local.strftime("%H:%M:%S" if found["clock"].count(":") > 1 else "%H:%M")
    return f"{dated}{clock} {local.tzname()}" if named else f"{dated}{clock}"


def _day(found: re.Match[str], as_of: datetime) -> date:
    if found["date"]:
        return date.fromisoformat(found["date"])
    return date.fromisoformat(f"{as_of.year}-{found['day']}") if found["day"] else as_of.date()
