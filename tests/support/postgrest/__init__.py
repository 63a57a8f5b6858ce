"""A STAND-IN for PostgREST over a real Postgres: the part of its language that the event log and postgrest-js speak.

It is written from PostgREST's documentation ("Tables and Views", "Functions as RPC", "Resource Representation",
"Pagination and count", "Errors") and is not PostgREST: what it does not know it refuses with 400, so that no test
passes by accident.
"""

from __future__ import annotations

from tests.support.postgrest.server import PostgRest, serving

__all__ = ["PostgRest", "serving"]
