"""How a check reads the rows of its provider."""

from __future__ import annotations

from msgspec import Struct


class Reading(Struct, frozen=True):
    """How a check reads the rows of its provider: which of them it counts, and which of those are errors.

    Each check reads for itself: a flag that the AI raised is an error to the check of the flag rate, though the app
    logs it as a success, and to no other check.
    """

    provider: str
    success: frozenset[str]
    error: frozenset[str] = frozenset()
    classified: frozenset[str] | None = None
    """Set where the check judges the provider's errors: an error row of any event but these is one more of them,
    whether a card knows its name or not. ``None``: only the events that the check names count."""

    by_action: bool = False
    """Whether it counts users' actions, of which one may write several rows, and not rows."""

    phones: bool | None = None
    """Whether it counts rows of installed apps alone, or of servers alone; ``None``: both."""

    def takes(self, *, client: bool) -> bool:
        """Whether it counts rows from there: those of phones enter no share with those of servers."""
        return self.phones is None or self.phones is client

    def of(self, event: str, ok: bool) -> bool | None:
        """Whether such a row is an error, by its event and whether it is logged as a success; ``None``: it does not
        count."""
        if event in self.error:
            return True
        if event in self.success:
            return not ok
        return True if self.is_stray(event, ok) else None

    def is_new_success(self, event: str, ok: bool) -> bool:
        """Whether it is a success that no check names, of a check that judges the provider's errors."""
        return ok and self.classified is not None and event not in self.classified

    def is_stray(self, event: str, ok: bool) -> bool:
        """Whether it counts as an error although neither this check nor another names its event."""
        return not ok and self.classified is not None and event not in self.classified
