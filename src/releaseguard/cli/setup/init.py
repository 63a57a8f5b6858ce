"""``releaseguard init``: a first configuration, and the workflows, never over anything that is there."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from releaseguard.cli.setup.init_later import add_workflows
from releaseguard.cli.setup.init_words import shown_path, text_of
from releaseguard.cli.shared.options import Run, command
from releaseguard.errors import ConfigError, ExitCode, ReleaseguardError, UsageError
from releaseguard.messages import LANGUAGES

if TYPE_CHECKING:
    from releaseguard.cards.load import Cards
    from releaseguard.init.answers import Answers, Guess
    from releaseguard.init.own_table import OwnTable

T = TypeVar("T")


@command("init", example="releaseguard init --provider sendgrid --destination github:lovendo/app --workflows")
@click.option("--name", help="The project's name  [default: that of package.json, the repository, or the directory]")
@click.option("--environment", metavar="E", help="The environment that the file describes  [default: production]")
@click.option("--language", type=click.Choice(LANGUAGES), help="Of playbooks and incident reports  [default: en]")
@click.option("--events-url", metavar="URL", help="The event log: sqlite:///, postgresql:// or https://REF.supabase.co")
@click.option("--app-url", metavar="URL", help="The app's own base address, for synthetic flows.")
@click.option("--infisical-url", metavar="URL", help="Infisical's address  [default: https://app.infisical.com]")
@click.option("--infisical-project", metavar="ID", help="The project's id there.")
@click.option("--infisical-environment", metavar="SLUG", help="The environment's slug there  [default: prod]")
@click.option("--vercel-team", metavar="ID", help="The team that owns the Vercel projects.")
@click.option("--provider", "providers", multiple=True, metavar="P", help="A provider to rotate; may be repeated.")
@click.option(
    "--destination",
    "destinations",
    multiple=True,
    metavar="[P=]URI",
    help="Where copies of the secrets are: of every provider, or of P alone; may be repeated.",
)
@click.option("--workflows", is_flag=True, default=None, help="Write the GitHub workflows too.")
@click.option("--yes", is_flag=True, help="Ask nothing: what no flag says is guessed or left for you to fill in.")
def init(run: Run, workflows: bool | None, yes: bool, **flags: Any) -> ExitCode:
    """Write a commented `releaseguard.toml` (or the file that --config names), and on request the workflows.

    On a terminal it asks for what no flag says; the answers it proposes come from the directory: the git remote,
    package.json, .vercel/project.json and supabase/. How the app logs is learnt from its source, where that defines one
    function for it; its parts from supabase/functions, apps/ and services/, each with the step that goes into the
    workflow which deploys it. Elsewhere, and with --yes, nothing is asked. Credentials are
    neither asked for nor written.

    Nothing is ever overwritten: where one of the files is there already, none is written, and the exit code is 4. A
    team that adds the pipeline later gives --workflows alone: beside a configuration that is there, they are written.
    Exit code 2 where an answer is not valid; nothing has been written then either.

    JSON: {"written": [paths], "answers": {"name", "environment", "language", "events_url", "infisical_url",
    "infisical_project", "infisical_slug", "infisical_environment", "infisical_path", "infisical_folders",
    "vercel_team", "app_url", "destinations": {provider: [uri]}}, "variables": [what the environment has to hold],
    "fill_in": [settings left open], "components": [{"name", "workflows": [paths], "step": text}], "next": [commands]};
    no answers where the file was there.
    """
    from releaseguard.coverage.learning import log_section
    from releaseguard.init import files
    from releaseguard.init.answers import guess
    from releaseguard.init.components import markings_of, parts_of
    from releaseguard.init.components import section as parts_section
    from releaseguard.init.own_table import recognised, section
    from releaseguard.init.text import render

    config = (run.config or Path("releaseguard.toml")).absolute()
    _check_folder(config)
    if workflows and not any(flags.values()) and config.is_file() and not config.is_symlink():
        return add_workflows(run, config)
    guessed = guess(config.parent)
    root = guessed.root or config.parent
    asks = not yes and sys.stdin is not None and sys.stdin.isatty()
    own = recognised(config.parent)
    form = _Form(config.parent, guessed, flags, asks, own is not None)
    answers = form.filled()
    wanted = form.ask_workflows(workflows)
    parts = parts_of(root)
    own_section = section(own, answers.environment) if own else ""
    text = render(answers, guessed.destinations, own_section, parts_section(parts))
    text += log_section(config.parent)
    variables = _checked(text, config, form.cards)
    new = {config: text, **(files.workflows(answers, root, config) if wanted else {})}
    written = files.write(new, root if config.is_relative_to(root) else config.parent)
    _tell_of_others(run, config, own)
    if wanted:
        _tell_of_variables(run, answers.events_url)
    shown = [shown_path(path) for path in written]
    following, markings = _next_steps(run, answers), markings_of(parts, answers.events_url)
    document = {
        "written": shown,
        "answers": asdict(answers),
        "variables": variables,
        "fill_in": _left_open(answers),
        "components": [asdict(one) for one in markings],
        "next": following,
    }
    run.emit(lambda: text_of(document, markings, workflows=wanted), document)
    return ExitCode.OK


def _check_folder(config: Path) -> None:
    if not config.parent.is_dir():
        raise UsageError(
            "there is no such directory", where=str(config.parent), next_step=f"Make it: mkdir -p {config.parent}"
        )


@dataclass(frozen=True, slots=True)
class _Form:
    """One answer after the other: the flag, else what is typed, else what the directory lets one guess."""

    folder: Path
    guess: Guess
    flags: Mapping[str, Any]
    asks: bool
    has_table: bool
    """Whether the app has a table of events, which is in its database and in no file of ours."""

    @property
    def cards(self) -> Cards:
        from releaseguard.cards.load import load_cards

        return load_cards(self.folder)

    def filled(self) -> Answers:
        """Raises ``UsageError`` for a flag that is not valid."""
        from releaseguard.init.answers import ELSEWHERE, INFISICAL, SQLITE, Answers, slug_of

        name = self._answer("name", "Project's name", self.guess.name, _name)
        environment = self._answer("environment", "Environment", "production", _environment)
        events, vault = self.guess.supabase_url or (ELSEWHERE if self.has_table else SQLITE), self.guess.vault
        server = vault.url if vault else INFISICAL
        slug = (vault.environment if vault and environment == "production" else "") or slug_of(environment)
        return Answers(
            name=name,
            environment=environment,
            language=self.flags["language"] or ("en" if not self.asks else self._prompt("Language", "en", _language)),
            events_url=self._answer("events_url", "Event log", events, _events_url),
            app_url=self._optional("app_url", "The app's base address (empty: none)", self.guess.supabase_url),
            infisical_url=self._answer("infisical_url", "Infisical's address", server, _web_address),
            infisical_project=self._answer(
                "infisical_project", "Infisical project's id", vault.project_id if vault else "", str.strip
            ),
            infisical_slug=vault.slug if vault else "",
            infisical_environment=self._answer("infisical_environment", "Its environment's slug", slug, _slug),
            infisical_path=vault.path if vault else "/",
            infisical_folders=vault.others if vault else (),
            vercel_team=self.flags["vercel_team"] or self.guess.vercel_team,
            destinations=self._destinations(),
        )

    def ask_workflows(self, flag: bool | None) -> bool:
        """Whether the workflows are wanted: asked for only in a repository at GitHub."""
        if flag is not None or not self.asks or self.guess.repository is None:
            return bool(flag)
        return click.confirm("Write the GitHub workflows too?", default=False, err=True)

    def _answer(self, name: str, words: str, default: str, valid: Callable[[str], str]) -> str:
        given = self.flags[name]
        if given is None:
            return self._prompt(words, default, valid) if self.asks else default
        try:
            return valid(given)
        except ReleaseguardError as error:
            flag = f"--{name.replace('_', '-')}"
            raise UsageError(error.what, where=flag, next_step=error.next_step) from None

    def _optional(self, name: str, words: str, default: str | None) -> str | None:
        return self._answer(name, words, default or "", _web_address_or_nothing) or None

    def _prompt(self, words: str, default: str, valid: Callable[[str], T]) -> T:
        def converted(typed: str) -> T:
            try:
                return valid(typed)
            except ReleaseguardError as error:  # click says it and asks again
                raise click.UsageError(f"{error.what}. {error.next_step or ''}".strip()) from None

        found: T = click.prompt(words, default=default, value_proc=converted, err=True, show_default=bool(default))
        return found

    def _destinations(self) -> Mapping[str, Sequence[str]]:
        cards = self.cards
        common, own = _sorted_out(self.flags["destinations"])
        providers = [*self.flags["providers"]]
        if not providers and not own and self.asks:
            providers = self._prompt("Providers to rotate (with commas; empty: later)", "", _providers(cards))
        providers = list(dict.fromkeys([*providers, *own]))
        for provider in providers:
            cards.get(provider)
        if common and not providers:
            raise UsageError(
                "a destination is of a provider, and none is named",
                where="--destination",
                next_step="Add --provider P, or write --destination P=URI.",
            )
        chosen = common or ([] if own else self._common(providers))
        return {
            provider: [] if _kept_at_provider(cards, provider) else [*own.get(provider, []), *chosen]
            for provider in providers
        }

    def _common(self, providers: Sequence[str]) -> Sequence[str]:
        if not providers or not self.asks:
            return self.guess.destinations
        return self._prompt("Destinations of their secrets (with commas)", ", ".join(self.guess.destinations), _uris)


def _sorted_out(given: Sequence[str]) -> tuple[list[str], dict[str, list[str]]]:
    """The destinations of every provider, and those of one alone."""
    common: list[str] = []
    own: dict[str, list[str]] = {}
    for text in given:
        named = re.fullmatch(r"(?P<provider>[a-z0-9_]+)=(?P<uri>.*)", text)
        uri = _destination(named["uri"] if named else text)
        if named:
            own.setdefault(named["provider"], []).append(uri)
        else:
            common.append(uri)
    return common, own


def _kept_at_provider(cards: Cards, provider: str) -> bool:
    """Push keys and the like: a person changes them there, and no copy of them is ours to write."""
    return all(secret.from_ == "manual" for secret in cards.get(provider).secrets)


def _name(text: str) -> str:
    name = text.strip()
    if not name or not name.isprintable():
        raise UsageError("a name is a line of text", next_step="For instance: lovendo")
    return name


def _environment(text: str) -> str:
    from releaseguard.init.answers import ENVIRONMENT_NAME

    name = text.strip()
    if not ENVIRONMENT_NAME.fullmatch(name):
        raise UsageError(
            f"{text!r} is not the name of an environment", next_step="Letters, digits, '.', '_' and '-': production"
        )
    return name


def _language(text: str) -> str:
    if text.strip() not in LANGUAGES:
        raise UsageError(f"{text!r} is not a language of the playbooks", next_step="Write en or tr.")
    return text.strip()


def _slug(text: str) -> str:
    if not text.strip():
        raise UsageError("an environment of Infisical has a slug", next_step="For instance: prod")
    return text.strip()


def _events_url(text: str) -> str:
    """The address; its own text is never in the error, since it may hold a password."""
    from releaseguard_events.places.written import holds_password

    url = text.strip()
    if holds_password(url):
        raise UsageError(
            "the address holds a password, and credentials never stand in the file",
            next_step="Write ${NAME} in its place, and set NAME in the environment: "
            "postgresql://USER:${RELEASEGUARD_EVENTS_PASSWORD}@HOST/DATABASE (in single quotes, for the shell).",
        )
    if not re.match(r"sqlite:///.|postgres(ql)?://|https?://|\$\{", url):
        raise UsageError(
            "this is not the address of an event log",
            next_step="Write sqlite:///file.db, postgresql://... or https://REF.supabase.co.",
        )
    return url


def _web_address(text: str) -> str:
    from releaseguard_events.places.hosts import place_of

    url = text.strip().rstrip("/")
    try:
        place_of(url)
    except ValueError as error:
        raise UsageError(f"this is not a web address: {error}", next_step="Write it as https://host.") from None
    return url


def _web_address_or_nothing(text: str) -> str:
    return _web_address(text) if text.strip() else ""


def _destination(text: str) -> str:
    from releaseguard.compose.known.configuration import ADDRESSES

    try:
        ADDRESSES.parse(text)
    except ConfigError as error:
        raise UsageError(error.what, where="--destination", next_step=error.next_step) from None
    return text.strip()


def _uris(text: str) -> Sequence[str]:
    """With commas between them, some of which belong to Vercel's targets: the next one begins with its kind."""
    return [_destination(part) for part in re.split(r"\s*,\s*(?=[a-z-]+:)", text.strip()) if part]


