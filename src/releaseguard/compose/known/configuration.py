"""The configuration with the sections of all services, and the cards that belong to it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from msgspec import structs

from releaseguard import settings
from releaseguard.cards.load import FOLDER, Cards, load_cards, own_folder
from releaseguard.cards.rules import is_query, request_problem
from releaseguard.cards.spec import InvariantCheck
from releaseguard.destinations import hands
from releaseguard.destinations.address import Address, Addresses
from releaseguard.errors import ConfigError
from releaseguard.services import SERVICES
from releaseguard.services.interface import Service
from releaseguard.settings import Settings
from releaseguard.settings.sections import FlowSection
from releaseguard.tomlfile import did_you_mean, nearest, read

if TYPE_CHECKING:
    from releaseguard_events.stores.table import EventTable

KNOWN = settings.Known(
    sections={service.name: service.section for service in SERVICES},
    databases=[name for service in SERVICES for name in sorted(service.vouching.databases)],
    examples=[service.example for service in SERVICES if service.example][:2],
    tokens=[service.tokens for service in SERVICES if service.tokens],
)
ADDRESSES = Addresses((*(scheme for service in SERVICES for scheme in service.schemes), hands.SCHEME))
"""Parses the addresses of every kind of destination."""

ROLES = [service.name for service in SERVICES if service.stands_at]
"""The infrastructure roles that a card's provider can have."""

[APP] = [service.app for service in SERVICES if service.app]
"""What the app's own backend is."""

of = partial(settings.of, known=KNOWN)


def load(
    path: Path | None,
    *,
    environment: str | None,
    environ: Mapping[str, str],
    start: Path | None = None,
    needs_log: bool = True,
) -> Settings:
    """:func:`releaseguard.settings.load` with the sections of all services. Raises ``ConfigError``."""
    return settings.load(path, environment=environment, environ=environ, known=KNOWN, start=start, needs_log=needs_log)


def service_at(address: Address) -> Service[Any] | None:
    """The service of an address; ``None`` for a place that a person writes."""
    found = (service for service in SERVICES if address.scheme in {scheme.name for scheme in service.schemes})
    return next(found, None)


def commands_at(address: Address, names: Sequence[str]) -> Sequence[str]:
    """The commands of the service's own command line that write ``names`` there by hand."""
    service = service_at(address)
    return service.by_hand(address, names) if service and service.by_hand else ()


def vault_of(settings: Settings) -> Service[Any]:
    """The service that is the vault: the one whose section says so. Raises ``ConfigError`` where two do."""
    vaults = [service for service in SERVICES if service.vault is not None]
    chosen = [service for service in vaults if service.is_vault(settings.services[service.name])]
    if len(chosen) > 1:
        names = [service.name for service in chosen]
        raise ConfigError(
            f"the secrets are in one vault, and {' and '.join(names)} are configured",
            where=settings.where(names[-1]),
            next_step="Remove the section that is not meant.",
        )
    return (chosen or vaults)[0]


def credential_help(service: str) -> str | None:
    """What to check where the service of that name refuses a credential."""
    return next((one.credential_help for one in SERVICES if one.name == service), None)


SLIP: Final = 0.6
"""The similarity from which one name is taken for a misspelling of another: ``sendgird`` is one, ``stripe`` is not."""


def events_table(settings: Settings) -> EventTable:
    """The table of the event log as configured. Raises ``ConfigError`` with the line of the mistake."""
    from releaseguard.eventlog.mapping.defaults import from_cards
    from releaseguard_events.mapping.parsing import ANY, described
    from releaseguard_events.mapping.rules import FROM_THE_CARDS
    from releaseguard_events.stores.table import COLUMNS, EventTable

    said = EventTable.of(described(structs.asdict(settings.events), COLUMNS, partial(settings.where, "events")))
    root = settings.root if settings.path else None
    table = replace(said, titles=lambda: cards_in(root).titles())
    if not table.names:
        return table
    cards = cards_in(root)
    for provider in settings.events.names:
        # A provider without a card may be named all the same, or its rows could not be read; a slip may not.
        if provider not in cards and provider != ANY and nearest(provider, cards.titles(), SLIP) is not None:
            next_step = did_you_mean(provider, cards.titles())
            where = settings.where("events", "names", provider)
            raise ConfigError(f"events.names.{provider}: there is no such provider", where=where, next_step=next_step)
    own = [rule for rule in table.names if rule not in FROM_THE_CARDS]
    defaults = from_cards(cards.first_events()) if len(own) < len(table.names) else ()
    return replace(table, names=(*own, *defaults))


