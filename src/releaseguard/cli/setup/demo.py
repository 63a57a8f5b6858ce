"""``releaseguard demo``: the main job end to end, told in the terminal."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from releaseguard.cli.shared.options import Run, command
from releaseguard.cli.shared.output import styled
from releaseguard.cli.shared.streams import line_width
from releaseguard.errors import ExitCode
from releaseguard.messages import spoken

if TYPE_CHECKING:
    from releaseguard.report.answers import DemoDocument, DemoStep
    from releaseguard.rotation.result import RotationResult
    from releaseguard.sandbox.story import Story
    from releaseguard.verification.values import Judged
    from releaseguard.wiring import Wiring

SCENARIOS = ("leak", "release")
INDENT = 2
"""Columns by which what a command prints is set off from the story."""
WIDEST = 96
"""Columns of a verdict, at most."""
BRISK = '[rotation]\nprove_within = "20s"\n'
"""Nobody watches a demo for as long as a proof may take."""


@command("demo", example="releaseguard demo --scenario leak")
@click.option("--scenario", type=click.Choice(SCENARIOS), help="Only this part of the story.")
@click.option("--keep", is_flag=True, help="Leave the configuration and the event log to play with.")
def demo(run: Run, scenario: str | None, keep: bool) -> ExitCode:
    """A leaked key is rotated and proven; a good release passes, a bad one fails.

    Everything runs on this machine against stand-ins of all services and of the app, spoken to over real HTTP.
    No account, no network.
    """
    with ExitStack() as stack:
        folder = Path(tempfile.mkdtemp(prefix="releaseguard-demo-"))
        if not keep:
            stack.enter_context(_removed_afterwards(folder))
        stage = stack.enter_context(_staged(run, folder, scenario))
        for name in SCENARIOS:
            if scenario in (None, name):
                _PARTS[name](stage)
        stage.written_back()
        if keep:
            stage.say(f"The files are in {folder}.")
        stage.finish(folder if keep else None)
    return ExitCode.OK if stage.went_as_told else ExitCode.BAD


@contextmanager
def _removed_afterwards(folder: Path) -> Iterator[None]:
    import shutil

    try:
        yield
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def _staged(run: Run, folder: Path, scenario: str | None) -> Iterator[_Stage]:
    from releaseguard import wiring
    from releaseguard.compose.known import configuration
    from releaseguard.sandbox.seed import WEEK
    from releaseguard.sandbox.story import BUSY, DAY, TOLD_AT, TOLD_WITH, Story, furnished, seed

    # A release is compared with a week; what a leak exposed shows in a day.
    name, history = ("a day", DAY) if scenario == "leak" else ("a week", WEEK)
    with furnished() as world:
        run.tell(f"Seeding {name} of the app's events ...")
        database = folder / "releaseguard.db"
        week = seed(world, database, number=TOLD_WITH, streams=BUSY, history=history, told_at=TOLD_AT)
        # Only what the story rotates is managed: copies that nobody has pushed could not be judged.
        kept = () if scenario == "release" else ("sendgrid",)
        world.destinations = {name: world.destinations[name] for name in kept}
        config = world.write(folder, extra=BRISK)
        loaded = configuration.load(config, environment=None, environ={})
        with wiring.open_up(loaded, world.environ()) as opened:
            yield _Stage(run, Story(world, week), opened)


@dataclass
class _Stage:
    """Tells the story: every step is text for people and a row for programs."""

    run: Run
    story: Story
    wiring: Wiring
    steps: list[DemoStep] = field(default_factory=list)
    went_as_told: bool = True

    def say(self, text: str) -> None:
        if not self.run.json:
            click.echo(spoken.lines(text))

    def act(self, title: str, command_line: str, text: str, result: object, *, as_told: bool) -> None:
        """One step: what happens, the command that a user would type, and what it printed."""
        self.went_as_told &= as_told
        self.steps.append({"title": title, "command": command_line, "as_told": as_told, "result": result})
        self.say("")
        if not self.run.json:
            styled(spoken.sentence(title), bold=True)
            click.echo(f"\n$ {command_line}\n")
            click.echo("\n".join(f"  {line}" for line in text.splitlines()))

    def rotated(self, title: str, command_line: str, result: RotationResult, *, as_told: bool) -> None:
        """A step of the rotation."""
        from releaseguard.report.layout.text import fitting
        from releaseguard.rotation.telling import text_of

        text = spoken.lines(fitting(text_of(result), line_width() - INDENT))
        self.act(title, command_line, text, result.to_json(), as_told=as_told)

    def written_back(self) -> None:
        """What the log shows now of releaseguard's own work."""
        from releaseguard.eventlog.interface import Query
        from releaseguard.model import OURSELVES

        rows = list(self.wiring.stores.log.select(Query(providers=[OURSELVES], newest_first=True, limit=400)))
        ours = [row for row in rows if row.event != "release_deployed"]
        names = [row.event for row in reversed(ours) if not row.event.startswith(("rotation_lease", "release_check"))]
        text = "\n".join(f"{name}" for name in dict.fromkeys(names))
        result = {"events": len(ours), "kinds": sorted({row.event for row in ours})}
        title = "What was written back, beside the app's own events"
        self.act(title, "releaseguard events list --provider releaseguard", text, result, as_told=bool(ours))

    def finish(self, folder: Path | None) -> None:
        if self.run.json:
            kept = str(folder) if folder else None
            document: DemoDocument = {"as_told": self.went_as_told, "folder": kept, "steps": self.steps}
            self.run.emit("", document)


