"""``releaseguard publish``: a verdict where the people of the repository see it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

import click

from releaseguard.cli.shared.documents import deliver, format_option, output_option, rendered
from releaseguard.cli.shared.options import FilePath, Run, command, environment_option
from releaseguard.errors import ExitCode, ReleaseguardError, UsageError
from releaseguard.report.formats import VERDICT

if TYPE_CHECKING:
    from pathlib import Path

    from releaseguard.ci.interface import BoardState, ReleaseBoard
    from releaseguard.report.answers import PublishedDocument
    from releaseguard.report.verdict.document import VerdictDocument


@command("publish", example="releaseguard publish verdict.json --deployment 1234567")
@click.argument("verdict", type=FilePath(), metavar="FILE")
@environment_option
@click.option("--release", metavar="ID", help="The release, where there is no verdict that names it.")
@click.option("--deployment", metavar="ID", help="The deployment whose status is set.")
@click.option(
    "--pull-request", "requests", multiple=True, type=click.IntRange(1), help="Comment there; may be repeated."
)
@click.option("--comment/--no-comment", default=True, help="Whether to comment on the pull requests of the release.")
@format_option(VERDICT, "the verdict into -o FILE")
@output_option
def publish(run: Run, verdict: Path, environment: str | None, **flags: Any) -> ExitCode:
    """Publish what `verify --json` wrote into FILE: a comment on each pull request of the release, which later verdicts
    replace, and the deployment's status.

    PASS and WARN are `success`, FAIL is `failure`, INCONCLUSIVE is `pending`; a FILE that is missing or holds no
    verdict is `error`. Only the job's own token is used (pull-requests: write, deployments: write). Exit code 5 where
    something could not be published. With --format and -o the verdict is written in another format as well; with
    --no-comment and without --deployment that is all, and no service is asked.

    JSON: {"state", "deployment", "pull_requests": [...], "problems": [...]}.
    """
    from releaseguard.compose.notifying import board_of

    document = _read(verdict)
    _write_too(run, document, verdict, flags["format_"], flags["output"])
    if not (flags["deployment"] or flags["comment"]):
        return ExitCode.OK
    with run.wiring(environment) as wiring:
        board = board_of(wiring.clients)
        where = wiring.settings.environment
        done = _Publishing(run, board, document, flags["release"], where)
        if flags["deployment"]:
            done.mark(flags["deployment"])
        if flags["comment"]:
            done.comment(flags["requests"])
    run.emit(done.sentence(), done.to_json())
    return ExitCode.SERVICE if done.problems else ExitCode.OK


def _write_too(
    run: Run, document: VerdictDocument | None, verdict: Path, format_: str | None, output: Path | None
) -> None:
    """The verdict in another format. Raises ``UsageError`` where there is none, or no place for it."""
    if format_ is None and output is None:
        return
    if format_ is None or output is None:
        raise UsageError("--format and -o go together", next_step="Example: --format junit -o verdict.xml")
    if document is None:
        raise UsageError("holds no verdict", where=str(verdict), next_step="releaseguard verify --json")
    deliver(run, run.safe(rendered(run, VERDICT, document, format_)), output, f"written as {format_}", format_)


def _read(path: Path) -> VerdictDocument | None:
    """The verdict; ``None`` where the command that should have written it ended before. Raises ``UsageError`` for a
    file that cannot be read."""
    import json

    try:
        found = json.loads(path.read_text(encoding="utf-8-sig"))
    except (FileNotFoundError, ValueError):
        return None
    except OSError as error:
        raise UsageError(f"cannot be read: {error.strerror}", where=str(path)) from error
    return cast("VerdictDocument", found) if isinstance(found, dict) and "verdict" in found else None


class _Publishing:
    """What is said, where it was said, and what went wrong with it: one place does not keep another from hearing."""

    def __init__(
        self, run: Run, board: ReleaseBoard, document: VerdictDocument | None, release: str | None, environment: str
    ) -> None:
        self._run, self._board, self._document, self._environment = run, board, document, environment
        self._release = document["release"] if document else release
        self._deployment: str | None = None
        self._requests: list[int] = []
        self.problems: list[str] = []

    @property
    def state(self) -> BoardState:
        """What of the four a verdict is; no verdict is not a success."""
        from releaseguard.ci.interface import BoardState

        states = {
            "pass": BoardState.SUCCESS,
            "warn": BoardState.SUCCESS,
            "fail": BoardState.FAILURE,
            "inconclusive": BoardState.PENDING,
        }
        return states.get(self._document["verdict"] if self._document else "", BoardState.ERROR)

    def mark(self, deployment: str) -> None:
        """Set the deployment's status."""
        from releaseguard.ci.job import run_address

        word = self._document["verdict"].upper() if self._document else "ERROR"
        summary = self._document["summary"] if self._document else "there is no verdict: see the job"
        said = self._run.safe(f"releaseguard: {word}, {summary}")
        try:
            self._board.mark(deployment, self.state, said, run_address(self._run.environ))
            self._deployment = deployment
        except ReleaseguardError as error:
            self._failed(f"the status of deployment {deployment}", error)

    def comment(self, requests: tuple[int, ...]) -> None:
        """Comment on those pull requests; else on those that brought the release."""
        try:
            found = requests or (self._board.requests_of(self._release) if self._release else ())
        except ReleaseguardError as error:
            self._failed("the pull requests of the release", error)
            return
        for request in found:
            try:
                self._board.comment(request, self._marker(), self._text())
                self._requests.append(request)
            except ReleaseguardError as error:
                self._failed(f"the comment on #{request}", error)

    def _marker(self) -> str:
        component = self._document["component"] if self._document else None
        words = " ".join(filter(None, ("releaseguard verify", self._environment, component)))
        return f"<!-- {words.replace('-->', '')} -->"

    def _text(self) -> str:
        from releaseguard.ci.job import run_address
        from releaseguard.report.layout.display import Display

        said = "## 💥 ERROR: there is no verdict on this release"
        if self._document:
            said = VERDICT["markdown"](self._document, Display(100, 0))
        url = run_address(self._run.environ)
        return self._run.safe("\n\n".join([said, *([f"[The job]({url})"] if url else [])]))

    def _failed(self, what: str, error: ReleaseguardError) -> None:
        self.problems.append(f"{what}: {error.what}")
        self._run.warn(f"Not published: {what}: {error}")

    def sentence(self) -> str:
        """For people."""
        where = [f"deployment {self._deployment}"] if self._deployment else []
        where += [f"#{request}" for request in self._requests]
        return f"{self.state.value}: published at {', '.join(where) or 'no place'}"

    def to_json(self) -> PublishedDocument:
        """The document of the command."""
        return {
            "state": self.state.value,
            "deployment": self._deployment,
            "pull_requests": self._requests,
            "problems": self.problems,
        }
