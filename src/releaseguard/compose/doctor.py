"""Puts together what ``doctor`` examines."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from msgspec import structs

from releaseguard.cards.load import Cards
from releaseguard.compose.bindings import Bindings
from releaseguard.compose.clients import Clients
from releaseguard.compose.flows import Flows
from releaseguard.compose.known import configuration, endpoints
from releaseguard.compose.known.configuration import ADDRESSES, APP, vault_of
from releaseguard.compose.known.requirements import readable, requirements
from releaseguard.compose.rotation import Rotation
from releaseguard.compose.stores import Stores
from releaseguard.destinations.address import Address
from releaseguard.errors import ConfigError, SafeModeRefusal
from releaseguard.model import Remark
from releaseguard.safemode.policy import PROXY_SETTING
from releaseguard.services import SERVICES
from releaseguard.services.interface import Service
from releaseguard.settings import Settings, seconds

if TYPE_CHECKING:
    from releaseguard.doctor.values import AppLooks, DoctorContext, ServiceLooks
from releaseguard.http.replies import ClockReading

HASTY = "10s"


def hasty(settings: Settings) -> Settings:
    """The settings with short waits: a rotation may wait minutes for a rate limit, a person at a terminal should
    not."""
    if seconds(settings.network.patience) <= seconds(HASTY):
        return settings
    return structs.replace(settings, network=structs.replace(settings.network, patience=HASTY))


def refusals(settings: Settings, environ: Mapping[str, str], cards: Cards) -> Mapping[str, SafeModeRefusal]:
    """Setting -> why SAFE MODE does not allow its address, or sends no credential there."""
    trusted = endpoints.RULES.trust_of(environ)
    found: dict[str, SafeModeRefusal] = {}
    for setting, url in endpoints.of(settings, environ).items():
        carried = endpoints.RULES.what_goes_to(setting, environ)
        refused = endpoints.refusal_of(settings, cards, setting, url) or endpoints.refusal(
            settings, trusted, setting, url, carried
        )
        if refused:
            found[setting] = refused
    proxy = settings.network.proxy
    if proxy and (refused := endpoints.refusal_of(settings, cards, PROXY_SETTING, proxy)):
        found[PROXY_SETTING] = refused
    return found


@dataclass(frozen=True, eq=False)
class Doctor:
    """Puts together what ``doctor`` examines."""

    clients: Clients
    stores: Stores
    bindings: Bindings
    rotation: Rotation
    flows: Flows

    def context(
        self,
        provider: str | None,
        card_problems: Sequence[ConfigError],
        refused: Mapping[str, SafeModeRefusal],
        ignored_proxies: Sequence[str],
        close: Callable[[], None],
    ) -> DoctorContext:
        """Everything that is examined, for all providers or one."""
        from releaseguard.doctor.values import DoctorContext

        settings, environ = self.clients.settings, self.clients.environ
        places, vault = readable(settings, provider), vault_of(settings)
        return DoctorContext(
            settings=settings,
            environ=environ,
            provider=provider,
            cards=self.bindings.cards,
            card_problems=card_problems,
            own_cards=configuration.own_cards(settings),
            addresses=self._addresses(),
            refused=refused,
            run_refusal=self.clients.safety.refused_run,
            ignored_proxies=ignored_proxies,
            read_address=ADDRESSES.parse,
            places=places,
            requirements=requirements(settings, provider),
            replaceable=[one.variable for service in SERVICES for one in service.replaceable],
            services=[self._looks(service, places, provider) for service in SERVICES],
            vault_service=self._looks(vault, {}),
            vault_setting=vault.vault_setting,
            vault_is_set=vault.is_vault(settings.services[vault.name]),
            app=self._app_looks(),
            vault=lambda: self.bindings.vault,
            destination=self.bindings.destination,
            claims=lambda: list(self.bindings.claims()),
            misplaced=lambda: list(self.bindings.problems()),
            other_writers=partial(self.bindings.other_writers, provider),
            log=lambda: self.stores.bare_log,
            exposed=self.stores.exposed,
            database=(lambda: self.stores.app_database) if environ.get(settings.app.database_url_env) else None,
            close=close,
        )

    def _addresses(self) -> Mapping[str, str]:
        settings, proxy = self.clients.settings, self.clients.settings.network.proxy
        return {**endpoints.of(settings, self.clients.environ), **({PROXY_SETTING: proxy} if proxy else {})}

    def _looks(
        self, service: Service[Any], places: Mapping[str, Sequence[Address]], provider: str | None = None
    ) -> ServiceLooks:
        from releaseguard.doctor.values import ServiceLooks

        found = [address for listed in places.values() for address in listed]
        mine = [address for address in found if configuration.service_at(address) is service]
        return ServiceLooks(
            name=service.name,
            title=service.title,
            date=lambda: self._date(service),
            places=mine,
            account=partial(self._account, service, mine) if service.account else None,
            alerts=partial(self.rotation.alerts_at, mine) if service.alerts else None,
            writers=partial(self.bindings.writers_elsewhere, provider) if service.workflows else None,
        )

    def _date(self, service: Service[Any]) -> ClockReading | None:
        return self.clients.connect(dict, service=service, carries=False).date(service.dated)

    def _account(self, service: Service[Any], mine: Sequence[Address]) -> Iterator[Remark]:
        if service.account is not None:
            yield from service.account(self.clients.context(service), mine)

    def _app_looks(self) -> AppLooks:
        from releaseguard.doctor.values import AppLooks

        return AppLooks(date=self._app_date, account=self._app_account, public_key=APP.public_key)

    def _app_date(self) -> ClockReading | None:
        url = self.clients.settings.app.url
        return self.clients.connect(dict, setting=endpoints.APP_SETTING, url=url, carries=False).date(APP.dated)

    def _app_account(self) -> Iterator[Remark]:
        key = self.flows.public_key()
        yield from APP.look(self.clients.app(lambda: {"apikey": key}))
