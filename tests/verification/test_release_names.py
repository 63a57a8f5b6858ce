"""Names of one release, as marks and rows write them, and what marks of components and people say."""

from __future__ import annotations

from datetime import timedelta
from itertools import pairwise
from typing import Any

import pytest

from releaseguard.errors import UsageError
from releaseguard.model import Event
from releaseguard.verification.rows.releases import deployments_of, pick
from releaseguard.verification.values import Deployment
from releaseguard.verification.whose.components import components_of
from releaseguard.verification.whose.foretold import Foretold, detail_of, foretold_in
from releaseguard.verification.whose.members import Members, Owner
from releaseguard.verification.whose.tags import Tags, tags_of
from tests.support.verifying import NOON, mark

SHA = "3f2a9c1b7d5e4f60a1b2c3d4e5f60718293a4b5c"
OTHER = "3f2a9c1c7d5e4f60a1b2c3d4e5f60718293a4b5c"
HALF = timedelta(minutes=30)

NAMES = {
    "the same": (SHA, SHA, None, True),
    "a prefix of seven": (SHA, SHA[:7], None, True),
    "a longer prefix": (SHA, SHA[:12], None, True),
    "in capitals": (SHA, SHA[:12].upper(), None, True),
    "two prefixes": (SHA[:10], SHA[:7], None, True),
    "a prefix of six": (SHA, SHA[:6], None, False),
    "another commit's prefix": (SHA, OTHER[:8], None, False),
    "a prefix that both have": (SHA, OTHER[:7], None, True),
    "a part that is no prefix": (SHA, SHA[3:12], None, False),
    "a name before it": (SHA, f"shop@{SHA}", None, True),
    "a scoped name before it": (SHA, f"@acme/shop@{SHA}", None, True),
    "a name before a prefix": (SHA, f"shop@{SHA[:8]}", None, True),
    "a name before a version": ("1.4.2", "shop@1.4.2", None, True),
    "another version": ("1.4.2", "shop@1.4.20", None, False),
    "versions are no commits": ("1.4.2", "1.4", None, False),
    "numbers of builds are no commits": ("20261128", "2026112801", None, False),
    "a whole commit begins with digits": ("1234567" + SHA[7:], "1234567", None, True),
    "a word": ("release-7", "release-7-hotfix", None, False),
    "what the pattern takes out": ("1.4.2", "shop-1.4.2-eu", r"^shop-(.+)-eu$", True),
    "a pattern without a group": ("1.4.2", "shop-1.4.2-eu", r"\d+\.\d+\.\d+", True),
    "a prefix that the pattern takes out": (SHA, f"web/{SHA[:9]}/blue", r"^web/([0-9a-f]+)/", True),
    "what the pattern does not match": ("1.4.2", "other-1.4.2", r"^shop-(.+)$", False),
    "a name that ends in nothing": ("1.4.2", "shop@", None, False),
}


@pytest.mark.parametrize(("one", "other", "pattern", "same"), NAMES.values(), ids=NAMES)
def test_two_names_are_of_one_release(one: str, other: str, pattern: str | None, same: bool) -> None:
    tags = tags_of(pattern)
    assert tags.same(one, other) is same
    assert tags.same(other, one) is same


def _made(*marks: Event) -> list[tuple[str, str | None, float | None]]:
    def minute(one: Deployment) -> float | None:
        return None if one.followed_at is None else (one.followed_at - NOON) / timedelta(minutes=1)

    return [(one.release, one.component, minute(one)) for one in deployments_of(marks, HALF)]


def _of(component: str, minutes: float, release: str, **more: Any) -> Event:
    return mark(minutes, release, said={"component": component}, **more)


MARKS = {
    "a mark of one component ends no other's window": (
        [_of("web", 0, "w1"), _of("functions", 10, "f1")],
        [("w1", "web", None), ("f1", "functions", None)],
    ),
    "and ends its own's": (
        [_of("web", 0, "w1"), _of("functions", 5, "f1"), _of("web", 10, "w2")],
        [("w1", "web", 10), ("f1", "functions", None), ("w2", "web", None)],
    ),
    "one of the whole ends any": (
        [_of("web", 0, "w1"), mark(10, "all")],
        [("w1", "web", 10), ("all", None, None)],
    ),
    "and is not ended by a part": ([mark(0, "all"), _of("web", 10, "w2")], [("all", None, None), ("w2", "web", None)]),
    "one commit of two components is two deployments": (
        [_of("web", 0, SHA), _of("functions", 1, SHA)],
        [(SHA, "web", None), (SHA, "functions", None)],
    ),
    "a job that is run again with the short name": ([mark(0, SHA), mark(10, SHA[:8])], [(SHA, None, None)]),
    "another component between a job's two runs": (
        [_of("web", 0, "w1"), _of("functions", 5, "f1"), _of("web", 10, "w1")],
        [("w1", "web", None), ("f1", "functions", None)],
    ),
}


@pytest.mark.parametrize(("marks", "deployments"), MARKS.values(), ids=MARKS)
def test_each_component_has_deployments_of_its_own(
    marks: list[Event], deployments: list[tuple[str, str | None, float | None]]
) -> None:
    assert _made(*marks) == deployments


