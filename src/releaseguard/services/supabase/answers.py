"""What the management API's answers hold of what is read here: any member may be missing, or be of another type."""

from __future__ import annotations

from typing import TypedDict


class ProjectListed(TypedDict, total=False):
    """A project that the token reaches."""

    id: str
    ref: str
    name: str


class SecretListed(TypedDict, total=False):
    """A secret of a project's functions: its value is shown as its SHA-256."""

    name: str
    value: str
    updated_at: str | None


class FunctionListed(TypedDict, total=False):
    """An edge function; ``updated_at`` is in milliseconds since 1970."""

    id: str
    slug: str
    status: str | None
    version: object
    updated_at: object


class LogAnswerRow(TypedDict, total=False):
    """A row of an answer about logs, by what the question selects."""

    status_code: object
    calls: object
    requests_count: object
    request_count: object
    server_err_count: object
    timestamp: object
    level: str | None
    event_message: str | None
