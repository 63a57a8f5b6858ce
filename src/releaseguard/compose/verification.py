"""Puts together what verdicts and health checks read."""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from msgspec import Struct

from releaseguard.compose.bindings import Bindings
from releaseguard.compose.clients import Clients
from releaseguard.compose.flows import Flows
from releaseguard.compose.known.configuration import vault_of
from releaseguard.compose.stores import Stores
from releaseguard.settings import Settings, span

if TYPE_CHECKING:
    from releaseguard.health.run import HealthContext
    from releaseguard.stats.calendar import Calendar
    from releaseguard.verification.checks.live_checks import LiveChecks
    from releaseguard.verification.context import VerifyContext
    from releaseguard.verification.evidence import SecretState
    from releaseguard.verification.values import Promise
    from releaseguard.verification.whose.population import Population


class Verification(Struct, dict=True, eq=False):
    """Puts together what verdicts, flows and health checks need."""

    clients: Clients
    stores: Stores
    bindings: Bindings
    flows: Flows

    def __post_init__(self) -> None:
        self._settings = self.clients.settings

    def context(self, *, window: timedelta | None = None, baseline: timedelta | None = None) -> VerifyContext:
        """Everything that a verification reads; ``window`` and ``baseline`` override the configured ones."""
        from releaseguard.verification.context import VerifyContext
        from releaseguard_events.scrub.scrubber import kinds_by_key

        self.clients.safety.refuse_services()
        return VerifyContext(
            log=self.stores.log,
            cards=list(self.bindings.cards),
            environment=self._settings.environment,
            promise=self.promise(window, baseline),
            kinds=kinds_by_key,
            live_checks=self.live_checks(),
            now=self.stores.log.now,
            population=self.population,
        )

    def health(self, window: timedelta, provider: str | None, as_of: datetime | None = None) -> HealthContext:
        """Everything that a health check reads; with ``as_of`` only what had been recorded by then."""
        from releaseguard.health.run import HealthContext

        return HealthContext(
            log=self.stores.log,
            cards=list(self.bindings.cards),
            environment=self._settings.environment,
            window=window,
            baseline=span(self._settings.verify.baseline),
            now=(lambda: as_of) if as_of else self.stores.log.now,
            provider=provider,
            calendar=_calendar(self._settings),
            recorded_until=as_of,
        )

    @property
    def population(self) -> Population:
        """How releases and components are named in rows."""
        return population_of(self._settings)

    def promise(self, window: timedelta | None, baseline: timedelta | None) -> Promise:
        """What is promised about verdicts, and over how much time."""
        return promise_of(self._settings, window, baseline)

    def live_checks(self) -> LiveChecks:
        """What can be examined now, apart from the log."""
        from releaseguard.verification.checks.live_checks import LiveChecks

        providers, setting = self._settings.providers, self._settings.app.database_url_env
        return LiveChecks(
            secret_states=self._secret_states,
            providers_with_destinations=frozenset(name for name, one in providers.items() if one.every_destination),
            count_rows=self.stores.app_database.count_rows if self.clients.environ.get(setting) else None,
            database_setting=setting,
            run_flows=self.flows.run if self.flows.are_configured else None,
            flow_setting=vault_of(self._settings).vault_setting if self._settings.app.url else "[app] url",
            test_paths=self.flows.test_paths,
        )

    def _secret_states(self, provider: str, names: Sequence[str]) -> Sequence[SecretState]:
        from releaseguard.rotation.drift.compare import DRIFTED, DriftStatus
        from releaseguard.rotation.drift.survey import survey
        from releaseguard.verification.evidence import SecretState

        bindings = self.bindings
        found = survey(bindings.managed(provider), bindings.vault, self.stores.log, copies=False).findings
        in_step = dict.fromkeys(DRIFTED, False) | {DriftStatus.IN_STEP: True}
        return [
            SecretState(one.secret, one.uri, in_step.get(one.status), one.reason)
            for one in found
            if not names or one.secret in names
        ]


def population_of(settings: Settings) -> Population:
    """How releases and components are named in rows under these settings."""
    from releaseguard.verification.whose.components import components_of
    from releaseguard.verification.whose.population import Population
    from releaseguard.verification.whose.tags import tags_of

    section = settings.verify
    return Population(
        tags=tags_of(section.release_pattern),
        components=components_of(settings.components),
        lead_minutes=_minutes(span(section.lead)),
    )


def promise_of(settings: Settings, window: timedelta | None, baseline: timedelta | None) -> Promise:
    """What these settings promise; a given ``window`` or ``baseline`` overrides theirs."""
    from releaseguard.verification.values import Promise

    section = settings.verify
    return Promise(
        false_alarm=section.false_alarm_rate,
        window_minutes=_minutes(window or span(section.window)),
        baseline_minutes=_minutes(baseline or span(section.baseline)),
        calendar=_calendar(settings),
    )


def _calendar(settings: Settings) -> Calendar:
    """The project's time zone, and its exceptional days."""
    from releaseguard.stats.calendar import Calendar, special_days

    return Calendar(settings.project.timezone, frozenset(special_days(settings.calendar)))


def _minutes(time: timedelta) -> int:
    return max(math.ceil(time / timedelta(minutes=1)), 1)