def test_what_later_marks_of_a_deployment_say_is_added() -> None:
    said = [{"removes": ["paytr"]}, {"expect_traffic": 2.0}, {"removes": ["twilio"], "rolls_back": True}]
    (one,) = deployments_of([mark(10 * i, said=more) for i, more in enumerate(said)], HALF)
    assert (one.removes, one.expect_traffic, one.rolls_back) == ({"paytr", "twilio"}, 2.0, True)


def test_a_release_that_served_before_another_is_rolled_back_to() -> None:
    marks = [mark(0, SHA), mark(60, "next"), mark(70, SHA[:9]), mark(140, "third")]
    assert [one.rolls_back for one in deployments_of(marks, HALF)] == [False, False, True, False]


def test_a_release_that_is_deployed_twice_rolls_nothing_back() -> None:
    assert [one.rolls_back for one in deployments_of([mark(0), mark(60), mark(130, again=True)], HALF)] == [False] * 3


SAID = {
    "nothing": ({}, Foretold()),
    "all of it": (
        {"removes": ["a", "b"], "expect_traffic": 2, "rolls_back": True},
        Foretold(frozenset({"a", "b"}), 2.0, rolls_back=True),
    ),
    "no list": ({"removes": "paytr"}, Foretold()),
    "no names": ({"removes": [1, None, "a"]}, Foretold(frozenset({"a"}))),
    "no factor": ({"expect_traffic": "2"}, Foretold()),
    "a truth is no factor": ({"expect_traffic": True}, Foretold()),
    "a negative factor": ({"expect_traffic": -2}, Foretold()),
    "no truth": ({"rolls_back": "yes"}, Foretold()),
}


@pytest.mark.parametrize(("detail", "said"), SAID.values(), ids=SAID)
def test_what_a_mark_says_is_believed_where_it_is_that(detail: dict[str, Any], said: Foretold) -> None:
    assert foretold_in(detail) == said
    assert foretold_in(detail_of(said)) == said


def test_the_deployment_of_a_component_is_found() -> None:
    known = deployments_of([_of("web", 0, "w1"), mark(5, "all"), _of("functions", 10, "f1")], HALF)

    def found(**asked: Any) -> tuple[str, str | None]:
        one = pick(known, environment="production", **asked)
        return one.release, one.component

    assert found() == ("f1", "functions")
    assert found(component="web") == ("all", "web")
    assert found(component="web", release="w1") == ("w1", "web")
    with pytest.raises(UsageError, match="of f1 to production as web"):
        found(component="web", release="f1")


def test_a_source_is_of_one_component_and_phones_are_one_of_their_own() -> None:
    components = components_of({"web": ["web", "admin"], "functions": ["sendgrid-email"]})
    assert [components.of(source) for source in ("web", "admin", "sendgrid-email", "client", "cron", None)] == [
        "web",
        "web",
        "functions",
        "client",
        None,
        None,
    ]
    assert components.names == ["client", "functions", "web"]
    assert components.is_elsewhere("admin", "functions")
    assert not components.is_elsewhere("cron", "functions")
    assert not components.is_elsewhere("admin", None)
    assert components_of({}).of("client") is None


@pytest.mark.parametrize("tag", ["", " ", "null", "None", "undefined", "UNKNOWN", '"unknown"', "HEAD", "n/a", "-"])
def test_a_tag_that_names_no_release_says_nothing(tag: str) -> None:
    for release in (SHA, tag or "unknown"):
        members = Members(Deployment(release=release, environment="production", deployed_at=NOON), Tags())
        assert members.of_tag(tag) is Owner.UNTAGGED


@pytest.mark.parametrize("tag", ["main", "latest", "0", "unknown-2", "head-1"])
def test_a_word_may_be_a_release(tag: str) -> None:
    members = Members(Deployment(release=SHA, environment="production", deployed_at=NOON), Tags())
    assert members.of_tag(tag) is Owner.ANOTHER


@pytest.mark.parametrize(
    ("sources", "component", "phones"),
    [
        ({"web": ["web"]}, "client", True),
        ({"web": ["web"], "mobile": ["client"]}, "mobile", True),
        ({"web": ["web"], "mobile": ["client"]}, "client", False),
        ({"web": ["web"]}, "web", False),
        ({}, "client", True),
        ({}, None, False),
    ],
)
def test_phones_are_a_component_by_whichever_name(
    sources: dict[str, list[str]], component: str | None, phones: bool
) -> None:
    deployment = Deployment(release=SHA, environment="production", deployed_at=NOON, component=component)
    components = components_of(sources)
    assert components.known(deployment).is_of_phones is phones
    assert not sources or components.of("client") in components.names


class _Counted(Tags):
    """Counts how often two names are compared."""

    compared = 0

    def same(self, one: str, other: str) -> bool:
        type(self).compared += 1
        return super().same(one, other)


def test_however_many_marks_there_are_not_every_two_of_them_are_compared() -> None:
    many = 400
    found = deployments_of((mark(number / 10, f"start-{number}") for number in range(many)), HALF, _Counted())
    assert [one.release for one in found] == [f"start-{number}" for number in range(many)]
    assert all(one.cut_short == before.deployed_at for before, one in pairwise(found))
    assert _Counted.compared < 10 * many
