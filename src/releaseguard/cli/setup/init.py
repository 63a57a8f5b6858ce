"""``releaseguard init``: a first configuration, and the workflows, never over anything that is there."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeVar, cast

import click
from msgspec import structs

from releaseguard.cli.setup.init_later import add_workflows
from releaseguard.cli.setup.init_words import shown_path, text_of
from releaseguard.cli.shared.options import Run, command
from releaseguard.compose.known.onboarding import service_parts
from releaseguard.errors import ConfigError, ExitCode, UsageError
from releaseguard.harmless import JsonDocument
from releaseguard.messages import LANGUAGES

if TYPE_CHECKING:
    from msgspec import Struct

    from releaseguard.cards.load import Cards
    from releaseguard.cli.setup.init_form import InitFlags
    from releaseguard.init.answers import Answers
    from releaseguard.init.own_table import OwnTable
    from releaseguard.report.answers import InitDocument, MarkingRow
    from releaseguard.settings import Settings

F = TypeVar("F", bound=Callable[..., Any])

PARTS: Final = service_parts()


def asking(function: F) -> F:
    """The command with a flag for each question of a service, and with what services look into in its help."""
    words = {
        "FILES": _listed(["the git remote", "package.json", *PARTS.files]),
        "FUNCTIONS": ", ".join(PARTS.functions),
        "ANSWERS": ", ".join(f'"{one.name}_{key}"' for one in PARTS.services for key in _keys(one.part.answers)),
    }
    for word, said in words.items():
        function.__doc__ = (function.__doc__ or "").replace(word, said)
    asked = [(service.name, question) for service in PARTS.services for question in service.part.questions]
    for name, question in reversed(asked):
        flag = f"--{name}-{question.field.replace('_', '-')}"
        function = click.option(flag, metavar=question.metavar, help=question.help)(function)
    return function


def _keys(answers: type[Struct]) -> Sequence[str]:
    return [field.name for field in structs.fields(answers)]


def _listed(names: Sequence[str]) -> str:
    """``a, b and c``."""
    return " and ".join(filter(None, (", ".join(names[:-1]), names[-1])))


@command("init", example="releaseguard init --provider sendgrid --destination github:lovendo/app --workflows")
@click.option("--name", help="The project's name  [default: that of package.json, the repository, or the directory]")
@click.option("--environment", metavar="E", help="The environment that the file describes  [default: production]")
@click.option("--language", type=click.Choice(LANGUAGES), help="Of playbooks and incident reports  [default: en]")
@click.option("--events-url", metavar="URL", help=f"The event log: sqlite:///, postgresql:// or {PARTS.log.example}")
@click.option("--app-url", metavar="URL", help="The app's own base address, for synthetic flows.")
@asking
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
def init(
    run: Run,
    workflows: bool | None,
    yes: bool,
    name: str | None,
    environment: str | None,
    language: str | None,
    events_url: str | None,
    app_url: str | None,
    providers: Sequence[str],
    destinations: Sequence[str],
    **services: str | None,
) -> ExitCode:
    """Write a commented `releaseguard.toml` (or the file that --config names), and on request the workflows.

    On a terminal it asks for what no flag says; the answers it proposes come from the directory: FILES. How the app
    logs is learnt from its source, where that defines one function for it; its parts from FUNCTIONS, apps/ and
    services/, each with the step that goes into the workflow which deploys it. Elsewhere, and with --yes, nothing is
    asked. Credentials are neither asked for nor written.

    Nothing is ever overwritten: where one of the files is there already, none is written, and the exit code is 4. A
    team that adds the pipeline later gives --workflows alone: beside a configuration that is there, they are written.
    Exit code 2 where an answer is not valid; nothing has been written then either.

    JSON: {"written": [paths], "answers": {"name", "environment", "language", "events_url", ANSWERS, "app_url",
    "destinations": {provider: [uri]}}, "variables": [what the environment has to hold], "fill_in": [settings left
    open], "components": [{"name", "workflows": [paths], "step": text}], "next": [commands]}; no answers where the file
    was there.
    """
    from releaseguard.cli.setup.init_form import InitFlags

    config = (run.config or Path("releaseguard.toml")).absolute()
    _check_folder(config)
    flags = InitFlags(
        name=name,
        environment=environment,
        language=language,
        events_url=events_url,
        app_url=app_url,
        providers=providers,
        destinations=destinations,
        services=services,
    )
    if workflows and not flags.any and config.is_file() and not config.is_symlink():
        return add_workflows(run, config)
    return _write(run, config, flags, workflows, asks=not yes and sys.stdin is not None and sys.stdin.isatty())


def _write(run: Run, config: Path, flags: InitFlags, workflows: bool | None, *, asks: bool) -> ExitCode:
    """Write the file, and the workflows where they are wanted; say what is still to be done."""
    from releaseguard.cli.setup.init_form import Form
    from releaseguard.compose.known.configuration import cards_in
    from releaseguard.coverage.learning import log_section
    from releaseguard.init import files
    from releaseguard.init.answers import guess
    from releaseguard.init.components import markings_of, parts_of
    from releaseguard.init.components import section as parts_section
    from releaseguard.init.own_table import recognised, section
    from releaseguard.init.text import render

    cards, guessed, own = cards_in(config.parent), guess(config.parent, PARTS), recognised(config.parent)
    form = Form(known=PARTS, cards=cards, guess=guessed, flags=flags, asks=asks, has_table=own is not None)
    answers = form.filled()
    wanted = form.ask_workflows(workflows)
    parts = parts_of(guessed.top, PARTS)
    own_section = section(own, answers.environment) if own else ""
    text = render(answers, PARTS, guessed.destinations, own_section, parts_section(parts))
    text += log_section(config.parent)
    settings = _read(text, config, cards)
    pipeline = files.workflows(answers.environment, guessed.top, config) if wanted else {}
    top = guessed.top if config.is_relative_to(guessed.top) else config.parent
    written = files.write({config: text, **pipeline}, top)
    _tell_of_others(run, config, own)
    if wanted:
        _tell_of_variables(run, answers.events_url)
    markings = markings_of(parts, answers.events_url, PARTS.log)
    document: InitDocument = {
        "written": [shown_path(path) for path in written],
        "answers": _shown(answers),
        "variables": _variables(settings, answers.events_url),
        "fill_in": _left_open(settings, answers),
        "components": [cast("MarkingRow", asdict(one)) for one in markings],
        "next": _next_steps(run, answers),
    }
    run.emit(lambda: text_of(document, markings, workflows=wanted), document)
    return ExitCode.OK


def _shown(answers: Answers) -> JsonDocument:
    """The answers as JSON has them: each service's own among the others."""
    own = {f"{name}_{key}": said for name, one in answers.services.items() for key, said in structs.asdict(one).items()}
    return {
        "name": answers.name,
        "environment": answers.environment,
        "language": answers.language,
        "events_url": answers.events_url,
        **own,
        "app_url": answers.app_url,
        "destinations": answers.destinations,
    }


