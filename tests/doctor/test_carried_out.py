"""Checks are made in order; a problem ends its own check and skips what rests on it, under the name of the first."""

from __future__ import annotations

import threading

import pytest

from releaseguard.doctor.run import carried_out, side_by_side
from releaseguard.doctor.values import Check, CheckResult, Diagnosis
from releaseguard.errors import AccessDenied
from releaseguard.model import Remark, Standing


def check(name, *found, after=()):
    def look():
        for one in found:
            if isinstance(one, Exception):
                raise one
            yield one

    return Check(name, "group", f"title of {name}", look, after)


WELL, WARNED = Remark(Standing.OK, "well"), Remark(Standing.WARN, "look out")
DENIED = AccessDenied("it refuses", where="there", next_step="Let it.")


def told(checks, before=()):
    return [(one.id, one.status.value, one.what) for one in carried_out(checks, list(before))]


@pytest.mark.parametrize(
    ("found", "results"),
    [
        ((), []),
        ((WELL,), [("a", "ok", "well")]),
        ((WELL, WARNED), [("a", "ok", "well"), ("a", "warn", "look out")]),
        ((Remark(Standing.OK, "well", about="part"),), [("a.part", "ok", "well")]),
        ((DENIED,), [("a", "fail", "it refuses")]),
        ((WELL, DENIED, WARNED), [("a", "ok", "well"), ("a", "fail", "it refuses")]),
    ],
)
def test_a_look_gives_its_remarks_until_something_ends_it(found, results):
    assert told([check("a", *found)]) == results


def test_a_problem_says_where_it_is_and_what_to_do():
    (one,) = carried_out([check("a", DENIED)], [])
    assert (one.group, one.where, one.fix) == ("group", "there", "Let it.")


@pytest.mark.parametrize(
    ("first", "made"), [((WELL,), True), ((WARNED,), True), ((), True), ((DENIED,), False)], ids=repr
)
def test_what_rests_on_a_problem_is_skipped_and_on_a_warning_is_not(first, made):
    last = told([check("a", *first), check("b", WELL, after=("a",))])[-1]
    assert last == (("b", "ok", "well") if made else ("b", "skipped", "title of b: not looked at, because of a"))


def test_what_was_skipped_skips_in_turn_and_names_the_first_cause():
    found = told([check("a", DENIED), check("b", WELL, after=("a",)), check("c", WELL, after=("b",))])
    assert [what.rpartition(" ")[2] for _, _, what in found[1:]] == ["a", "a"]


@pytest.mark.parametrize(("after", "skipped"), [("cards*", True), ("cards", False), ("cards.1", True), ("car", False)])
def test_a_star_stands_for_all_that_begin_so(after, skipped):
    before = [CheckResult("cards.1", "cards", Standing.FAIL, "wrong")]
    ((_, status, _),) = told([check("b", WELL, after=(after,))], before)
    assert (status == "skipped") is skipped


def test_what_is_not_there_is_not_waited_for():
    assert told([check("b", WELL, after=("nobody",))]) == [("b", "ok", "well")]


@pytest.mark.parametrize(
    ("statuses", "ok"),
    [([], True), (["ok", "warn", "skipped"], True), (["ok", "fail"], False)],
)
def test_a_diagnosis_is_good_where_nothing_is_wrong(statuses, ok):
    found = [CheckResult("a", "group", Standing(status), "x") for status in statuses]
    assert Diagnosis(found).ok is ok


def test_services_are_looked_at_side_by_side_and_keep_their_order():
    both = threading.Barrier(2, timeout=10)

    def checks(name):
        both.wait()  # neither comes through alone
        return [CheckResult(name, "group", Standing.OK, "x")]

    assert [[one.id for one in found] for found in side_by_side([lambda: checks("a"), lambda: checks("b")])] == [
        ["a"],
        ["b"],
    ]


def test_a_bug_in_a_check_is_not_swallowed():
    def broken():
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        side_by_side([list, broken])
