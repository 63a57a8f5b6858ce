"""SAFE MODE: which hosts this process may talk to, enforced below every library.

Importing this package installs no hook; the command line calls :func:`install` when it starts. What only a log in
Postgres needs is in ``safemode.libpq``.
"""

from __future__ import annotations

from releaseguard.safemode.guard import (
    active_policy,
    check_address,
    guarding,
    ignored_proxy_variables,
    install,
    refusal_behind,
)
from releaseguard.safemode.policy import AllowedHost, Policy, build_policy

__all__ = [
    "AllowedHost",
    "Policy",
    "active_policy",
    "build_policy",
    "check_address",
    "guarding",
    "ignored_proxy_variables",
    "install",
    "refusal_behind",
]
