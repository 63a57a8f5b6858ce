"""SAFE MODE: which hosts this process may talk to, enforced below every library.

Importing this package hooks nothing. The command line calls :func:`install` at its entry.
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
from releaseguard.safemode.libpq import CheckedTarget, check_libpq, need_psycopg
from releaseguard.safemode.policy import AllowedHost, Policy, build_policy
from releaseguard_events.places.libpq import believes_whoever_answers

__all__ = [
    "AllowedHost",
    "CheckedTarget",
    "Policy",
    "active_policy",
    "believes_whoever_answers",
    "build_policy",
    "check_address",
    "check_libpq",
    "guarding",
    "ignored_proxy_variables",
    "install",
    "need_psycopg",
    "refusal_behind",
]
