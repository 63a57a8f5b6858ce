"""What all commands share: ``--config``, ``--json``, ``-q``, ``-v``, and the run that these describe."""

from __future__ import annotations

import functools
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import click

from releaseguard.cli.shared.help import SpokenCommand
from releaseguard.cli.shared.names import complete_names
from releaseguard.cli.shared.output import print_states
from releaseguard.cli.shared.streams import last_words
from releaseguard.clocks import REAL, Clocks
from releaseguard.errors import ExitCode, UsageError
from releaseguard.messages import LANGUAGES, spoken

if TYPE_CHECKING:
    from datetime import datetime, timedelta
    from pathlib import Path

    from releaseguard.cli.shared.job import Job
    from releaseguard.eventlog.rows.aside import SetAsideTally
    from releaseguard.settings import Settings
    from releaseguard.wiring import Wiring


class Run:
    """One run of one command: its configuration, its output, and its connection to services.

    ``lang`` is the value of ``--lang``.
    """

    __slots__ = ("_job", "_mask", "_shown", "clocks", "config", "environ", "json", "lang", "verbosity", "zone")

    def __init__(
        self,
        config: Path | None,
        json: bool,
        verbosity: int,
        clocks: Clocks,
        environ: Mapping[str, str] = os.environ,
        lang: str | None = None,
    ) -> None:
        self.config, self.json, self.verbosity = config, json, verbosity
        self.clocks, self.environ, self.lang = clocks, environ, lang
        self.zone = "UTC"
        """In which pages tell times: the configuration's, once it is read."""
        self._mask: Callable[[str], str] | None = None
        self._job: Job | None = None
        self._shown = ""

    @property
    def job(self) -> Job:
        """What this run leaves in a CI job."""
        if self._job is None:
            from releaseguard.cli.shared.job import Job

            self._job = Job(self.environ, self.tell, self.safe)
        return self._job

    def keep(self, text: str) -> None:
        """Remember printed text for the summary of a job."""
        self._shown = text

    def end(self, name: str, code: int) -> None:
        """Leave in a job what every command leaves there."""
        self.job.end(name, code, self._shown)

    def settings(self, environment: str | None = None, *, declared: bool = True, needs_log: bool = True) -> Settings:
        """The configuration for ``environment`` (else the project's own). Raises ``ConfigError``, also where a variable
        in the event log's address is not set and the log is needed, and ``UsageError`` for an environment that the file
        does not name, unless ``declared`` is false."""
        from releaseguard.compose.known import configuration

        settings = configuration.load(self.config, environment=environment, environ=self.environ, needs_log=needs_log)
        spoken.speak(self.lang or settings.project.language)
        self.zone = settings.project.timezone
        if environment is not None and declared:
            settings.refuse_unknown()
        return settings

    def wiring(self, environment: str | None = None, *, declared: bool = True, needs_log: bool = True) -> Wiring:
        """The connection to every service, with SAFE MODE in force. Raises what :meth:`settings` raises."""
        from releaseguard import wiring

        settings = self.settings(environment, declared=declared, needs_log=needs_log)
        opened = wiring.open_up(settings, self.environ, self.clocks)
        opened.tell_through(self.tell, self.warn)
        spoken.learn(secret.steps for card in opened.cards for secret in card.secrets if secret.steps)
        for note in opened.notes:
            self.tell(note)
        return opened

    def emit(self, text: str | Callable[[], str], data: Any) -> None:
        """Print the result on stdout: ``data`` as JSON with ``--json``, else the text."""
        if self.json:
            self._emit_json(data)
            return
        shown = self.safe(spoken.lines(text() if callable(text) else text))
        self.keep(shown)
        with last_words():
            print_states(shown)

    def _emit_json(self, data: Any) -> None:
        """Print the JSON; as much of it is remembered as a summary may hold, plus enough to see that it was cut."""
        from releaseguard.cli.shared.job import LARGEST_TEXT
        from releaseguard.harmless import json_pieces

        kept = ""
        with last_words():
            for piece in json_pieces(data, self._safe_in):
                kept += piece if len(kept) <= LARGEST_TEXT else ""
                self.keep(kept)
                click.echo(piece, nl=False)
            click.echo()

    def tell(self, message: str, *, detail: bool = False) -> None:
        """Print a remark on stderr; a ``detail`` only with ``-v``, nothing with ``-q``."""
        if self.verbosity >= (1 if detail else 0):
            click.echo(self.safe(spoken.lines(message)), err=True)

    def warn(self, message: str) -> None:
        """Print a remark on stderr even with ``-q``: something was not done."""
        click.echo(self.safe(spoken.lines(message)), err=True)

    def said(self, option: str, text: str, *, identifier: bool = False) -> str:
        """The text of an option that will be stored for good, without anything that looks like a secret or personal
        data; reports what was removed."""
        from releaseguard.keeping import clean_identifier, clean_text

        kept = (clean_identifier if identifier else clean_text)(self.safe(text))
        if kept != text:
            self.warn(f"{option} holds what looks like a secret or a person's data: it is stored as {kept!r}.")
        return kept

    def safe(self, text: str) -> str:
        """``text`` without the confidential values of the environment, whoever put them there."""
        if self._mask is None:
            from releaseguard.secret import confidential, masker

            self._mask = masker(confidential(self.environ))
        return self._mask(text)

    def _safe_in(self, data: Any) -> Any:
        """``data`` with every text made safe. Keys are ours and stay, even where they equal a confidential word."""
        if isinstance(data, Mapping):
            return {key: self._safe_in(value) for key, value in data.items()}
        if isinstance(data, list | tuple):
            return [self._safe_in(value) for value in data]
        return self.safe(data) if isinstance(data, str) else data

    def warn_of(self, aside: SetAsideTally) -> None:
        """Report the rows that were set aside, if any."""
        from releaseguard.eventlog.rows.aside import REMEDY

        if aside.rows:
            self.warn(f"{aside.sentence()}. {REMEDY}.")

    @property
    def on_terminal(self) -> bool:
        """Whether a person is watching; progress is shown only then."""
        return sys.stderr.isatty() and self.verbosity >= 0


