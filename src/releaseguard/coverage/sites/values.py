"""The uses of providers that were found."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from releaseguard.coverage.languages.syntax import Call, Scope, SourceFile
from releaseguard.coverage.program.origins import Origin


@dataclass(frozen=True)
class ProviderUse:
    """What a call is a use of."""

    provider: str
    event: str | None
    """The success event that the card names for it."""
    is_request: bool = False
    quiet: bool = False
    """Whether it comes back as if all were well where the provider refused, as ``fetch`` does."""
    background: bool = False
    """Whether it is sent later, so that the call has no error to log."""
    origin: Origin | None = None
    client: Origin | None = None
    """What makes the request, where the call is of another package that is given it."""


@dataclass(eq=False)
class Site:
    """One use of a provider."""

    use: ProviderUse
    call: Call
    """The whole of it: ``client.from("x").select()`` is one."""
    scope: Scope
    file: SourceFile
    ends: set[int] = field(default_factory=set)
    """Where the request leaves, inside a function that is given the address; by the nodes' ids."""

    @property
    def provider(self) -> str:
        """The card's id."""
        return self.use.provider

    @property
    def is_request(self) -> bool:
        """Whether it is a request to a host, and no call of a package."""
        return self.use.is_request

    @property
    def at(self) -> tuple[str, int, int]:
        """File, line and column."""
        return (self.file.path, *self.call.at)

    @property
    def maker(self) -> tuple[str, int] | None:
        """File and line of the call that made the client, where it is made by one."""
        for step in self.use.origin.steps if self.use.origin is not None else ():
            if step.call is not None:
                file = (step.scope or self.scope).root.file
                return (file.path, step.call.at[0]) if step.call is not self.call and file is not None else None
        return None


@dataclass(frozen=True)
class Unseen:
    """A request whose address, or a call whose client, is known at run time only."""

    file: SourceFile
    call: Call
    rule: str = "unknown-address"
    providers: Sequence[str] = ()
    """Whose it may be."""
    callers: Sequence[tuple[SourceFile, Call]] = ()
    """The calls that lead to a request in a function of the app's own, and leave its address unknown."""


@dataclass
class Found:
    """All that was found in the app's files."""

    sites: list[Site] = field(default_factory=list)
    unseen: list[Unseen] = field(default_factory=list)
    logs: list[tuple[Call, Scope]] = field(default_factory=list)


Callers = Mapping[int, Sequence[tuple[Call, Scope]]]
"""By a function's ``id``: the calls that reach it, or hand it on."""
