"""Reads the cards: those that ship, then the project's own, which add and override file by file.

A project's file says what differs from the shipped card of the same name, or is a whole card that replaces it. SAFE
MODE relies on two exceptions: the shipped card's hosts always count, and only the shipped card says whether
releaseguard depends on the provider as infrastructure. How a use looks in code also stays as shipped unless the project
says otherwise.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path

import msgspec
from msgspec import Struct

from releaseguard.cards import overlay, rules
from releaseguard.cards.compiled import FILE, compile_cards, compiled
from releaseguard.cards.spec import Card, Check, CodeSpec, FlowSpec, InvariantCheck, SecretSpec
from releaseguard.errors import ConfigError, UsageError
from releaseguard.tomlfile import Document, convert, did_you_mean, read

FOLDER = "checks"
"""The folder of cards: in the wheel, in a checkout, and next to a project's ``releaseguard.toml``."""


class CardErrors(ConfigError):
    """Everything that is wrong with the cards, reported at once; ``problems`` has one error each."""

    def __init__(self, problems: Sequence[ConfigError]) -> None:
        first = problems[0]
        if len(problems) == 1:
            super().__init__(first.what, where=first.where, next_step=first.next_step)
        else:
            lines = "".join(f"\n  {_line(problem)}" for problem in problems)
            super().__init__(
                f"the cards have {len(problems)} problems:{lines}", next_step="Correct them in this order."
            )
        self.problems = tuple(problems)


class Cards(Struct, frozen=True):
    """The cards by id, in order of their ids."""

    by_id: Mapping[str, Card]
    hosts: Mapping[str, str]
    """Host -> card id; see :meth:`denied_hosts`."""

    def __iter__(self) -> Iterator[Card]:
        return iter(self.by_id.values())

    def __len__(self) -> int:
        return len(self.by_id)

    def __contains__(self, provider: object) -> bool:
        return provider in self.by_id

    def get(self, provider: str) -> Card:
        """One provider's card. Raises ``UsageError`` with the nearest name where there is none."""
        if (card := self.by_id.get(provider)) is None:
            hint = f"{did_you_mean(provider, self.by_id)} A new provider is a new file in {FOLDER}/."
            raise UsageError(f"there is no provider {provider!r}", next_step=hint)
        return card

    def denied_hosts(self) -> Mapping[str, str]:
        """Each host that SAFE MODE refuses, subdomains included -> the card that lists it.

        A host below one of a shipped card's is attributed to that card, whoever lists it: a project's card cannot take
        over a provider's host.
        """
        return self.hosts

    def first_events(self) -> Iterator[tuple[str, str, str]]:
        """Each provider with the first success event and the first error event of its card; empty texts where it has
        none."""
        return ((card.id, (*card.events.success, "")[0], (*card.events.error, "")[0]) for card in self)

    def titles(self) -> Mapping[str, str]:
        """Provider -> its name for people."""
        return {card.id: card.name for card in self}

    def with_flow(self, provider: str, flow: FlowSpec) -> Cards:
        """The cards with one flow of one provider replaced by the project's."""
        card = self.by_id[provider]
        flows = [flow if one.id == flow.id else one for one in card.flows]
        return msgspec.structs.replace(self, by_id={**self.by_id, provider: msgspec.structs.replace(card, flows=flows)})

    def check(self, check_id: str) -> tuple[Card, Check]:
        """One check and its card. Raises ``UsageError`` with the nearest id where there is none."""
        by_id = {check.id: (card, check) for card in self for check in card.checks}
        if check_id not in by_id:
            raise UsageError(f"there is no check {check_id!r}", next_step=did_you_mean(check_id, by_id))
        return by_id[check_id]

    def with_invariants(self, sql: Mapping[str, str | bool], own: Collection[str]) -> Cards:
        """The cards with only those invariants that a project names: with its SQL in ``sql``, with the card's where
        that is ``True``, or, for the ids in ``own``, as stated by its own cards. All others are switched off, since a
        shipped query is about tables that the app may not have, or may use differently."""

        def named(check: Check) -> Check:
            if not isinstance(check, InvariantCheck):
                return check
            given = sql.get(check.id, check.id in own)
            text = given if isinstance(given, str) else check.sql if given else ""
            return msgspec.structs.replace(check, sql=text)

        by_id = {
            card.id: msgspec.structs.replace(card, checks=[named(check) for check in card.checks]) for card in self
        }
        return msgspec.structs.replace(self, by_id=by_id)

    def flow(self, provider: str, flow_id: str) -> FlowSpec:
        """One flow of one card. Raises ``UsageError`` with the nearest id where there is none."""
        flows = {flow.id: flow for flow in self.get(provider).flows}
        if flow_id not in flows:
            raise UsageError(f"{provider} has no flow {flow_id!r}", next_step=did_you_mean(flow_id, flows))
        return flows[flow_id]

    def secret(self, name: str) -> tuple[Card, SecretSpec] | None:
        """The card and specification of a secret by its name; ``None`` where no card has it."""
        return next(((card, secret) for card in self for secret in card.secrets if secret.name == name), None)


