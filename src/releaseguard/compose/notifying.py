"""Tells others what happened: the webhook at ``RELEASEGUARD_NOTIFY_URL``, and the repository for which a job runs."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import cached_property, partial
from typing import TYPE_CHECKING

from msgspec import Struct

from releaseguard.compose.clients import Clients
from releaseguard.compose.known.endpoints import NOTIFY
from releaseguard.compose.stores import Stores
from releaseguard.errors import ReleaseguardError, Unreachable
from releaseguard.secret import Secret
from releaseguard.services import SERVICES

if TYPE_CHECKING:
    from releaseguard.ci.interface import ReleaseBoard
    from releaseguard.health.values import Overview, ProviderHealth
    from releaseguard.http import ServiceClient
    from releaseguard.notify.announce import Announcer, Delivery
    from releaseguard.notify.news import News
    from releaseguard.notify.wording import Payload
    from releaseguard.verification.values import Judged

TIMEOUT = 5.0
"""Seconds that a command waits for the receiver at most."""


class Notices(Struct, frozen=True, dict=True, eq=False):
    """Tells others what a command found; without an address it does nothing. Never raises."""

    clients: Clients
    stores: Stores

    def tell_verdict(self, judged: Judged) -> None:
        """Tell of a release that fails."""
        self._tell(partial(_of_verdict, judged))

    def tell_health(self, overview: Overview) -> None:
        """Tell of providers that are down or well again, and of leaks."""
        self.tell_providers(overview.environment, overview.providers)
        self.tell_leaks()

    def tell_providers(self, environment: str, providers: Sequence[ProviderHealth]) -> None:
        """Tell of those providers that are down or well again."""
        self._tell(partial(_of_providers, environment, providers))

    def tell_leaks(self) -> None:
        """Tell of leaks that were opened or closed."""
        self._tell(self._leaks)

    def _leaks(self) -> Iterable[News]:
        from releaseguard.eventlog.interface import Query
        from releaseguard.notify.gather import of_leaks
        from releaseguard.rotation.history.account import account_of
        from releaseguard.rotation.history.reading import read_log

        log, environment = self.stores.log, self.clients.settings.environment
        account = account_of(read_log(log, Query(environment=environment)), None, environment)
        return of_leaks(account.chains, log.now())

    def _tell(self, news: Callable[[], Iterable[News]]) -> None:
        if self._announcer is None:
            return
        try:
            self._announcer.announce(list(news()))
        except ReleaseguardError as error:
            self.clients.warn(f"Nobody could be notified: {error}")

    @cached_property
    def _announcer(self) -> Announcer | None:
        url = self.clients.environ.get(NOTIFY, "").strip()
        if not url or not self.clients.settings.notify.on:
            return None
        if self.clients.safety.run_refusal is not None:
            self.clients.say(f"{NOTIFY} is not used: this run of a pull request or another branch uses no credential.")
            return None
        return self._made(Secret(url))

    def _made(self, url: Secret) -> Announcer:
        from releaseguard.ci.job import run_address
        from releaseguard.messages.localizer import Localizer
        from releaseguard.notify.announce import Announcer
        from releaseguard.notify.wording import Wording
        from releaseguard.secret import confidential, masker

        settings, environ = self.clients.settings, self.clients.environ
        wording = Wording(
            project=settings.project.name,
            localizer=Localizer(settings.project.language, self.stores.log.now()),
            mask=masker(confidential(environ)),
            run_url=run_address(environ),
        )
        return Announcer(
            log=self.stores.log,
            receiver=_Webhook(url, self._client(url)),
            occasions=frozenset(settings.notify.on),
            write=wording.plain if settings.notify.format == "plain" else wording.slack,
            warn=self.clients.warn,
            elapsed=self.clients.clocks.elapsed,
        )

    def _client(self, url: Secret) -> ServiceClient:
        from releaseguard.http import ServiceClient, TimeLimits
        from releaseguard_events.places.hosts import place_of
        from releaseguard_events.places.urls import split

        parts = split(url.reveal())
        assert place_of(url.reveal()).host  # noqa: S101 - SAFE MODE has read the address before
        client = ServiceClient(
            service="the webhook",
            base_url=f"{parts.scheme}://{parts.server}",
            times=TimeLimits(request=TIMEOUT, repeats=0.0),
            proxy=self.clients.settings.network.proxy,
            clocks=self.clients.clocks,
        )
        self.clients.opened.callback(client.close)
        return client


def board_of(clients: Clients) -> ReleaseBoard:
    """The board of the job's repository. Raises ``UsageError`` outside a job, ``Refused`` in a run that may not use
    credentials."""
    return next(service.board(clients.context(service)) for service in SERVICES if service.board is not None)


def _of_verdict(judged: Judged) -> Iterable[News]:
    from releaseguard.notify.gather import of_verdict
    from releaseguard.verification.telling.document import document_of

    return of_verdict(document_of(judged))


def _of_providers(environment: str, providers: Sequence[ProviderHealth]) -> Iterable[News]:
    from releaseguard.notify.gather import of_providers

    return of_providers(environment, providers)


class _Webhook(Struct, frozen=True):
    """One webhook. Nothing of its address but the host is ever shown, since the path is a secret."""

    url: Secret
    client: ServiceClient

    def deliver(self, payload: Payload) -> Delivery:
        """Send a message, once."""
        from urllib.parse import parse_qsl

        from releaseguard.notify.announce import Delivery
        from releaseguard_events.places.urls import split

        parts, sent = split(self.url.reveal()), False

        def mark() -> None:
            nonlocal sent
            sent = True

        try:
            reply = self.client.request(
                "POST",
                parts.path or "/",
                params=dict(parse_qsl(parts.query, keep_blank_values=True)),
                json=payload,
                once=True,
                allow=range(300, 600),
                on_write=mark,
            )
        except Unreachable:
            return Delivery(f"{self.client.host} did not answer", may_have_arrived=sent)
        except ReleaseguardError:
            return Delivery(f"{self.client.host} took no message")
        except ValueError:
            return Delivery(f"the address in {NOTIFY} holds characters that no address holds")
        return Delivery() if reply.status < 300 else Delivery(f"{self.client.host} answered {reply.status}")