class ReaderLeft(Exception):
    """The reader of endless output has gone. Not an ``OSError``, for which click would exit with code 1."""


def command(
    name: str, *, example: str, group: click.Group | None = None
) -> Callable[[Callable[..., ExitCode | None]], click.Command]:
    """A click command with the shared options. Its function gets a :class:`Run` first and returns an exit code."""

    def decorate(function: Callable[..., ExitCode | None]) -> click.Command:
        """The command of ``function``; a reader who leaves ends it (:class:`ReaderLeft`)."""

        @functools.wraps(function)
        def call(config: Path | None, as_json: bool, quiet: bool, verbose: int, lang: str | None, **flags: Any) -> int:
            clocks = click.get_current_context().find_object(Clocks) or REAL
            spoken.speak(lang or spoken.ENGLISH)
            run = Run(config, as_json, -1 if quiet else verbose, clocks, lang=lang)
            _must_be_text(flags)
            _must_say_something(click.get_current_context())
            _must_be_one_result(as_json, flags.get("format_"), flags.get("output"))
            try:
                code = int(function(run, **flags) or ExitCode.OK)
                run.end(typed_command(), code)
            except BrokenPipeError as error:
                raise ReaderLeft from error
            return code

        shared = _shared_options(call)
        make = group.command if group else click.command
        return complete_names(make(name, cls=SpokenCommand, epilog=f"Example: {example}")(shared))

    return decorate


def typed_command() -> str:
    """The running command as typed: ``events deployed``."""
    context = click.get_current_context()
    return context.command_path.partition(" ")[2] or context.command_path


def is_text(argument: str) -> bool:
    """Whether an argument was valid UTF-8. Python keeps other bytes as lone surrogates, which only file names may
    contain."""
    return not any("\ud800" <= character <= "\udfff" for character in argument)


def _must_be_text(flags: Mapping[str, Any]) -> None:
    """Raise ``UsageError`` for an option that is not text: logs and reports are UTF-8. Paths may contain any bytes."""
    for name, value in flags.items():
        for text in value if isinstance(value, tuple) else (value,):
            if isinstance(text, str) and not is_text(text):
                raise UsageError(f"--{name.replace('_', '-')} holds bytes that are not UTF-8")


_WITH_WORDS_OF_THEIR_OWN = frozenset({"release", "reason"})
"""Options of which the commands say what is missing."""


def _must_say_something(given: click.Context) -> None:
    """A pipeline's variable that is not set is not an option that was left out. Raises ``UsageError``."""
    for option in given.command.params:
        value = None if option.name in _WITH_WORDS_OF_THEIR_OWN else given.params.get(option.name or "")
        said = value if isinstance(value, tuple) else (value,)
        if isinstance(option, click.Option) and any(isinstance(one, str) and not one.strip() for one in said):
            raise UsageError(f"{option.opts[0]} is empty", next_step="Is the variable set? Give it, or leave it out.")


def _must_be_one_result(as_json: bool, other: str | None, output: Path | None) -> None:
    """Raise ``UsageError`` where two formats are requested for stdout."""
    if as_json and other not in (None, "json") and output is None:
        raise UsageError(
            f"--json and --format {other} ask for two results on stdout",
            next_step="Leave one of them out, or write the other into a file: -o FILE",
        )