def load_cards(project_dir: Path | None = None, roles: Collection[str] | None = None) -> Cards:
    """The shipped cards and those in ``<project_dir>/checks``; ``roles`` are the roles in which these may be
    infrastructure.

    Raises ``ConfigError`` (:class:`CardErrors`) with file, line, key and nearest valid name for each problem.
    """
    shipped = shipped_folder()
    own = own_folder(project_dir) if project_dir else None
    if own is None and (checked := compiled(shipped)):
        return _together(checked, {})
    problems: list[ConfigError] = []
    return join(_documents(shipped, problems), _documents(own, problems) if own else (), problems, roles)


def own_folder(project_dir: Path) -> Path | None:
    """The folder of a project's own cards; ``None`` where it has none. Raises ``ConfigError`` for a broken link."""
    folder = project_dir / FOLDER
    if folder.is_dir():
        return None if folder.samefile(shipped_folder()) else folder
    if folder.is_symlink():
        raise ConfigError(
            "this link leads to no folder, so the project's own cards cannot be read",
            where=str(folder),
            next_step="Correct the link, or remove it.",
        )
    return None


def shipped_folder() -> Path:
    """The folder of the cards that come with releaseguard: inside the wheel, or at the root of a checkout. Raises
    ``ConfigError`` where they are missing."""
    package = Path(__file__).parents[1]
    for folder in (package / FOLDER, package.parents[1] / FOLDER):
        if any(folder.glob("*.toml")):
            return folder
    raise ConfigError(
        "the provider cards that come with releaseguard are missing",
        where=str(package / FOLDER),
        next_step="Install releaseguard again.",
    )


def join(
    shipped: Sequence[Document],
    own: Sequence[Document],
    unreadable: Sequence[ConfigError] = (),
    roles: Collection[str] | None = None,
) -> Cards:
    """The cards of both folders as one set, checked one by one and together.

    Raises :class:`CardErrors`, beginning with the ``unreadable`` ones.
    """
    problems = list(unreadable)
    base = _cards(shipped, problems)
    said = {document.path.stem: document for document in shipped}
    own = [_whole(document, said.get(document.path.stem)) for document in own]
    added = _cards(own, problems)
    documents = {document.path.stem: document for document in (*shipped, *own)}
    for name, card in added.items():
        problems += _role_problems(documents[name], card, base.get(name), roles)
    joined = _together(base, added)
    if not problems:
        problems += rules.problems_between(documents, joined.by_id)
    if problems:
        raise CardErrors(problems)
    return msgspec.structs.replace(joined, by_id=dict(sorted(joined.by_id.items())))


def _whole(own: Document, shipped: Document | None) -> Document:
    return own if shipped is None or overlay.is_whole(own) else overlay.over(shipped, own)


