"""What stands between a run and the network: which hosts it may reach, where credentials may go, whether it may use
any."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property

from msgspec import Struct

from releaseguard.cards.load import Cards
from releaseguard.compose.known import configuration, endpoints
from releaseguard.compose.known.requirements import requirements
from releaseguard.errors import Refused
from releaseguard.safemode import checkout
from releaseguard.safemode.policy import EVENTS_SETTING, Policy
from releaseguard.settings import Settings
from releaseguard_events.places.hosts import Place
from releaseguard_events.places.trust import Trust
from releaseguard_events.places.urls import scheme_of


def check(settings: Settings, environ: Mapping[str, str], cards: Cards) -> Policy:
    """SAFE MODE's rules for these settings. Nothing is put in force.

    Raises ``ConfigError`` for an unknown provider, ``SafeModeRefusal`` where a setting names a provider's host.
    """
    configuration.check_providers(settings, cards)
    return endpoints.policy_of(settings, cards, endpoints.of(settings, environ), settings.network.proxy)


def run_refusal(environ: Mapping[str, str]) -> Refused | None:
    """Why this CI run may use no credential; ``None`` where it may."""
    return checkout.refusal(environ, checkout.payload_of(environ))


class Safety(Struct, frozen=True, dict=True, eq=False):
    """Asked before every client and every connection to a database."""

    settings: Settings
    environ: Mapping[str, str]
    policy: Policy
    run_refusal: Refused | None = None
    """Why this CI run may use no credential; ``None`` where it may."""

    @cached_property
    def trusted(self) -> Trust:
        """What the environment says about where credentials may go."""
        return endpoints.RULES.trust_of(self.environ)

    @property
    def refused_run(self) -> Refused | None:
        """Why this run must not contact services; ``None`` where it may, or where it has no credential anyway."""
        return self.run_refusal if self._uses_credentials() else None

    def _uses_credentials(self) -> bool:
        at_hand = any(one.met_by(self.environ) for one in requirements(self.settings))
        log_is_a_file = scheme_of(self.settings.events.url) == "sqlite"
        return at_hand or bool(self.environ.get(self.settings.app.database_url_env)) or not log_is_a_file

    def refuse_services(self) -> None:
        """Raise ``Refused`` where this run has credentials and may not use them. For commands in which a single look
        may fail: the refusal must not be mistaken for such a failure."""
        if self.refused_run is not None:
            raise self.refused_run

    def refuse_run(self) -> None:
        """Raise ``Refused`` where this run may use no credential."""
        if self.run_refusal is not None:
            raise self.run_refusal

    def refuse_to_carry(self, setting: str, url: str) -> None:
        """Raise ``Refused`` where confidential data may not be sent to the address of ``setting``."""
        self.refuse_run()
        credential = endpoints.RULES.what_goes_to(setting, self.environ)
        if refused := endpoints.refusal(self.settings, self.trusted, setting, url, credential):
            raise refused

    def pinned_log(self, target: str) -> str:
        """The connection string with which libpq connects to the event log at ``target``. Raises ``Refused``."""
        from releaseguard.safemode.libpq import check_libpq

        self.refuse_run()

        def vouch(place: Place) -> None:
            refused = self.trusted.refusal("the database's password", EVENTS_SETTING, place, address=target)
            if refused is not None:
                refused.where = endpoints.place_in_file(self.settings, EVENTS_SETTING)
                raise refused

        return check_libpq(target, self.environ, policy=self.policy, vouch=vouch).conninfo.reveal()

    def pinned_database(self, target: str) -> str:
        """The same for the app's own database, whose whole address comes from the environment."""
        from releaseguard.safemode.libpq import check_libpq

        self.refuse_run()
        setting = self.settings.app.database_url_env
        return check_libpq(target, self.environ, setting=setting, policy=self.policy).conninfo.reveal()
