"""Providers that no card names: a great many of them are one, and no card's is ever among these."""

from __future__ import annotations

from releaseguard.cards.strangers import MOST, OTHERS, first_told_apart, told_apart


def test_of_a_great_many_the_biggest_are_told_apart_and_never_what_a_card_names() -> None:
    many = [(f"p{number}", number) for number in range(2 * MOST)]
    named = told_apart([*many, ("mail", 1), ("mail", 1)], {"mail"})
    assert named is not None
    assert [named(name) for name in ("mail", "p0", f"p{MOST - 1}", f"p{MOST}", f"p{2 * MOST - 1}")] == [
        "mail", OTHERS, OTHERS, f"p{MOST}", f"p{2 * MOST - 1}",
    ]  # fmt: skip


def test_as_many_as_one_can_look_at_are_all_told_apart() -> None:
    assert told_apart([(f"p{number % MOST}", 1) for number in range(9 * MOST)], ()) is None


def test_where_names_come_one_by_one_the_first_are_told_apart() -> None:
    named = first_told_apart({"mail"})
    assert [named(f"p{number}") for number in range(MOST)] == [f"p{number}" for number in range(MOST)]
    assert [named(name) for name in ("new", "mail", "p0", "new")] == [OTHERS, "mail", "p0", OTHERS]
