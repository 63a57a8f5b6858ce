"""Which secrets ``rotate --all-drifted`` pushes again, and what several results come to."""

from __future__ import annotations

import pytest

from releaseguard.cards.load import load_cards
from releaseguard.errors import ExitCode
from releaseguard.rotation.drift.again import DriftedGroup, drifted_groups, worst
from releaseguard.rotation.drift.compare import DriftFinding, DriftStatus
from releaseguard.rotation.drift.survey import DriftReport

CARDS = load_cards()


def found(*findings: tuple[str, str, DriftStatus]) -> DriftReport:
    rows = [DriftFinding(card, secret, "github:o/r", secret, status, "") for card, secret, status in findings]
    return DriftReport(findings=rows, leaks={})


@pytest.mark.parametrize("status", DriftStatus)
def test_only_what_pushing_puts_right_is_pushed_again(status: DriftStatus) -> None:
    again = drifted_groups(found(("sendgrid", "SENDGRID_API_KEY", status)), CARDS)
    pushed = status in {DriftStatus.BEHIND, DriftStatus.MISSING, DriftStatus.CHANGED}
    assert again == ([DriftedGroup("sendgrid", "SENDGRID_API_KEY")] if pushed else [])


def test_a_group_is_pushed_once_however_many_of_it_have_drifted() -> None:
    behind = DriftStatus.BEHIND
    names = [secret.name for secret in CARDS.get("twilio").unit_of()]
    report = found(*(("twilio", name, behind) for name in reversed(names)), ("twilio", names[0], behind))
    assert [str(one) for one in drifted_groups(report, CARDS)] == [f"twilio {names[0]}"]


@pytest.mark.parametrize(
    ("codes", "code"),
    [
        ([ExitCode.OK], ExitCode.OK),
        ([ExitCode.OK, ExitCode.UNDECIDED], ExitCode.UNDECIDED),
        ([ExitCode.REFUSED, ExitCode.UNDECIDED], ExitCode.REFUSED),
        ([ExitCode.REFUSED, ExitCode.USAGE], ExitCode.USAGE),
        ([ExitCode.SERVICE, ExitCode.USAGE], ExitCode.SERVICE),
        ([ExitCode.BAD, ExitCode.SERVICE, ExitCode.OK], ExitCode.BAD),
    ],
)
def test_a_failure_is_worse_than_not_having_looked(codes: list[ExitCode], code: ExitCode) -> None:
    assert worst(codes) is code
    assert worst(reversed(codes)) is code
