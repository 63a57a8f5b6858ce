"""Puts together what a rotation works with, and where a leak's exposure is looked up."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from releaseguard.audit.chain import ChainKey
from releaseguard.cards.spec import Card
from releaseguard.ci.job import is_job
from releaseguard.compose.bindings import Bindings
from releaseguard.compose.clients import Clients
from releaseguard.compose.flows import Flows
from releaseguard.compose.known.configuration import ADDRESSES, KNOWN, vault_of
from releaseguard.compose.notifying import Notices
from releaseguard.compose.own_accesses import own_accesses
from releaseguard.compose.stores import Stores
from releaseguard.destinations.address import Address
from releaseguard.destinations.hands import is_hands
from releaseguard.errors import ConfigError, ServiceError
from releaseguard.services import SERVICES
from releaseguard.settings import span
from releaseguard.tomlfile import did_you_mean
from releaseguard_events.scrub.fingerprints import SALT_VARIABLE

if TYPE_CHECKING:
    from releaseguard.deployments.interface import Deployer
    from releaseguard.deployments.workflow import WorkflowAddress
    from releaseguard.destinations.interface import RunQueue
    from releaseguard.leaks.interface import AlertSource, Haystack
    from releaseguard.rotation.aftermath import AftermathSources
    from releaseguard.rotation.context import Binding, RotationContext, RotationRules
    from releaseguard.rotation.exposure.gather import ExposureSources
    from releaseguard.rotation.history.journal import Journal
    from releaseguard.rotation.planning.reporting import Register


@dataclass(frozen=True, eq=False)
class Rotation:
    """Puts together what rotations need."""

    clients: Clients
    stores: Stores
    bindings: Bindings
    flows: Flows
    notices: Notices

    def context(self, card: Card, secret: str | None) -> RotationContext:
        """Everything that a rotation of one of the card's units works with, including the guard of its lease."""
        from releaseguard.rotation.context import Guard, RotationContext

        settings, configured = self.clients.settings, self.bindings
        addresses = configured.addresses_for(card, secret)
        guard = Guard()
        self.clients.guard = guard
        return RotationContext(
            card=card,
            chain_key=ChainKey(card.id, settings.environment),
            vault=configured.vault,
            log=self.stores.log,
            bindings=[self._deployed(one) for one in configured.bindings_for(card, secret)],
            deployers=self._deployers(addresses),
            rules=self._rules(),
            clocks=self.clients.clocks,
            guard=guard,
            claims=list(configured.claims()),
            own_accesses=own_accesses(self.clients, card, secret, addresses),
            run_flow=self.flows.runner(card),
            other_writers=[str(one) for one in configured.other_writers(card.id)],
            writers_elsewhere=partial(self._writers_elsewhere, card),
            components=settings.components,
            usual_environment=settings.project.environment,
            leak_recorded=self.notices.tell_leaks,
            asks_for_new=is_job(self.clients.environ),
        )

    def _writers_elsewhere(self, card: Card) -> Sequence[str]:
        try:
            found = self.bindings.writers_elsewhere(card.id)
        except ServiceError as error:
            return [f"Nobody could check whether workflows of the repositories write these secrets too: {error}"]
        unread = [
            f"{place}: its workflows may not be read, so nobody has looked whether they write these secrets too."
            for place in found.unread
        ]
        return [*map(str, found.writers), *unread]

    def _deployers(self, addresses: Sequence[Address]) -> Mapping[str, Deployer]:
        by = self.clients.settings.deployments
        ours = [address for address in addresses if not is_hands(by.get(address.base, ""))]
        found = {address.base: self._by_workflow(address) or self.bindings.deployer(address) for address in ours}
        return {base: deployer for base, deployer in found.items() if deployer is not None}

    def _deployed(self, binding: Binding) -> Binding:
        """The binding, marked as running an app where a workflow or a person deploys it: it then has the new value
        after that."""
        if binding.destination.address.base in self.clients.settings.deployments:
            binding.destination.runtime = binding.destination.needs_deployment = True
        return binding

    def _deployed_by(self) -> Mapping[str, str]:
        """Place -> what deploys it instead of its service. Raises ``ConfigError`` for an invalid place or way."""
        settings = self.clients.settings
        known = {claim.address.base for claim in self.bindings.claims()}
        for base in settings.deployments:
            if base not in known:
                raise ConfigError(
                    f"deployments: {base!r} is not a destination",
                    where=settings.where("deployments", base),
                    next_step=f"{did_you_mean(base, known)} Name a destination without its targets.",
                )
            self._workflow(base)
        return settings.deployments

    def _workflow(self, base: str) -> WorkflowAddress | None:
        """The workflow in ``[deployments]`` that deploys a place; ``None`` where none is named."""
        from releaseguard.deployments.workflow import read_workflow

        settings = self.clients.settings
        named = settings.deployments.get(base)
        if named is None or is_hands(named):
            return None
        return read_workflow(named, settings.where("deployments", base))

    def _by_workflow(self, address: Address) -> Deployer | None:
        workflow = self._workflow(address.base)
        if workflow is None:
            return None
        [(service, make)] = [(one, one.workflow_deployer) for one in SERVICES if one.workflow_deployer]
        return make(self.clients.context(service), address.base, workflow)

    def _rules(self) -> RotationRules:
        from releaseguard.rotation.context import RotationRules

        section = self.clients.settings.rotation
        return RotationRules(
            read_address=ADDRESSES.parse,
            stood_on=frozenset(service.name for service in SERVICES if service.replaceable),
            example=KNOWN.examples[-1],
            vault_service=vault_of(self.clients.settings).name,
            workflow_service=next(service.name for service in SERVICES if service.workflow_deployer),
            lease=span(section.lease),
            request_timeout=span(self.clients.settings.network.timeout),
            prove_within=span(section.prove_within),
            deploy_within=span(section.deploy_within),
            accept_timing=section.accept_timing,
            salt=self._salt(),
            deployed_by=self._deployed_by(),
            limits={service.name: service.limits for service in SERVICES},
        )

    def _salt(self) -> str:
        """The salt of the writers' fingerprints, as long as they see the same configuration."""
        project = self.clients.settings.project
        return self.clients.environ.get(SALT_VARIABLE) or project.salt or project.name

    def journal(self, chain_key: ChainKey) -> Journal:
        """A chain's history, to be written by this process."""
        from releaseguard.rotation.context import describe_holder
        from releaseguard.rotation.history.journal import Journal

        holder = describe_holder(self.clients.environ)
        lease = span(self.clients.settings.rotation.lease)
        return Journal(self.stores.log, chain_key, holder, lease, self.clients.clocks)

    def leak_register(self, card: Card) -> Register:
        """Where a leak is brought on record although a rotation cannot even be set up."""
        from releaseguard.rotation.planning.reporting import Register

        key = ChainKey(card.id, self.clients.settings.environment)
        return Register(
            card=card,
            journal=self.journal(key),
            vault=None,
            salt=self._salt(),
            command=f"releaseguard rotate {key.provider} --environment {key.environment}",
            recorded=self.notices.tell_leaks,
        )

    def exposure_sources(self, context: RotationContext, secret: str | None) -> ExposureSources:
        """Where the exposure of a leaked secret is looked up."""
        from releaseguard.rotation.exposure.gather import ExposureSources

        addresses = self.bindings.addresses_for(context.card, secret)
        configured = [claim.address for claim in self.bindings.claims()]
        return ExposureSources(
            card=context.card,
            chain_key=context.chain_key,
            unit=context.card.unit_of(secret),
            bindings=context.bindings,
            vault=context.vault,
            log=context.log,
            waiting_runs=lambda pushed_at: self.run_queue(addresses).waiting(pushed_at),
            is_configured=lambda uri: any(ADDRESSES.parse(uri).overlaps(address) for address in configured),
            deployers=list(context.deployers.values()),
        )

    def aftermath_sources(self, context: RotationContext) -> AftermathSources:
        """What surrounds a rotation, opened when it is needed."""
        from releaseguard.rotation.aftermath import AftermathSources
        from releaseguard.rotation.exposure.postmortem import FOLDER

        return AftermathSources(
            exposure=lambda secret: self.exposure_sources(context, secret),
            alerts=self.alerts,
            cards=self.bindings.cards,
            folder=self.clients.settings.root / FOLDER,
            zone=self.clients.settings.project.timezone,
        )

    def run_queue(self, addresses: Sequence[Address]) -> RunQueue:
        """Runs of the CI service that may still hold the old values of these addresses."""
        [(service, make)] = [(service, service.run_queue) for service in SERVICES if service.run_queue]
        return make(self.clients.context(service), addresses)

    def alerts(self) -> AlertSource:
        """Secret-scanning alerts of every place that is a destination."""
        providers = self.clients.settings.providers
        declared = [name for name, section in providers.items() if section.every_destination]
        return self.alerts_at([one for name in declared for one in self.bindings.addresses_of(name)])

    def alerts_at(self, addresses: Sequence[Address]) -> AlertSource:
        """Secret-scanning alerts of the places among ``addresses``."""
        [(service, make)] = [(service, service.alerts) for service in SERVICES if service.alerts]
        return make(self.clients.context(service), addresses)

    def repository(self, root: Path) -> Haystack:
        """A git repository that can be searched for managed values."""
        from releaseguard.leaks.repository import GitRepository

        return GitRepository(root)