def _providers(cards: Cards) -> Callable[[str], list[str]]:
    def split(text: str) -> list[str]:
        return [cards.get(part.strip()).id for part in text.split(",") if part.strip()]

    return split


def _checked(text: str, config: Path, cards: Cards) -> Sequence[str]:
    """The variables that the file asks for, once every other command would take it.

    Raises ``UsageError`` where none would, ``SafeModeRefusal`` for a provider's host.
    """
    from releaseguard import tomlfile
    from releaseguard.compose.known import configuration, endpoints
    from releaseguard.compose.known.requirements import variables_asked_for
    from releaseguard.compose.safety import check
    from releaseguard_events.places.written import variables_in

    document = tomlfile.parse(text, config)
    url = document.data["events"]["url"]
    named = dict.fromkeys(variables_in(url), "unknown")
    try:
        read = configuration.of(document, environment=None, environ=named, path=config)
        check(read, {}, cards)
    except ConfigError as error:
        raise UsageError(error.what, next_step=error.next_step) from None
    lacking = endpoints.to_be_trusted(read, {})
    return [*variables_asked_for(read, url), *(f"{name}={value} {_YOURS}" for name, value in lacking.items())]


_YOURS = "(hosts of yours: the file alone sends no credential there)"


def _tell_of_others(run: Run, config: Path, own: OwnTable | None) -> None:
    """What is read beside the new file, or instead of it, would be a surprise later on."""
    from releaseguard.settings import FILE_NAME

    if own:
        run.tell(f"The app's table {own.name} ({shown_path(own.file)}) is read as [events.columns] says there.")
    if run.config is None and (other := run.environ.get("RELEASEGUARD_CONFIG")):
        run.warn(f"RELEASEGUARD_CONFIG is set: commands read {other}, and not the new file, until it is unset.")
    above = next((folder for folder in config.parent.parents if (folder / FILE_NAME).is_file()), None)
    if above is not None:
        run.tell(f"In and below {config.parent} commands read the new file, and no longer {above / FILE_NAME}.")


