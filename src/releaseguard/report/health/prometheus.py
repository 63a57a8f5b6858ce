"""The providers' health for a scraper, in Prometheus' text format (version 0.0.4, its page "Exposition formats")."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime
from itertools import count

from releaseguard.report.health.document import HealthDocument, HealthRow
from releaseguard.report.layout.display import Display
from releaseguard.report.layout.shown import shown

STATES = ("down", "silent", "degraded", "unknown", "idle", "healthy")
Value = Callable[[HealthRow], float | None]
GAUGES: Mapping[str, tuple[str, Value]] = {
    "events": ("Events of the window.", lambda row: row["events"]),
    "errors": ("Errors of the window.", lambda row: row["errors"]),
    "error_ratio": ("Share of errors in the window, from 0 to 1.", lambda row: row["error_rate"]),
    "expected_events": ("Events to be expected in the window.", lambda row: row["expected_events"]),
    "last_success_timestamp_seconds": ("When the newest success was.", lambda row: _seconds(row["last_success"])),
    "last_error_timestamp_seconds": ("When the newest error was.", lambda row: _seconds(row["last_error"])),
    "open_leaks": ("Leaks whose old key nobody has confirmed as revoked.", lambda row: len(row["open_leaks"])),
    "unfinished_rotations": ("Rotations that somebody has to finish.", lambda row: len(row["rotations"])),
}
"""Name -> what it is, and its value; what is not known is left out."""


def render(document: HealthDocument, _display: Display) -> str:
    """One gauge after the other; a scraper that finds the file old sees it by ``releaseguard_as_of``."""
    told = shown(document)
    return "\n".join(_lines({**told, "providers": list(_apart(told["providers"]))}))


def _apart(rows: Iterable[HealthRow]) -> Iterator[HealthRow]:
    """Names that look alike once they can be shown are numbered: a scraper refuses a whole file with a series twice."""
    seen: set[str] = set()
    for row in rows:
        name = next(one for one in _numbered(row["provider"]) if one not in seen)
        seen.add(name)
        yield {**row, "provider": name}


def _numbered(name: str) -> Iterator[str]:
    yield name
    yield from (f"{name} ({number})" for number in count(2))


def _lines(document: HealthDocument) -> Iterator[str]:
    environment = {"environment": document["environment"]}
    yield from _head("as_of_timestamp_seconds", "When the log was looked at.")
    yield _sample("as_of_timestamp_seconds", environment, _seconds(document["as_of"]) or 0.0)
    yield from _head("log_down", "1 where nothing arrives from any provider.")
    yield _sample("log_down", environment, float(document["log"]["down"]))
    yield from _head("provider_state", "1 for the state that a provider is in.")
    for row in document["providers"]:
        for state in STATES:
            labels = {**environment, "provider": row["provider"], "state": state}
            yield _sample("provider_state", labels, float(row["state"] == state))
    for name, (about, value) in GAUGES.items():
        yield from _head(f"provider_{name}", about)
        for row in document["providers"]:
            if (known := value(row)) is not None:
                yield _sample(f"provider_{name}", {**environment, "provider": row["provider"]}, known)


def _head(name: str, about: str) -> Iterator[str]:
    yield f"# HELP releaseguard_{name} {about}"
    yield f"# TYPE releaseguard_{name} gauge"


def _sample(name: str, labels: Mapping[str, str], value: float) -> str:
    told = ",".join(f'{label}="{_escaped(text)}"' for label, text in labels.items())
    return f"releaseguard_{name}{{{told}}} {value:.15g}"


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"')


def _seconds(moment: str | None) -> float | None:
    return None if moment is None else datetime.fromisoformat(moment).timestamp()
