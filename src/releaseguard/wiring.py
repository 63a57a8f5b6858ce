"""Opens a run and closes it: the configuration, SAFE MODE, and the parts that provide commands with what they need."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from datetime import timedelta
from functools import cached_property
from types import TracebackType
from typing import TYPE_CHECKING, Self

from releaseguard import safemode
from releaseguard.cards.load import Cards
from releaseguard.clocks import REAL, Clocks
from releaseguard.compose.clients import Clients
from releaseguard.compose.known import configuration, endpoints
from releaseguard.compose.safety import Safety, check, run_refusal
from releaseguard.compose.stores import Stores
from releaseguard.errors import MissingCredential
from releaseguard.safemode.policy import PROXY_SETTING
from releaseguard.settings import Settings

if TYPE_CHECKING:
    from releaseguard.compose.bindings import Bindings
    from releaseguard.compose.doctor import Doctor
    from releaseguard.compose.flows import Flows
    from releaseguard.compose.incident import Incidents
    from releaseguard.compose.notifying import Notices
    from releaseguard.compose.rotation import Rotation
    from releaseguard.compose.verification import Verification
    from releaseguard.doctor.values import DoctorContext


def open_up(settings: Settings, environ: Mapping[str, str], clocks: Clocks = REAL) -> Wiring:
    """Read the cards, put SAFE MODE in force for this process, and return the way to every service.

    Everything that waits uses ``clocks``.

    Raises ``ConfigError`` for a wrong card or setting, ``SafeModeRefusal`` where a setting names a provider's host, or
    a host to which the available credential may not go.
    """
    cards = configuration.cards_of(settings)
    policy = check(settings, environ, cards)
    endpoints.refuse_to_send(settings, environ)
    ignored = safemode.ignored_proxy_variables(environ)
    safemode.install(policy)
    notes = [f"SAFE MODE ignores {', '.join(ignored)}; a proxy is set as [network] proxy."] if ignored else []
    return Wiring(cards, Safety(settings, environ, policy, run_refusal(environ)), clocks, notes)


def open_doctor(
    settings: Settings, environ: Mapping[str, str], provider: str | None, clocks: Clocks = REAL
) -> DoctorContext:
    """What ``doctor`` examines, with SAFE MODE in force for every address that it allows. Problems are findings, not
    errors.

    Everything that waits uses ``clocks``.

    Raises ``UsageError`` for a provider that neither a card nor the file knows.
    """
    from releaseguard.compose import doctor

    cards, problems = configuration.cards_or_problems(settings)
    if provider is not None and provider not in settings.providers and not problems:
        cards.get(provider)
    refused = doctor.refusals(settings, environ, cards)
    allowed = {name: url for name, url in endpoints.of(settings, environ).items() if name not in refused}
    proxy = settings.network.proxy if PROXY_SETTING not in refused else None
    policy = endpoints.policy_of(settings, cards, allowed, proxy)
    ignored = safemode.ignored_proxy_variables(environ)
    safemode.install(policy)
    opened = Wiring(cards, Safety(doctor.hasty(settings), environ, policy, run_refusal(environ)), clocks)
    return opened.doctor.context(provider, problems, refused, ignored, opened.close)


class Wiring:
    """The way to every service of one configuration. Close it, or use it in a ``with``.

    Each part is made, and its modules are imported, on first use.
    """

    def __init__(self, cards: Cards, safety: Safety, clocks: Clocks, notes: Sequence[str] = ()) -> None:
        self._opened = ExitStack()
        self.settings, self.cards, self.notes = safety.settings, cards, notes
        self.clients = Clients(safety.settings, safety, self._opened, clocks)
        self.stores = Stores(self.clients)

    @cached_property
    def bindings(self) -> Bindings:
        """Secrets and their destinations."""
        from releaseguard.compose.bindings import Bindings

        return Bindings(self.clients, self.cards)

    @cached_property
    def flows(self) -> Flows:
        """Synthetic flows."""
        from releaseguard.compose.flows import Flows

        return Flows(self.clients, self.stores, self.bindings)

    @cached_property
    def notices(self) -> Notices:
        """Notifications."""
        from releaseguard.compose.notifying import Notices

        return Notices(self.clients, self.stores)

    @cached_property
    def verification(self) -> Verification:
        """Judging a release."""
        from releaseguard.compose.verification import Verification

        return Verification(self.clients, self.stores, self.bindings, self.flows)

    @cached_property
    def rotation(self) -> Rotation:
        """Rotating a provider's secrets."""
        from releaseguard.compose.rotation import Rotation

        return Rotation(self.clients, self.stores, self.bindings, self.flows, self.notices)

    @cached_property
    def incidents(self) -> Incidents:
        """Incidents of one provider."""
        from releaseguard.compose.incident import Incidents

        return Incidents(self.clients, self.stores, self.bindings, self.verification)

    @cached_property
    def doctor(self) -> Doctor:
        """The checks of ``doctor``."""
        from releaseguard.compose.doctor import Doctor

        return Doctor(self.clients, self.stores, self.bindings, self.rotation, self.flows)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        """Close everything. In a run that may not use credentials, a missing one is reported as that refusal."""
        self.close()
        if isinstance(error, MissingCredential):
            self.clients.safety.refuse_run()

    def close(self) -> None:
        """Release every connection."""
        self._opened.close()

    def tell_through(self, tell: Callable[[str], None], warn: Callable[[str], None]) -> None:
        """Set who receives messages during other work, and warnings about what was not done."""
        self.clients.tell, self.clients.warn = tell, warn

    def limit_retries(self, budget: timedelta) -> None:
        """Limit what retries and rate limits may add to one request to ``budget``."""
        self.clients.retry_budget = budget