def _tell_of_variables(run: Run, url: str) -> None:
    from releaseguard_events.places.written import variables_in

    if others := [name for name in dict.fromkeys(variables_in(url)) if name != "RELEASEGUARD_EVENTS_URL"]:
        run.warn(
            f"The workflows pass RELEASEGUARD_EVENTS_URL and not {' and '.join(others)}: add it to their `env`, or "
            'write url = "${RELEASEGUARD_EVENTS_URL}" and keep the whole address in that secret.'
        )


def _next_steps(run: Run, answers: Answers) -> Sequence[str]:
    given = f" --config {run.config}" if run.config else ""
    by_rest = answers.events_url.startswith(("http://", "https://"))
    return [f"releaseguard doctor{given}", f"releaseguard events migrate{' --sql' if by_rest else ''}{given}"]


def _left_open(answers: Answers) -> Sequence[str]:
    """The settings without which nothing can be rotated, and that nobody has said."""
    project = answers.infisical_project or answers.infisical_slug
    said = {"[infisical] project_id": project, "[providers.NAME] destinations": answers.destinations}
    bare = [name for name, uris in answers.destinations.items() if not uris and not _kept(name)]
    return [
        *(setting for setting, value in said.items() if not value),
        *(f"[providers.{name}] destinations" for name in bare),
    ]


def _kept(provider: str) -> bool:
    from releaseguard.cards.load import load_cards

    cards = load_cards(None)
    return provider in cards and _kept_at_provider(cards, provider)