def _leak(stage: _Stage) -> None:
    with stage.story.users():
        _rotate(stage)
        _confirm(stage)


def _rotate(stage: _Stage) -> None:
    from releaseguard.rotation.aftermath import rotate_and_settle
    from releaseguard.rotation.values import RotateRequest, RotationState

    stage.story.leak()
    stage.say("\nSendGrid's key is in a public gist. Somebody has made a new one and stored it in the vault.")
    context = stage.wiring.rotation.context(stage.wiring.cards.get("sendgrid"), None)
    request = RotateRequest(leak=True, reason="key in a public gist")
    result = rotate_and_settle(request, context, stage.wiring.rotation.aftermath_sources(context), stage.run.tell)
    line = 'releaseguard rotate sendgrid --leak --reason "key in a public gist" --yes'
    proven = result.state is RotationState.PROVEN
    stage.rotated("The leaked key is replaced everywhere", line, result, as_told=proven)


def _confirm(stage: _Stage) -> None:
    from releaseguard.rotation.aftermath import rotate_and_settle
    from releaseguard.rotation.values import RotateAction, RotateRequest, RotationState

    stage.story.world.revoke("SENDGRID_API_KEY", 1)
    stage.say("\nOnly now is the old key revoked at SendGrid. It was used minutes ago, hence --despite-use.")
    context = stage.wiring.rotation.context(stage.wiring.cards.get("sendgrid"), None)
    request = RotateRequest(action=RotateAction.CONFIRM_REVOKED, despite_use=True)
    result = rotate_and_settle(request, context, stage.wiring.rotation.aftermath_sources(context), stage.run.tell)
    line = "releaseguard rotate sendgrid --confirm-revoked --despite-use"
    retired = result.state is RotationState.RETIRED and result.exit_code is ExitCode.OK
    stage.rotated("The leak is closed", line, result, as_told=retired)


def _release(stage: _Stage) -> None:
    from releaseguard.model import Verdict

    _judge(stage, stage.story.good_release(), "A good release passes", Verdict.PASS)
    _judge(stage, stage.story.bad_release(), "A bad one fails: three in ten e-mails are refused", Verdict.FAIL)


def _judge(stage: _Stage, release: str, title: str, expected: Any) -> None:
    from releaseguard.report.layout.display import Display
    from releaseguard.report.verdict.text import render
    from releaseguard.verification.context import VerifyRequest
    from releaseguard.verification.run import Verifier
    from releaseguard.verification.telling.document import document_of
    from releaseguard.verification.write_back import written_back

    context = stage.wiring.verification.context()
    request = VerifyRequest(release=release, flows=False)
    judged = Verifier(request, context).look()
    context.log.append(written_back(judged))
    document = document_of(_shown(judged))
    document["summary"] = document_of(judged)["summary"]
    line = f"releaseguard verify --release {release} --no-flows"
    text = render(document, Display(min(WIDEST, line_width() - INDENT)))
    stage.act(title, line, text, document, as_told=judged.verdict is expected)


def _shown(judged: Judged) -> Judged:
    """The demo shows what SendGrid's checks say, and whatever else did not pass."""
    from dataclasses import replace

    from releaseguard.model import Verdict

    telling = [one for one in judged.findings if one.provider == "sendgrid" or one.verdict is not Verdict.PASS]
    return replace(judged, findings=telling, skipped=())


_PARTS: Mapping[str, Callable[[_Stage], None]] = {"leak": _leak, "release": _release}
