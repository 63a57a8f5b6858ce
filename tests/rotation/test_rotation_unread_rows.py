"""Rows that cannot be read while a rotation is under way: they end nothing, and prove nothing."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from releaseguard.errors import ExitCode
from releaseguard.eventlog.interface import SetAside
from releaseguard.eventlog.rows.detail import detail_of
from releaseguard.model import Event, Outcome
from releaseguard.rotation.commands import rotate
from releaseguard.rotation.proof.judge import prove
from releaseguard.rotation.proof.labels import LabelledSecret, Labels
from releaseguard.rotation.proof.values import Question, RuntimeDestination
from releaseguard.rotation.values import RotateAction, RotateRequest, RotationState
from tests.rotation.rotation_fakes import NAME, World

SERVING = datetime(2026, 11, 24, 10, 0, tzinfo=UTC)
UNREAD = SetAside(
    row="00000000-0000-0000-0000-000000000017",
    column="outcome",
    theirs="outcome",
    problem="is neither 'success' nor 'error'",
    provider="sendgrid",
    event="sendgrid_error",
    outcome=None,
    error_code="401",
    source="web",
    occurred_at=SERVING + timedelta(minutes=1),
    recorded_at=SERVING + timedelta(minutes=1),
)
QUESTION = Question(
    provider="sendgrid",
    environment="production",
    success_events=frozenset({"sendgrid_email_sent"}),
    auth_error_codes=frozenset({"401"}),
    labels=Labels({"SENDGRID_API_KEY": LabelledSecret("1", "2")}),
    runtimes=[RuntimeDestination(uri="vercel:prj_1", since=SERVING, serving=SERVING)],
)

MAY_BE: list[tuple[str, SetAside, bool]] = [
    ("a refused key of no outcome", UNREAD, True),
    ("an error without a code", replace(UNREAD, error_code=None), True),
    ("of nobody known", replace(UNREAD, provider=None), True),
    ("of nobody known, by an event of none", replace(UNREAD, provider=None, event=None, error_code=None), True),
    ("at a time that nobody knows", replace(UNREAD, occurred_at=None, recorded_at=None), True),
    ("an error at a time that nobody knows", replace(UNREAD, outcome=Outcome.ERROR, occurred_at=None), True),
    ("recorded since, whatever its writer's clock said", replace(UNREAD, occurred_at=SERVING), True),
    ("of another provider", replace(UNREAD, provider="twilio"), False),
    ("another error", replace(UNREAD, error_code="timeout"), False),
    ("a success", replace(UNREAD, outcome=Outcome.SUCCESS, error_code="200"), False),
    ("a success without a code", replace(UNREAD, outcome=Outcome.SUCCESS, error_code=None), False),
    ("a success with a refusal's code", replace(UNREAD, outcome=Outcome.SUCCESS), True),
    ("an event of successes", replace(UNREAD, event="sendgrid_email_sent", error_code=None), False),
    ("an event of successes with a refusal's code", replace(UNREAD, event="sendgrid_email_sent"), True),
    ("recorded before", replace(UNREAD, recorded_at=SERVING), False),
    ("of before", replace(UNREAD, recorded_at=None, occurred_at=SERVING), False),
    ("a phone's", replace(UNREAD, source="client"), False),
]


@pytest.mark.parametrize(("row", "forbids"), [pytest.param(row, forbids, id=name) for name, row, forbids in MAY_BE])
def test_what_may_be_a_refused_key_forbids_a_proof_and_nothing_else_does(row: SetAside, forbids: bool) -> None:
    missing = [what for what in prove(QUESTION, [], [row]).missing if "set aside" in what]
    assert bool(missing) is forbids
    assert all(row.row in what and "authentication error" in what for what in missing)


def test_a_row_that_cannot_be_read_ends_no_rotation_and_leaves_it_unproven_until_it_is_gone() -> None:
    world = World()
    world.live_with("old")
    world.vault.put(NAME, "new")
    world.log.aside = [replace(UNREAD, occurred_at=None, recorded_at=None)]
    first = rotate(RotateRequest(leak=True, reason="a gist"), world.process(), world.tell)
    assert (first.state, first.exit_code) == (RotationState.UNPROVEN, ExitCode.UNDECIDED)
    assert any(UNREAD.row in what for what in first.proof.missing)
    assert "--resume" in str(first.next_step)
    world.log.aside = []
    assert rotate(RotateRequest(action=RotateAction.RESUME), world.process(), world.tell).state is RotationState.PROVEN


def test_a_success_whose_detail_was_too_much_to_read_speaks_against_the_new_version() -> None:
    """Its label may have stood there: whoever writes such rows hides no use of the old key."""
    used = Event(
        id=UUID(int=1),
        occurred_at=SERVING + timedelta(minutes=1),
        recorded_at=SERVING + timedelta(minutes=1),
        provider="sendgrid",
        event="sendgrid_email_sent",
        outcome=Outcome.SUCCESS,
        environment="production",
        detail=detail_of("[" * 100_000),
    )
    missing = prove(QUESTION, [used]).missing
    assert any("1 with another version" in what for what in missing), missing
