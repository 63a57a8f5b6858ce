"""What Vercel's answers hold of what is read here (its REST API's description, 2025-10).

Nothing promises that a member is there: which one stands in for another is said where it is read.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TypedDict


class CustomEnvironment(TypedDict, total=False):
    """An environment beside production, preview and development."""

    id: str
    slug: str


class DeploymentDocument(TypedDict, total=False):
    """A deployment: of a listing (``uid``, ``created``, ``state``), or on its own (``id``, ``createdAt``, ``status``).

    ``created`` and ``createdAt`` are milliseconds since 1970.
    """

    id: str
    uid: str
    name: str
    url: str
    target: str | None
    customEnvironment: CustomEnvironment | None
    state: str
    status: str
    readyState: str
    readySubstate: str
    readyStateReason: str
    created: float
    createdAt: float
    meta: Mapping[str, str] | None
    gitSource: Mapping[str, str] | None
    errorCode: str
    errorMessage: str
    aliasError: Mapping[str, str] | None


class ProjectDocument(TypedDict, total=False):
    """A project of a team's or an account's list."""

    id: str
    name: str


class VariableDocument(TypedDict, total=False):
    """A variable: of a project, or shared by a team's. Times are milliseconds since 1970."""

    id: str
    key: str
    type: str
    target: str | Sequence[str] | None
    customEnvironmentIds: Sequence[str] | None
    gitBranch: str | None
    createdAt: float | None
    updatedAt: float | None
    configurationId: str | None
    system: bool
    comment: str | None


class RefusedVariable(TypedDict, total=False):
    """A variable that was not made although the answer is a 201; of its error the code alone may be quoted."""

    error: Mapping[str, str]


class MadeVariables(TypedDict, total=False):
    """The answer to new variables: what was made, one or several, and what was not."""

    created: VariableDocument | Sequence[VariableDocument] | None
    failed: Sequence[RefusedVariable]


class NewVariable(TypedDict, total=False):
    """A variable as it is sent."""

    key: str
    value: object
    type: str
    target: Sequence[str]
    customEnvironmentIds: Sequence[str]
    comment: str