def _shared_options(function: Callable[..., int]) -> Callable[..., int]:
    options = [
        click.option("--config", type=FilePath(), help="Configuration file (else releaseguard.toml, upward)."),
        click.option("--json", "as_json", is_flag=True, help="One JSON document on stdout."),
        click.option("-q", "--quiet", is_flag=True, help="Only the result."),
        click.option("-v", "--verbose", count=True, help="More about what is being done."),
        click.option(
            "--lang", type=click.Choice(LANGUAGES), help="Language of what is said (else [project] language)."
        ),
    ]
    for option in reversed(options):
        function = option(function)
    return function


class FilePath(click.Path):
    """An option's value as a ``Path``; ``pathlib`` is imported only where one is given."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        from pathlib import Path

        self.type = Path
        return super().convert(value, param, ctx)


class OutputPath(FilePath):
    """Where a result is written. It may replace an older result, but no event log and no configuration file."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        path = super().convert(value, param, ctx)
        if str(path) == "-":
            self.fail("no file is called '-': without this option the result is printed", param, ctx)
        if _is_kept(path):
            self.fail(f"{path} is a configuration or a database, which no result is written over", param, ctx)
        return path


def _is_kept(path: Path) -> bool:
    """Whether the file holds more than a result; false where that is unknown."""
    try:
        if not path.is_file() or path.suffix == ".toml":
            return path.is_file()
        with path.open("rb") as file:
            return file.read(len(_SQLITE)) == _SQLITE
    except OSError:
        return False


_SQLITE = b"SQLite format 3\0"
"""The first bytes of an SQLite file (https://sqlite.org/fileformat.html)."""


class OneWord(click.Choice[str]):
    """A choice among too many words to list; a misspelling gets the nearest one as a suggestion."""

    def __init__(self, kind: str, words: Sequence[str]) -> None:
        super().__init__(words)
        self._kind = kind

    def get_invalid_choice_message(self, value: Any, ctx: click.Context | None) -> str:
        """For instance ``there is no act 'brake'. Did you mean 'break'?``"""
        from releaseguard.tomlfile import did_you_mean

        return f"there is no {self._kind} {value!r}. {did_you_mean(str(value), self.choices)}"


environment_option = click.option("--environment", metavar="E", help="Environment (else [project] environment).")


class Moment(click.ParamType[Any]):
    """A time with an offset, or how long ago (``30m``)."""

    name = "time"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """The ``datetime`` with its offset. A text that is no time, or a year outside :data:`YEARS`, is a usage
        error."""
        from releaseguard.model import duration, from_text, utc_now

        value = value.strip()
        try:
            moment = (
                utc_now() - duration(value)
                if value[:1].isdigit() and value[-1:].isalpha() and "T" not in value.upper()
                else from_text(value.upper())
            )
        except OverflowError:
            self.fail(f"{value!r} is outside the years that can be told", param, ctx)
        except ValueError as error:
            self.fail(_no_time(value, error), param, ctx)
        if moment.year not in YEARS:
            self.fail(f"{value!r} is outside the years {YEARS[0]} to {YEARS[-1]}", param, ctx)
        return moment


def _no_time(value: str, error: ValueError) -> str:
    """Why the text is not a time; a missing offset is reported as such."""
    what = str(error) if "offset" in str(error) else f"{value!r} is not a time; write 2026-11-24T10:15:00Z"
    return f"{what}, or how long ago: 30m"


YEARS = range(1970, 2200)
"""The years that a moment on the command line may have; any other is a mistake."""


class Span(click.ParamType[Any]):
    """A duration: ``90s``, ``30m``, ``7d``."""

    name = "duration"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """The ``timedelta``. A text that is no duration is a usage error."""
        from datetime import timedelta

        from releaseguard.model import duration

        if isinstance(value, timedelta):
            return value
        try:
            return duration(value)
        except ValueError as error:
            self.fail(str(error), param, ctx)


FUTURE_MINUTES = 10
"""How far a time may be ahead of the store's clock before it counts as a mistake."""


def check_past(option: str, moment: datetime | None, now: datetime) -> None:
    """Raise ``UsageError`` for a time in the future of the log's clock: what is reported for it would still change."""
    from datetime import timedelta

    if moment is not None and moment > now + timedelta(minutes=FUTURE_MINUTES):
        raise UsageError(f"{option} is in the future: it is {now:%Y-%m-%dT%H:%M:%SZ} in the log")


def check_spans(**spans: timedelta | None) -> None:
    """Raise ``UsageError`` for spans shorter than a minute, the unit in which the log is read, or longer than
    :data:`LONGEST_DAYS`."""
    from datetime import timedelta

    for name, span in spans.items():
        if span is not None and span < timedelta(minutes=1):
            raise UsageError(f"--{name} is shorter than a minute", next_step=f"Give it more: --{name} 1h")
        if span is not None and span > timedelta(days=LONGEST_DAYS):
            raise UsageError(f"--{name} is longer than {LONGEST_DAYS} days", next_step=f"Give it less: --{name} 7d")


LONGEST_DAYS = 60
"""The longest window or baseline; every minute of it is read."""