def compile_folder(folder: Path) -> bytes:
    """The bytes that :func:`load_cards` reads instead of the cards in an installation. Raises :class:`CardErrors`."""
    problems: list[ConfigError] = []
    documents = _documents(folder, problems)
    join(documents, (), problems)
    return compile_cards({document.path: document.data for document in documents})


def install_compiled(folder: Path) -> None:
    """Write them next to the cards. Raises :class:`CardErrors`."""
    from tempfile import NamedTemporaryFile

    made = compile_folder(folder)
    with NamedTemporaryFile(dir=folder.parent, prefix=".compiled-", delete=False) as written:
        written.write(made)
    Path(written.name).chmod(0o644)
    Path(written.name).replace(folder / FILE)  # at once: two installations may run side by side


def _together(base: Mapping[str, Card], added: Mapping[str, Card]) -> Cards:
    """Join both sets of cards. The project's come last, so that a clash is reported in the project's file."""
    kept = {name: card for name, card in base.items() if name not in added}
    cards = {**kept, **{name: _kept_honest(card, base.get(name)) for name, card in added.items()}}
    return Cards(cards, _owners(base, cards))


def read_card(document: Document) -> Card:
    """One card, checked by itself. Raises :class:`CardErrors`."""
    card = msgspec.structs.replace(convert(document, Card), path=str(document.path))
    if problems := list(rules.problems(document, card)):
        raise CardErrors(problems)
    return card


def _documents(folder: Path, problems: list[ConfigError]) -> Sequence[Document]:
    documents = []
    for path in sorted(folder.glob("*.toml")):
        try:
            documents.append(read(path))
        except ConfigError as error:
            problems.append(error)
    return documents


def _cards(documents: Sequence[Document], problems: list[ConfigError]) -> dict[str, Card]:
    """The readable cards by file name; the errors of the others are added to ``problems``."""
    cards = {}
    for document in documents:
        try:
            cards[document.path.stem] = read_card(document)
        except CardErrors as error:
            problems += error.problems
        except ConfigError as error:
            problems.append(error)
    return cards


def _kept_honest(own: Card, shipped: Card | None) -> Card:
    if shipped is None:
        return own
    hosts = tuple(dict.fromkeys((*shipped.hosts, *own.hosts)))
    code = own.code if own.code != CodeSpec() else shipped.code
    return msgspec.structs.replace(own, hosts=hosts, infrastructure=shipped.infrastructure, code=code)


def _role_problems(
    document: Document, own: Card, shipped: Card | None, roles: Collection[str] | None
) -> Iterator[ConfigError]:
    """Errors where a project's card makes infrastructure of a provider that ships as none, or names a role that is not
    among ``roles`` (``None`` where they are not known)."""
    if roles is not None and own.infrastructure not in (None, *roles):
        what = f"{own.infrastructure!r} is not one of its values"
        yield document.error(what, "infrastructure", next_step=did_you_mean(own.infrastructure or "", roles))
    elif shipped is not None and own.infrastructure not in (None, shipped.infrastructure):
        yield document.error(
            f"the card that ships for {own.id!r} says {shipped.infrastructure or 'nothing'!r}, and that stays",
            "infrastructure",
            next_step="Remove the key.",
        )


def _owners(shipped: Mapping[str, Card], cards: Mapping[str, Card]) -> Mapping[str, str]:
    first = {host: name for name, card in shipped.items() for host in card.hosts}
    owners = dict(first)
    for name, card in cards.items():
        for host in card.hosts:
            owners.setdefault(host, _owner_above(host, first) or name)
    return owners


def _owner_above(host: str, owners: Mapping[str, str]) -> str | None:
    """The card that lists ``host`` or a domain above it; ``None`` where none does."""
    labels = host.split(".")
    above = (".".join(labels[start:]) for start in range(len(labels)))
    return next((owners[name] for name in above if name in owners), None)


def _line(problem: ConfigError) -> str:
    return f"{problem}. {problem.next_step}" if problem.next_step else str(problem)
