"""The ONE place where errors become words and exit codes."""

from __future__ import annotations

import codecs
import io
import os
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, TextIO, cast

import click

from releaseguard.cli.shared.language import speak_to
from releaseguard.cli.shared.options import ReaderLeft, is_text
from releaseguard.cli.shared.streams import NO_ROOM, Remarks, buffered, forget
from releaseguard.cli.shared.traces import without_secrets, write_trace
from releaseguard.clocks import REAL, Clocks
from releaseguard.errors import ExitCode, ReleaseguardError, UsageError
from releaseguard.harmless import Harmless, as_json
from releaseguard.messages import spoken

if TYPE_CHECKING:
    from types import FrameType, TracebackType

    from releaseguard.report.answers import ErrorDocument
    from releaseguard.secret import Secret


def run(args: Sequence[str] | None = None, clocks: Clocks = REAL) -> int:
    """Run the command line; returns the exit code and never raises. It waits by ``clocks``."""
    _open_what_is_closed()
    spoken.speak(spoken.ENGLISH)
    with _harmless_streams(), _threads_name_no_value(), _ended_like_ctrl_c():
        return _ended(list(sys.argv[1:] if args is None else args), clocks)


def _ended(arguments: list[str], clocks: Clocks) -> int:
    try:
        return _run(arguments, clocks)
    except click.exceptions.Exit as leaving:
        return leaving.exit_code
    except (ReaderLeft, BrokenPipeError, SystemExit):  # click leaves so where the reader of its help has gone
        forget(sys.stdout)
        return ExitCode.OK
    except (Exception, KeyboardInterrupt) as error:  # noqa: BLE001 - the edge: everything becomes words here
        speak_to(arguments, os.environ)
        typed = _keys_in(arguments)
        code = _told(error, arguments)
        del typed  # what is held until here is masked
        return code


def _keys_in(arguments: Sequence[str]) -> Sequence[Secret]:
    """What looks like a key in the arguments, where none belongs. A message repeats what was typed, and masks what is
    held."""
    from releaseguard.keeping import clean_identifier
    from releaseguard.secret import Secret

    found = []
    for word in arguments:
        before, mark, after = clean_identifier(word).partition("[secret]")
        if mark and word.startswith(before) and word.endswith(after):
            found.append(Secret(word[len(before) : len(word) - len(after)]))
    return found


def _told(error: Exception | KeyboardInterrupt, arguments: list[str]) -> int:
    """What ended the command, in words; what nobody foresaw is a bug, and is reported as one."""
    wants_json = "--json" in arguments
    match error:
        case click.ClickException():
            return _left_in_job(_usage(error, wants_json), without_secrets(error.format_message()), arguments)
        case (
            KeyboardInterrupt() | click.Abort() | RuntimeError(__cause__=KeyboardInterrupt())
        ):  # while a class was made
            said = spoken.sentence("Interrupted.")
            click.echo(said, err=True)
            return _left_in_job(ExitCode.INTERRUPTED, said, arguments)
        case ReleaseguardError():
            return _left_in_job(_expected(error, wants_json), "\n".join(_lines_of(error)), arguments)
        case OSError() if error.errno in NO_ROOM:
            return _disk_full()
        case FileNotFoundError(filename=None) if not _stands_somewhere():
            gone = UsageError("the directory that this was run in is gone", next_step="Go to one that is there: cd DIR")
            return _expected(gone, wants_json)
        case OSError(filename=str() as file) if error.strerror:
            return _left_in_job(_expected(_of_a_file(file, error), wants_json), f"{file}: {error.strerror}", arguments)
        case UnicodeEncodeError() if not all(map(is_text, arguments)):
            return _expected(UsageError("an argument is not valid UTF-8", next_step="Write it in UTF-8."), wants_json)
        case _:
            return _left_in_job(*_bug(error, wants_json), arguments)


def _open_what_is_closed() -> None:
    """``releaseguard verify >&-``: Python has no stream there at all, and what is written to it goes nowhere."""
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, "w", encoding="utf-8"))  # noqa: PTH123, SIM115 - for the whole run


@contextmanager
def _threads_name_no_value() -> Iterator[None]:
    """What a thread or a finalizer did not catch goes to stderr by itself: it is masked like everything."""
    threads, finalizers = threading.excepthook, sys.unraisablehook
    threading.excepthook = lambda said: _say_uncaught(said.exc_type, said.exc_value, said.exc_traceback)
    sys.unraisablehook = lambda said: _say_uncaught(said.exc_type, said.exc_value, said.exc_traceback)
    try:
        yield
    finally:
        threading.excepthook, sys.unraisablehook = threads, finalizers


def _say_uncaught(kind: type[BaseException], error: BaseException | None, where: TracebackType | None) -> None:
    if issubclass(kind, KeyboardInterrupt):
        _interrupt_again()
    elif not issubclass(kind, SystemExit):
        import traceback

        click.echo(without_secrets("".join(traceback.format_exception(kind, error, where))), err=True)


def _interrupt_again() -> None:
    """A Ctrl-C that fell into a finalizer or the callback of a weak reference, where Python drops what is raised: it is
    delivered once more, to the code that was under way there, as soon as the finalizer has returned; as a signal, which
    ends a wait too."""
    import signal

    again = threading.Timer(0.05, signal.pthread_kill, (threading.main_thread().ident, signal.SIGINT))
    again.daemon = True
    again.start()


