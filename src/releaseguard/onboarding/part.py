"""A service's part of ``init``, as values."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Generic, TypeVar

from msgspec import Struct

from releaseguard.errors import UsageError
from releaseguard.onboarding.folder import ProjectFolder
from releaseguard_events.places.hosts import place_of

A = TypeVar("A", bound=Struct)
"""What is said of one service: the fields are the answers, ``NAME_FIELD`` in the command's flags and JSON."""

FUNCTIONS, WEB = "functions", "web"
"""Kinds of an app's parts that a service may be what deploys them."""


class NothingAsked(Struct, frozen=True):
    """The answers for a service of which everything is said by its defaults."""


class SetupQuestion(Struct, frozen=True, kw_only=True):
    """One field of the answers that a person is asked for."""

    field: str
    metavar: str
    help: str
    """Of the flag."""
    words: str = ""
    """Before the cursor; empty: only the flag says it."""
    valid: Callable[[str], str] = str.strip
    """What is meant by what was typed. Raises ``UsageError``."""


class Recognised(Struct, Generic[A], frozen=True, kw_only=True):
    """What a project's files tell of one service. No service is asked."""

    destinations: Sequence[str] = ()
    """Where a provider's secret is likely to be."""
    repository: str | None = None
    """``OWNER/NAME``, where the service keeps the repository and runs its workflows."""
    backend: str | None = None
    """The address of the app's own backend there, which its event log may be behind too."""
    answers: Callable[[str], A]
    """The most likely ones for an environment."""


class Onboarding(Struct, Generic[A], frozen=True, kw_only=True):
    """What one service brings to a first configuration."""

    answers: type[A]
    recognise: Callable[[ProjectFolder], Recognised[A]]
    """What cannot be read tells nothing."""
    section: Callable[[A], str]
    """Its lines of the file: ``[NAME]`` with the answers, and what has to be known of them as comments."""
    questions: Sequence[SetupQuestion] = ()
    overrides: Sequence[str] = ()
    """Settings that another environment has otherwise, as the example of one says them: ``KEY = VALUE``."""
    files: Sequence[str] = ()
    """What it looks into, for the command's help."""
    example: str = ""
    """A destination, where none is known."""
    runs: bool = False
    """Whether a process that writes events reads the secret at its destinations: ``sources`` say which."""
    functions: str = ""
    """The folder of the repository with a folder for each function that it runs."""
    deploys: Mapping[str, str] = {}
    """Kind of part -> a regular expression for what of a workflow deploys it there."""


def web_address(text: str) -> str:
    """The address without a slash at its end. Raises ``UsageError`` where it is none."""
    url = text.strip().rstrip("/")
    try:
        place_of(url)
    except ValueError as error:
        raise UsageError(f"this is not a web address: {error}", next_step="Write it as https://host.") from None
    return url