def cards_in(folder: Path | None) -> Cards:
    """The shipped cards and the folder's own. Raises ``ConfigError``."""
    return load_cards(folder, ROLES)


def cards_of(settings: Settings) -> Cards:
    """The cards, completed with the project's own settings: its invariants and its requests of flows.

    Raises ``ConfigError`` where either is wrong.
    """
    cards = cards_in(settings.root if settings.path else None)
    for provider, section in settings.providers.items():
        for flow_id, said in section.flows.items():
            cards = _with_flow(settings, cards, provider, flow_id, said)
    known = [check.id for card in cards for check in card.checks if isinstance(check, InvariantCheck)]
    for name, sql in settings.app.invariants.items():
        where = settings.where("app", "invariants", name)
        if name not in known:
            raise ConfigError(f"no card has an invariant {name}", where=where, next_step=did_you_mean(name, known))
        if isinstance(sql, str) and not is_query(sql):
            step = f'Write {name} = "SELECT ...": what must not be there; or true for the card\'s own.'
            raise ConfigError("an invariant is one query that begins with select or with", where=where, next_step=step)
    return cards.with_invariants(settings.app.invariants, _own_invariants(settings))


def _with_flow(settings: Settings, cards: Cards, provider: str, flow_id: str, said: FlowSection) -> Cards:
    """The cards, with the app's own request in place of the card's."""
    where = partial(settings.where, "providers", provider, "flows", flow_id)
    key = f"providers.{provider}.flows.{flow_id}"
    flows = {flow.id: flow for flow in cards.get(provider).flows} if provider in cards else {}
    if flow_id not in flows:
        next_step = did_you_mean(flow_id, flows) if flows else "Its card has no flows."
        raise ConfigError(f"{key}: there is no such flow", where=where(), next_step=next_step)
    flow = flows[flow_id]
    given = {name: value for name, value in structs.asdict(said).items() if value is not None}
    if not isinstance(given.get("body", {}), Mapping):
        raise ConfigError(f"{key}.body: expected a table", where=where("body"))
    flow = structs.replace(flow, steps=[structs.replace(flow.steps[0], **given), *flow.steps[1:]])
    if problem := request_problem(flow):
        raise ConfigError(f"{key}.{problem[0]}: {problem[1]}", where=where(problem[0]))
    return cards.with_flow(provider, flow)


def _own_invariants(settings: Settings) -> frozenset[str]:
    """The ids of invariants for which the project's own cards state the SQL."""
    documents = [read(settings.root / FOLDER / f"{name}.toml") for name in own_cards(settings)]
    stated = [check for document in documents for check in document.data.get("checks", ())]
    return frozenset(check["id"] for check in stated if check.get("sql"))


def cards_or_problems(settings: Settings) -> tuple[Cards, Sequence[ConfigError]]:
    """The cards; where the project's own are invalid, the shipped ones and the errors."""
    try:
        return cards_of(settings), ()
    except ConfigError as error:
        return load_cards(None).with_invariants({}, frozenset()), getattr(error, "problems", (error,))


def own_cards(settings: Settings) -> Sequence[str]:
    """The project's own cards by name."""
    folder = own_folder(settings.root) if settings.path else None
    return sorted(path.stem for path in folder.glob("*.toml")) if folder else ()


def check_providers(settings: Settings, cards: Cards) -> None:
    """Raise ``ConfigError`` for a provider that no card describes."""
    for provider in settings.providers:
        if provider not in cards:
            raise ConfigError(
                f"providers.{provider}: there is no such provider",
                where=settings.where("providers", provider),
                next_step=f"{did_you_mean(provider, [card.id for card in cards])} "
                "A new provider is a new file in checks/.",
            )
