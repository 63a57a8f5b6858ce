"""What synthetic flows need: the app, its test user, and the event log."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from typing import TYPE_CHECKING

from msgspec import Struct

from releaseguard.cards.spec import Card
from releaseguard.compose.bindings import Bindings
from releaseguard.compose.clients import Clients
from releaseguard.compose.known.configuration import APP, vault_of
from releaseguard.compose.stores import Stores
from releaseguard.model import new_id
from releaseguard.secret import Secret

if TYPE_CHECKING:
    from releaseguard.cards.spec import FlowCheck
    from releaseguard.verification.checks.live_checks import RunFlows
    from releaseguard.verification.flows.context import FlowContext
    from releaseguard.verification.flows.session import SyntheticUser
    from releaseguard.verification.values import Deployment, Finding


class Flows(Struct, dict=True, eq=False):
    """Puts together what runs the cards' flows, when one is first needed."""

    clients: Clients
    stores: Stores
    bindings: Bindings

    @property
    def test_paths(self) -> frozenset[str]:
        """The providers whose money-moving flows are configured as going to a test path."""
        return frozenset(name for name, one in self.clients.settings.providers.items() if one.test_path)

    @property
    def are_configured(self) -> bool:
        """Whether the app and the vault with its test user are configured."""
        vault = vault_of(self.clients.settings)
        return bool(self.clients.settings.app.url) and vault.is_vault(self.clients.settings.services[vault.name])

    def run(self, card: Card, check: FlowCheck, deployment: Deployment) -> Finding:
        return self._stage(card, check, deployment)

    @cached_property
    def _stage(self) -> RunFlows:
        """The runner of flows, made with the first flow: a verdict without flows needs no client of the app."""
        from releaseguard.verification.flows.stage import FlowStage

        return FlowStage(self.context)

    @cached_property
    def context(self) -> FlowContext:
        """What synthetic flows need: the app, its test user, and the event log."""
        from releaseguard.verification.flows.context import FlowContext
        from releaseguard.verification.flows.session import UserSession

        session = UserSession(self._test_user, self.clients.clocks.elapsed)
        return FlowContext(
            log=self.stores.log,
            client=self.clients.app(session.headers),
            session=session,
            environment=self.clients.settings.environment,
            test_paths=self.test_paths,
            clock=self.clients.clocks.elapsed,
            sleep=self.clients.clocks.sleep,
        )

    def _test_user(self) -> SyntheticUser:
        from releaseguard.verification.flows.session import SyntheticUser

        vault = self.bindings.vault
        return SyntheticUser(
            email=vault.read("SYNTHETIC_USER_EMAIL").value,
            password=vault.read("SYNTHETIC_USER_PASSWORD").value,
            public_key=self.public_key(),
        )

    def public_key(self) -> Secret:
        """The app's public key, from the environment or else from the vault."""
        given = self.clients.environ.get(APP.public_key)
        return Secret(given) if given else self.bindings.vault.read(APP.public_key).value

    def runner(self, card: Card) -> Callable[[str], object] | None:
        """A function that runs one of the card's flows once; ``None`` where the app's address is not configured."""
        if not self.are_configured:
            return None
        from releaseguard.verification.flows.runner import FlowRunner

        # Each rotation's flows are runs of their own: an idempotency key used before would make no event.
        runner = FlowRunner(self.context, purpose=f"rotation {new_id()}", release=None)

        def run(flow_id: str) -> object:
            flow = self.bindings.cards.flow(card.id, flow_id)
            runner.recover(card, flow)
            return runner.run(card, flow)

        return run