@contextmanager
def _ended_like_ctrl_c() -> Iterator[None]:
    """A job that is cancelled and a terminal that is closed interrupt as Ctrl-C does: what was done is told. Whoever
    ignores them (``nohup``) goes on doing so, and a second one ends the process at once."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    import signal

    def interrupt(number: int, _: FrameType | None) -> None:
        signal.signal(number, signal.SIG_DFL)
        raise KeyboardInterrupt

    known = [getattr(signal, name) for name in ("SIGTERM", "SIGHUP") if hasattr(signal, name)]
    told = [one for one in known if signal.getsignal(one) is signal.SIG_DFL]
    for one in told:
        signal.signal(one, interrupt)
    try:
        yield
    finally:
        for one in told:
            signal.signal(one, signal.SIG_DFL)


@contextmanager
def _harmless_streams() -> Iterator[None]:
    """Whatever is printed meanwhile, by whom ever, steers no terminal and commands no CI runner."""
    before = sys.stdout, sys.stderr
    sys.stdout = cast("TextIO", Harmless(_of_every_letter(buffered(sys.stdout))))
    sys.stderr = cast("TextIO", Harmless(cast("TextIO", Remarks(_of_every_letter(sys.stderr)))))
    try:
        yield
    finally:
        sys.stdout, sys.stderr = before


def _of_every_letter(stream: TextIO) -> TextIO:
    """A stream whose locale knows only ASCII, as in many containers, is given UTF-8, as click does; one that was given
    another encoding keeps it, and shows what it cannot say as a question mark."""
    if stream.encoding and isinstance(stream, io.TextIOWrapper):
        name = codecs.lookup(stream.encoding).name
        if name == "ascii":
            stream.reconfigure(encoding="utf-8")
        elif not name.startswith("utf"):
            stream.reconfigure(errors="replace")
    return stream


def _disk_full() -> int:
    forget(sys.stdout)
    return _expected(
        UsageError("cannot be written: no space is left", next_step="Make room, or write the output elsewhere."), False
    )


def _stands_somewhere() -> bool:
    try:
        os.getcwd()  # noqa: PTH109
    except OSError:
        return False
    return True


def _of_a_file(file: str, error: OSError) -> UsageError:
    """What the system says of a path that nobody foresaw: too long a name, links in a circle, no permission."""
    next_step = "Correct the path, or who may use it, then run the command again."
    return UsageError(f"the file cannot be used: {error.strerror}", where=file, next_step=next_step)


def _run(arguments: list[str], clocks: Clocks) -> int:
    from releaseguard.cli.main import releaseguard

    if asked := os.environ.get("_RELEASEGUARD_COMPLETE"):
        from releaseguard.cli.setup.completion import words

        click.echo(words(asked))
        return ExitCode.OK
    result = releaseguard.main(arguments, prog_name="releaseguard", standalone_mode=False, obj=clocks)
    sys.stdout.flush()
    return int(result) if isinstance(result, int) else ExitCode.OK


def _usage(error: click.ClickException, wants_json: bool) -> int:
    if wants_json:
        _print_json(without_secrets(error.format_message()), None, None, ExitCode.USAGE)
    shown = io.StringIO()
    error.show(shown)
    is_help = isinstance(error, click.exceptions.NoArgsIsHelpError)
    said = shown.getvalue() if is_help else spoken.lines(shown.getvalue())
    click.echo(without_secrets(said), err=True, nl=False)
    return ExitCode.USAGE


def _expected(error: ReleaseguardError, wants_json: bool) -> int:
    what, where, next_step = (
        without_secrets(text) if text else None for text in (error.what, error.where, error.next_step)
    )
    if wants_json and not error.reported:
        _print_json(what or "", where, next_step, error.exit_code)
    click.echo("\n".join(_lines_of(error)), err=True)
    return error.exit_code


def _lines_of(error: ReleaseguardError) -> list[str]:
    say = spoken.sentence
    where = say("the environment") if error.where == "environment" else error.where
    lines = [f"releaseguard: {spoken.lines(error.what)}", where and f"  {say('where:')} {where}"]
    lines.append(error.next_step and f"  {say('next: ')} {say(error.next_step)}")
    return [without_secrets(line) for line in lines if line]


def _bug(error: Exception, wants_json: bool) -> tuple[int, str]:
    path = write_trace(error)
    what = f"this is a bug in releaseguard ({type(error).__name__})"
    next_step = f"The trace is in {path}; please report it." if path else "Please report it."
    if wants_json:
        _print_json(what, path, next_step, ExitCode.BUG)
    say = spoken.sentence
    said = f"releaseguard: {say(what)}\n  {say('next: ')} {say(next_step)}"
    click.echo(said, err=True)
    return ExitCode.BUG, said


def _left_in_job(code: int, said: str, arguments: list[str]) -> int:
    """What ended a command, where somebody looks for what became of a job."""
    from releaseguard.ci.job import is_read_later

    if is_read_later(os.environ):
        from releaseguard.cli.main import COMMANDS
        from releaseguard.cli.shared.job import Job

        name = next((word for word in arguments if word in COMMANDS), "")
        job = Job(os.environ, lambda remark: click.echo(remark, err=True), without_secrets)
        job.end(name, code, said, head=said)
    return code


def _print_json(what: str, where: str | None, next_step: str | None, code: int) -> None:
    document: ErrorDocument = {"error": {"what": what, "where": where, "next_step": next_step, "exit_code": int(code)}}
    click.echo(as_json(document))
