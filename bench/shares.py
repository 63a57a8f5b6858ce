"""How the benches write a share."""

from __future__ import annotations

from releaseguard.stats.bounds import lower_share, upper_share


def share(part: int, whole: int) -> str:
    """A share with its exact 95% interval."""
    if not whole:
        return "-"
    low, high = lower_share(part, whole, 0.975), upper_share(part, whole, 0.975)
    return f"{100 * part / whole:5.1f}% [{100 * low:.1f}, {100 * high:.1f}] ({part}/{whole})"
