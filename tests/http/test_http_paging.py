"""Listings in pages: by ``Link`` header, by number, by count; nothing is fetched for ever, nothing hidden is shown."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pytest

from releaseguard.http import Reply
from releaseguard.http.paging import PAGE, pages


class Server:
    """Answers from a script and keeps what it was asked."""

    def __init__(self, *answers: tuple[Any, str | None]) -> None:
        self._answers = list(answers)
        self.asked: list[Mapping[str, Any]] = []

    def request(self, _method: str, _path: str, *, params: Mapping[str, Any]) -> Reply:
        self.asked.append(params)
        document, link = self._answers[min(len(self.asked), len(self._answers)) - 1]
        return Reply(200, {"link": link} if link else {}, json.dumps(document).encode())


def some(count: int, start: int = 0) -> list[dict[str, int]]:
    return [{"n": number} for number in range(start, start + count)]


def numbers(server: Server, **options: Any) -> list[int]:
    return [one["n"] for one in pages(server, "/x", **options)]  # type: ignore[arg-type]


def test_full_pages_are_followed_by_number_where_no_link_is_given() -> None:
    server = Server((some(PAGE), None), (some(3, PAGE), None))
    assert numbers(server) == list(range(PAGE + 3))
    assert [asked["page"] for asked in server.asked] == [1, 2]


@pytest.mark.parametrize("prefix", ["", '<https://x/?page=1>; rel="prev", '])
def test_short_pages_are_followed_by_their_link(prefix: str) -> None:
    link = prefix + '<https://api.github.com/x?page=2&per_page=30>; rel="next", <https://x/?page=9>; rel="last"'
    server = Server((some(30), link), (some(5, 30), '<https://x/?page=1>; rel="prev"'))
    assert numbers(server) == list(range(35))
    assert server.asked[1]["page"] == "2"


def test_a_cursor_takes_the_place_of_the_number_and_our_parameters_stay() -> None:
    server = Server((some(2), '<https://x/?after=abc&hide_secret=false>; rel="next"'), (some(1, 2), None))
    assert numbers(server, params={"hide_secret": "true"}) == [0, 1, 2]
    assert server.asked[1] == {"after": "abc", "hide_secret": "true", "per_page": PAGE}


def test_a_count_says_that_there_is_more() -> None:
    server = Server(({"total_count": 3, "secrets": some(2)}, None), ({"total_count": 3, "secrets": some(1, 2)}, None))
    assert numbers(server, key="secrets") == [0, 1, 2]


@pytest.mark.parametrize(
    "answer",
    [
        (some(1), '<https://x/?page=1&per_page=100>; rel="next"'),
        ({"total_count": 9, "secrets": []}, None),
        ({"message": "no listing"}, None),
    ],
)
def test_a_listing_that_leads_nowhere_ends(answer: tuple[Any, str | None]) -> None:
    server = Server(answer)
    pages(server, "/x", "secrets")  # type: ignore[arg-type]
    assert len(server.asked) <= 2
