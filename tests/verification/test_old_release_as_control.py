"""When the old release is a control, and when what it did shows that the new one is worse."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from releaseguard.model import Verdict
from releaseguard.verification.judge.verdicts import undecided_of
from releaseguard.verification.judge.weighing.others import Compared, is_worse
from tests.verification.test_what_a_release_is_compared_with import (
    DEPLOYED,
    RULES,
    Rate,
    canary,
    cells,
    judged,
    only,
    said,
)


@pytest.mark.parametrize(
    ("old", "new", "worse"),
    [
        ((3, 0), (4, 4), False),
        ((0, 0), (9, 9), False),
        ((10, 0), (4, 4), True),
        ((3, 0), (20, 20), True),
        ((19, 6), (24, 13), False),
        ((190, 6), (24, 13), True),
    ],
)
def test_a_few_whole_rows_of_the_old_release_do_not_say_that_the_new_one_is_worse(
    old: tuple[int, int], new: tuple[int, int], worse: bool
) -> None:
    assert is_worse(Compared(0, *new, *old)) is worse


@pytest.mark.parametrize("seed", range(1, 5))
def test_an_outage_of_both_at_little_traffic_fails_nobody(seed: int) -> None:
    failing = only("mail", 8, 60, 0.8)
    assert not judged(cells(0.7, failing, served=canary(0.6), seed=seed)).state.failed


STEPS = [
    ("a migration before it", -8, "old", {}, Verdict.WARN),
    ("an incident of long before", -90, "old", {}, Verdict.PASS),
    ("an incident of both", -8, "old new", {}, Verdict.INCONCLUSIVE),
    ("what it is to heal", -8, "old", {"rolls_back": True}, Verdict.PASS),
]


@pytest.mark.parametrize(
    ("since", "failing", "told", "verdict"), [case[1:] for case in STEPS], ids=[c[0] for c in STEPS]
)
def test_a_step_of_the_release_that_ran_before_it_and_breaks_the_old_one_is_told(
    since: int, failing: str, told: dict[str, bool], verdict: Verdict
) -> None:
    """A database is changed minutes before what needs it: the new release is well, and the old one still serves."""
    rows = cells(5, only("mail", since, 60, 0.5, failing), served=canary(0.4))
    found, reason = said(judged(rows, **told), "mail.errors")
    assert found is verdict, reason
    assert ("harm to others: the old release" in reason) is (verdict is Verdict.WARN)
    assert ("min before it was live: a step of this release" in reason) is (verdict is Verdict.WARN)


@pytest.mark.parametrize(("beside", "named"), [("old", "the old release"), ("newer", "other releases")])
def test_a_release_that_came_later_is_not_called_the_old_one(beside: str, named: str) -> None:
    rows = cells(5, only("mail", 5, 60, 0.5, "old"), served=canary(0.4))
    told = (
        row._replace(release=beside) if row.release == "old" and row.occurred >= DEPLOYED + 3 else row for row in rows
    )
    found, reason = said(judged(told), "mail.errors")
    assert found is Verdict.WARN, reason
    assert f"harm to others: {named}, which" in reason


def test_errors_that_are_named_after_the_old_release_are_not_harm_to_others() -> None:
    """What writes errors has kept the tag of the release before, of which nothing else comes: it serves nobody."""
    rows = (
        row._replace(release="old") if row.release == "new" and not row.ok and row.provider == "mail" else row
        for row in cells(1, only("mail", 0, 60, 0.6, "new"))
    )
    replay = judged(rows)
    found, reason = said(replay, "mail.errors")
    assert found is Verdict.INCONCLUSIVE, reason
    assert "which had no success at any provider" in reason
    assert undecided_of(replay.state, next(one for one in RULES if one.id == "mail.errors")) == "block"


@pytest.mark.parametrize("own", [0.0, 0.04])
def test_a_flood_of_errors_under_names_that_nobody_knows_is_no_harm_to_others(own: float) -> None:
    """What fails writes a release of its own for each request, so that its retries stand beside the release."""
    flood = (
        row._replace(release=f"request-{row.occurred}", total=row.total * 9)
        for row in cells(1, only("mail", 0, 60, 0.9, "new"))
        if row.release == "new" and not row.ok and row.provider == "mail"
    )
    replay = judged([*cells(1, only("mail", 0, 60, own, "new")), *flood])
    found, reason = said(replay, "mail.errors")
    assert found is Verdict.INCONCLUSIVE, reason
    assert "which had no success at any provider" in reason
    assert undecided_of(replay.state, next(one for one in RULES if one.id == "mail.errors")) == "block"


def test_a_roll_out_that_is_over_leaves_no_control() -> None:
    def rolled_out(_provider: str, offset: int, release: str) -> float:
        share = min(max((offset + 1) / 3, 0.0), 1.0)
        return share if release == "new" else 1.0 - share

    replay = judged(cells(0.7, only("mail", 0, 60, 1.0, "new"), served=rolled_out))
    assert said(replay, "mail.errors")[0] is Verdict.FAIL


def test_another_part_of_the_app_that_was_not_deployed_is_no_control() -> None:
    """The mails are all made by what was deployed; the rest by a part of the app whose release stays."""

    def served(provider: str, offset: int, release: str) -> float:
        return float((release == "new") is (offset >= 0 and provider == "mail"))

    rows = (
        row._replace(release="web") if row.provider != "mail" else row
        for row in cells(3, only("mail", 0, 60, 1.0, "new"), served=served)
    )
    assert said(judged(rows), "mail.errors")[0] is Verdict.FAIL


def moved(share: Callable[[int], float], made: float = 1.0) -> Rate:
    """The new release serves this share from the deployment on, and makes such a part of what it is given."""

    def served(_provider: str, offset: int, release: str) -> float:
        part = share(offset) if offset >= 0 else 0.0
        return made * part if release == "new" else 1.0 - part

    return served


@pytest.mark.parametrize(
    ("served", "says"),
    [
        (moved(lambda _: 0.5, made=0.1), "it loses a part of what it gets"),
        (moved(lambda offset: 0.5 if offset < 30 else 0.1), "sends users elsewhere"),
        (moved(lambda _: 0.3), ""),
        (moved(lambda _: 1.0), ""),
    ],
)
def test_a_share_of_the_traffic_that_is_odd_by_itself_is_told(served: Rate, says: str) -> None:
    replay = judged(cells(3, only("mail", 0, 0, 0.0), served=served))
    reason = said(replay, "mail.volume")[1]
    assert says in reason
    assert bool(says) is ("all traffic" in reason)
    assert not replay.state.failed
