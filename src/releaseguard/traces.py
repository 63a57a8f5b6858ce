"""Where the trace of something that broke is kept, and what is said of it."""

from __future__ import annotations

from collections.abc import Callable

from msgspec import Struct, field

Trace = Callable[[Exception], str | None]
"""Keeps where an exception came from, for whoever mends it; returns the file, or ``None`` where none can be written."""


def no_trace(_error: Exception) -> None:
    """Keeps nothing: for callers that report no trace."""


class Traces(Struct):
    """Where the traces of a run are: one for each check and kind of error, however often a watch looks."""

    write: Trace
    _written: dict[tuple[str, str], str | None] = field(default_factory=dict)

    def of(self, name: str, error: Exception) -> str | None:
        """The file that holds the trace."""
        key = name, repr(error)
        if key not in self._written:
            self._written[key] = self.write(error)
        return self._written[key]


def problem(error: Exception, trace: str | None) -> str:
    """What to say of an exception that nobody foresaw."""
    where = f"its trace is in {trace}; please report it" if trace else "please report it"
    return f"this is a bug in releaseguard ({type(error).__name__}); {where}"
