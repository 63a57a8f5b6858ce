"""SAFE MODE: which hosts this process may talk to, enforced below every library.

Importing this package hooks nothing. The command line calls :func:`install` at its entry.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from releaseguard.later import parts
from releaseguard.safemode.guard import (
    active_policy,
    check_address,
    guarding,
    ignored_proxy_variables,
    install,
    refusal_behind,
)
from releaseguard.safemode.policy import AllowedHost, Policy, build_policy

if TYPE_CHECKING:
    from releaseguard.safemode.libpq import CheckedTarget, believes_whoever_answers, check_libpq, need_psycopg
else:  # only where the log is in Postgres
    of_libpq = ("CheckedTarget", "believes_whoever_answers", "check_libpq", "need_psycopg")
    __getattr__ = parts(__name__, dict.fromkeys(of_libpq, "libpq"))

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
