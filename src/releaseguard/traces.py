"""Tracebacks of unexpected errors: where they are kept, and how the error is described."""

from __future__ import annotations

from collections.abc import Callable

from msgspec import Struct, field

Trace = Callable[[Exception], str | None]
"""Stores the traceback of an exception; returns the file, or ``None`` where none can be written."""


def no_trace(_error: Exception) -> None:
    """Store nothing, for callers that report no traceback."""


class Traces(Struct):
    """The tracebacks of one run: one for each check and kind of error, however often a watch looks."""

    write: Trace
    _written: dict[tuple[str, str], str | None] = field(default_factory=dict)

    def of(self, name: str, error: Exception) -> str | None:
        """The file with the traceback; ``None`` where none could be written."""
        key = name, repr(error)
        if key not in self._written:
            self._written[key] = self.write(error)
        return self._written[key]


def problem(error: Exception, trace: str | None) -> str:
    """The description of an unexpected exception."""
    where = f"its trace is in {trace}; please report it" if trace else "please report it"
    return f"this is a bug in releaseguard ({type(error).__name__}); {where}"