def _check_folder(config: Path) -> None:
    if not config.parent.is_dir():
        raise UsageError(
            "there is no such directory", where=str(config.parent), next_step=f"Make it: mkdir -p {config.parent}"
        )


def _read(text: str, config: Path, cards: Cards) -> Settings:
    """The file as every other command would take it.

    Raises ``UsageError`` where none would, ``SafeModeRefusal`` for a provider's host.
    """
    from releaseguard import tomlfile
    from releaseguard.compose.known import configuration
    from releaseguard.compose.safety import check
    from releaseguard_events.places.written import variables_in

    document = tomlfile.parse(text, config)
    named = dict.fromkeys(variables_in(document.data["events"]["url"]), "unknown")
    try:
        read = configuration.of(document, environment=None, environ=named, path=config)
        check(read, {}, cards)
        configuration.vault_of(read)
    except ConfigError as error:
        raise UsageError(error.what, next_step=error.next_step) from None
    return read


def _variables(settings: Settings, url: str) -> Sequence[str]:
    """The variables that the file asks for; ``url`` is the event log's address as it is written."""
    from releaseguard.compose.known import endpoints
    from releaseguard.compose.known.requirements import variables_asked_for

    lacking = endpoints.to_be_trusted(settings, {})
    return [*variables_asked_for(settings, url), *(f"{name}={value} {_YOURS}" for name, value in lacking.items())]


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
    by_rest = _as_set(answers.events_url, run.environ).startswith(("http://", "https://"))
    return [f"releaseguard doctor{given}", f"releaseguard events migrate{' --sql' if by_rest else ''}{given}"]


def _as_set(url: str, environ: Mapping[str, str]) -> str:
    """The address as it is here; a variable that is not set stays."""
    from releaseguard_events.places.written import variables_in

    for name in variables_in(url):
        url = url.replace(f"${{{name}}}", environ.get(name, f"${{{name}}}"))
    return url


def _left_open(settings: Settings, answers: Answers) -> Sequence[str]:
    """The settings without which nothing can be rotated, and that nobody has said."""
    from releaseguard.compose.known.configuration import vault_of

    vault = vault_of(settings)
    chosen = vault.is_vault(settings.services[vault.name])
    said = {vault.vault_setting: chosen, "[providers.NAME] destinations": bool(answers.destinations)}
    bare = [name for name, uris in answers.destinations.items() if not uris and not _kept(name)]
    return [
        *(setting for setting, value in said.items() if not value),
        *(f"[providers.{name}] destinations" for name in bare),
    ]


def _kept(provider: str) -> bool:
    from releaseguard.cards.load import load_cards
    from releaseguard.cli.setup.init_form import kept_at_provider

    cards = load_cards(None)
    return provider in cards and kept_at_provider(cards, provider)
