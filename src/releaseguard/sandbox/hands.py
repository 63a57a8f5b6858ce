"""What a person would do, in the sandbox: at a provider's console, in Infisical, in the app, and to its misfortune."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import ClassVar

from releaseguard.cards.load import Cards, load_cards
from releaseguard.cards.spec import SecretSpec
from releaseguard.errors import ReleaseguardError, UsageError
from releaseguard.eventlog.entries import deployment
from releaseguard.eventlog.interface import EventLog
from releaseguard.model import utc_now
from releaseguard.sandbox.course import Course, Stream
from releaseguard.sandbox.life import use_now
from releaseguard.sandbox.providers import Trouble
from releaseguard.sandbox.serving.exchange import Clock, Request, Response
from releaseguard.sandbox.serving.stand_in import StandIn, route
from releaseguard.sandbox.world import World

USES = 5
"""How often each process uses the provider when somebody tries it out."""
BROKEN = 0.6
"""The share of the uses that fail at a broken provider."""


@dataclass(frozen=True, slots=True)
class Hands:
    """A person with every access, in one world."""

    world: World
    course: Course
    log: EventLog
    cards: Cards = field(default_factory=load_cards)

    def new_key(self, provider: str, secret: str | None) -> str:
        """Make a new key at the provider's console and store it in Infisical (a group whole)."""
        unit = self._unit(provider, secret)
        if not unit:
            raise UsageError(
                f"the keys of {provider} are kept at the provider: there is nothing to store",
                next_step=f"Replace the key there: releaseguard sandbox console {provider}",
            )
        made = [f"{one.name} version {self.world.new_key(one.name)}" for one in unit]
        return f"Made at {provider} and stored in Infisical: {', '.join(made)}."

    def console(self, provider: str, secret: str | None) -> str:
        """Set at the provider's console what a rotation waits for: Infisical's newest value, or a new key to keep."""
        names = []
        for one in self._members(provider, secret):
            names.append(one.name)
            if one.from_ == "manual":
                self.world.replace_at_provider(one.name)
            else:
                self._set_at_console(one)
        return f"Set at the console of {provider}: {', '.join(names)}."

    def _set_at_console(self, one: SecretSpec) -> None:
        vault, providers = self.world.infisical, self.world.providers
        newest = vault.newest(one.name)
        if not one.overlap:
            for version in range(1, newest):
                providers.revoke(vault.value(one.name, version))
        providers.admit(vault.value(one.name))

    def revoke(self, provider: str, secret: str | None) -> str:
        """Revoke at the provider's console every version but the newest."""
        revoked = []
        for one in self._unit(provider, secret):
            newest = self.world.infisical.newest(one.name)
            revoked += [f"{one.name} version {version}" for version in range(1, newest)]
            for version in range(1, newest):
                self.world.revoke(one.name, version)
        return f"Revoked at {provider}: {', '.join(revoked) or 'nothing, there is one version only'}."

    def use(self, provider: str, _secret: str | None) -> str:
        """Use the provider in the app, a few times from every process."""
        with self.world.app.lock:
            events = [event for stream in self._streams(provider) for event in use_now(self.world.app, stream, USES)]
        failed = sum(event.outcome == "error" for event in events)
        return f"{len(events)} uses of {provider}, {failed} failed."

    def break_(self, provider: str, _secret: str | None) -> str:
        """Let the provider fail six calls in ten, until `heal`."""
        self._known(provider)
        self.world.providers.troubles[provider] = Trouble(BROKEN)
        return f"{provider} fails {BROKEN:.0%} of its calls from now on."

    def silence(self, provider: str, _secret: str | None) -> str:
        """Let the app never come to use the provider, until `heal`."""
        self._known(provider)
        self.world.providers.unused.add(provider)
        return f"The app does not use {provider} any more."

    def heal(self, provider: str | None, _secret: str | None) -> str:
        """Undo `break` and `silence`, for one provider or all."""
        providers = self.world.providers
        for name in [provider] if provider else [*providers.troubles, *providers.unused]:
            providers.troubles.pop(name, None)
            providers.unused.discard(name)
        return f"{provider or 'Every provider'} works as before."

    def release(self, _provider: str | None, _secret: str | None) -> str:
        """Ship a new release of the app and mark its deployment, as a pipeline does."""
        name = secrets.token_hex(20)
        self.world.deploy(name)
        self.log.append([deployment(name, self.world.app.environment, self.world.clock())])
        return f"Release {name} is live. Judge it: releaseguard verify --release {name} --watch"

    def _known(self, provider: str) -> None:
        self.cards.get(provider)

    def _members(self, provider: str, secret: str | None) -> Sequence[SecretSpec]:
        return self.cards.get(provider).unit_of(secret)

    def _unit(self, provider: str, secret: str | None) -> Sequence[SecretSpec]:
        """Those members that Infisical holds."""
        return [one for one in self._members(provider, secret) if one.from_ != "manual"]

    def _streams(self, provider: str) -> Iterator[Stream]:
        self._known(provider)
        return (stream for stream in self.course.streams if stream.provider == provider and stream.secrets)


Act = Callable[[Hands, str, str | None], str]
ACTS: Mapping[str, Act] = {
    "new-key": Hands.new_key,
    "console": Hands.console,
    "revoke": Hands.revoke,
    "use": Hands.use,
    "break": Hands.break_,
    "silence": Hands.silence,
    "heal": Hands.heal,
    "release": Hands.release,
}
"""What can be asked for by name. The first line of each is its help."""
WITHOUT_PROVIDER = frozenset({"heal", "release"})


class Desk(StandIn):
    """Where a running sandbox is told what to do, by the same command in another terminal."""

    name: ClassVar[str] = "desk"

    def __init__(self, hands: Hands, clock: Clock = utc_now) -> None:
        super().__init__(clock)
        self._hands = hands

    @route("POST", "/acts/{act}")
    def do(self, request: Request) -> Response:
        asked = request.json()
        act = ACTS[request.params["act"]]
        try:
            return Response(200, {"done": act(self._hands, asked.get("provider"), asked.get("secret"))})
        except ReleaseguardError as error:
            return Response(409, {"what": error.what, "next_step": error.next_step})
