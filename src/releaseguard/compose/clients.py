"""Clients of services, and what a service's ports see of a run."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING, Any

from msgspec import Struct

from releaseguard.clocks import Clocks
from releaseguard.compose.known import endpoints
from releaseguard.compose.known.configuration import credential_help, events_table
from releaseguard.compose.known.requirements import readable
from releaseguard.compose.safety import Safety
from releaseguard.errors import ConfigError
from releaseguard.http.pacing import Limits
from releaseguard.secret import Secret
from releaseguard.services import SERVICES
from releaseguard.services.interface import Service, ServiceContext, required
from releaseguard.settings import SUCCESSOR, Settings, seconds

if TYPE_CHECKING:
    from releaseguard.destinations.address import Address
    from releaseguard.http import Access, ServiceClient
    from releaseguard.services.interface import Headers


class Clients(Struct, eq=False):
    """Makes all HTTP clients of a run. Each keeps to its service's limits and is closed with the run."""

    settings: Settings
    safety: Safety
    opened: ExitStack
    clocks: Clocks
    guard: Callable[[], None] = lambda: None
    """Called before every request to a service that a rotation writes to; set it before asking for such a client."""
    tell: Callable[[str], None] = lambda _: None
    """Receives messages while other work is running."""
    warn: Callable[[str], None] = lambda _: None
    """Receives messages about what was not done, which a quiet run shows too."""
    retry_budget: timedelta | None = None
    """The most that retries and rate limits may add to one request, for a command that must not wait; set it before
    asking for a client."""
    _accesses: dict[str, Access] = {}
    _contexts: dict[str, ServiceContext[Any]] = {}

    @property
    def environ(self) -> Mapping[str, str]:
        return self.safety.environ

    def context(self, service: Service[Any]) -> ServiceContext[Any]:
        """What the ports of ``service`` are made from; the same object for the whole run."""
        if service.name not in self._contexts:
            self._contexts[service.name] = self._context(service)
        return self._contexts[service.name]

    def _context(self, service: Service[Any]) -> ServiceContext[Any]:
        section = self.settings.services[service.name]
        return ServiceContext(
            section=section,
            where=partial(self.settings.where, service.name),
            has_file=self.settings.path is not None,
            environ=self.environ,
            root=self.settings.root,
            tell=self.say,
            connect=partial(self.connect, service=service),
            access=self.access,
            places=partial(self._places, service),
            events_url=self.settings.events.url,
            events_table=partial(events_table, self.settings),
            app_url=self.settings.app.url,
            job_token=self._job_token() if service.job_token is None else None,
        )

    def say(self, text: str) -> None:
        """Call :attr:`tell` as it is at that time: a command may set it after a port was opened."""
        self.tell(text)

    def _places(self, service: Service[Any]) -> Sequence[Address]:
        mine = {scheme.name for scheme in service.schemes}
        found = (address for listed in readable(self.settings).values() for address in listed)
        return [address for address in found if address.scheme in mine]

    def _job_token(self) -> Callable[[str], Secret] | None:
        issuers = (service for service in SERVICES if service.job_token is not None)
        given = (service.job_token(self.context(service)) for service in issuers if service.job_token)
        return next((token for token in given if token is not None), None)

    def access(self, variable: str, needed_by: str) -> Access:
        """The credential in ``variable``; its successor replaces it once the service no longer accepts it."""
        from releaseguard.http import Access

        if variable not in self._accesses:
            token = required(self._secret(variable), variable, needed_by)
            said = f"{needed_by} does not accept {variable} any more: going on with {variable}{SUCCESSOR}."
            self._accesses[variable] = Access(token, self._secret(variable + SUCCESSOR), lambda: self.tell(said))
        return self._accesses[variable]

    def _secret(self, variable: str) -> Secret | None:
        return Secret(self.environ[variable]) if self.environ.get(variable) else None

    def app(self, headers: Headers) -> ServiceClient:
        """The app's own backend. Raises ``ConfigError`` where no address is set."""
        if not self.settings.app.url:
            example = next(service.app.example for service in SERVICES if service.app is not None)
            raise ConfigError(
                "app.url is not set",
                where=self.settings.where("app"),
                next_step=f'Set it to the app\'s own base address: [app] url = "{example}".',
            )
        return self.connect(headers, setting=endpoints.APP_SETTING, url=self.settings.app.url)

    def connect(
        self,
        headers: Headers,
        *,
        service: Service[Any] | None = None,
        limits: Limits | None = None,
        access: Access | None = None,
        setting: str | None = None,
        url: str | None = None,
        carries: bool = True,
    ) -> ServiceClient:
        """A client for ``service``, or for the ``url`` of another ``setting``. ``carries``: whether anything
        confidential is sent there. Raises ``Refused`` where that is not allowed."""
        from releaseguard.http import Authorization, ServiceClient, TimeLimits, no_other_credential

        named = setting or (f"[{service.name}] url" if service else "")
        address = url or (self.settings.services[service.name].url if service else "")
        if carries:
            self.safety.refuse_to_carry(named, address)
        called = endpoints.RULES.at(named).client
        network = self.settings.network
        client = ServiceClient(
            service=called,
            base_url=address,
            authorization=Authorization(
                headers, access.refused if access else no_other_credential, credential_help(called)
            ),
            limits=limits or Limits(),
            times=TimeLimits(request=seconds(network.timeout), repeats=self._patience()),
            guard=lambda: self.guard(),  # noqa: PLW0108 - a rotation arms it after its clients were made
            proxy=network.proxy,
            clocks=self.clocks,
        )
        self.opened.callback(client.close)
        return client

    def _patience(self) -> float:
        most = self.retry_budget.total_seconds() if self.retry_budget else math.inf
        return min(seconds(self.settings.network.patience), most)
