"""Which secrets ``rotate --all-drifted`` pushes again, and what several results come to."""

from __future__ import annotations

from datetime import UTC, datetime
from types import SimpleNamespace

import pytest

from releaseguard.audit.chain import ChainKey
from releaseguard.cards.load import load_cards
from releaseguard.compose.known.configuration import ADDRESSES
from releaseguard.errors import ExitCode
from releaseguard.rotation.drift.again import DriftedGroup, drifted_groups, in_order_of_harm, sorted_out, worst
from releaseguard.rotation.drift.compare import DriftFinding, DriftStatus
from releaseguard.rotation.drift.survey import DriftReport, Managed
from releaseguard.rotation.planning.plan import Plan
from releaseguard.rotation.result import RotationResult
from releaseguard.vault.source import ValueSource

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


def managed(name: str, places: int) -> Managed:
    bindings = [SimpleNamespace(holds=lambda _: True) for _ in range(places)]
    card = CARDS.get(name)
    return Managed(card, ChainKey(name, "production"), bindings, [], ADDRESSES.parse)  # type: ignore[arg-type]


def test_the_most_harmful_comes_first_then_the_most_exposed_then_the_oldest() -> None:
    old, new = datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 11, 1, tzinfo=UTC)
    used = [("posthog", 9), ("sendgrid", 1), ("twilio", 3), ("paytr", 1)]
    pairs = [(managed(name, places), secret) for name, places in used for secret in CARDS.get(name).unit_of()]
    made = {secret.name: old if one.card.id == "sendgrid" else new for one, secret in pairs}
    order = [group.provider for group in in_order_of_harm(pairs, made)]
    assert order[0] == "paytr"
    harms = [CARDS.get(name).harm for name in order]
    ranks = ["money", "identity", "login", "messages", "analytics"]
    assert [ranks.index(str(harm)) for harm in harms] == sorted(ranks.index(str(harm)) for harm in harms)
    assert len(order) == 4, "a group is one rotation"


@pytest.mark.parametrize(
    ("code", "word"),
    [
        (ExitCode.OK, "done"),
        (ExitCode.UNDECIDED, "waiting"),
        (ExitCode.REFUSED, "waiting"),
        (ExitCode.BAD, "failed"),
        (ExitCode.SERVICE, "failed"),
    ],
)
def test_one_report_says_what_is_done_what_waits_and_what_failed(code: ExitCode, word: str) -> None:
    result = RotationResult(rotation_id=None, provider="mapbox", environment="production", state=None, exit_code=code)
    assert sorted_out([result])[word] == ["mapbox"]
    assert sum(map(len, sorted_out([result]).values())) == 1


@pytest.mark.parametrize(("unchanged", "word"), [(False, "planned"), (True, "no_changes")])
def test_a_dry_run_of_several_claims_nothing_done(unchanged: bool, word: str) -> None:
    plan = Plan(unit="x", origin=ValueSource.VAULT, pins=(), seen={}, unchanged=unchanged)
    result = RotationResult(rotation_id=None, provider="mapbox", environment="production", state=None, plan=plan)
    assert sorted_out([result]) == {"done": [], "waiting": [], "failed": [], word: ["mapbox"]}
