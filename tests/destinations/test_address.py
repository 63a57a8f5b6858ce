"""Addresses: spelled in many ways, compared by place, refused with the nearest valid form."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from releaseguard.compose.known.configuration import ADDRESSES
from releaseguard.destinations.address import Address
from releaseguard.errors import ConfigError
from releaseguard.services.github.address import GitHubAddress, actions, dependabot
from releaseguard.services.supabase.address import project_at
from releaseguard.services.vercel.address import STANDARD_TARGETS, targets_of

parse = ADDRESSES.parse


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("github:lovendo/app", actions("lovendo", "app")),
        ("github:lovendo", actions("lovendo")),
        ("github:o_x/r.js", actions("o_x", "r.js")),
        ("github:o/r@pre prod/eu", actions("o", "r", "pre prod/eu")),
        ("github-dependabot:o/r", dependabot("o", "r")),
        ("vercel:prj_1/production", targets_of("prj_1", {"production"})),
        ("vercel:web/qa , preview", targets_of("web", {"preview", "qa"})),
        ("supabase:abcdefghijklmnopqrst", project_at("abcdefghijklmnopqrst")),
        ("supabase:ref as SEND_KEY", replace(project_at("ref"), rename="SEND_KEY")),
        ("github:o/r@as as  NAME", replace(actions("o", "r", "as"), rename="NAME")),
    ],
)
def test_every_form_is_read(text: str, expected: Address) -> None:
    assert parse(text) == expected
    assert parse(f"  {text} ") == expected


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("gihub:lovendo/app", "Did you mean 'github'?"),
        ("versel:web/production", "Did you mean 'vercel'?"),
        ("https://github.com/o/r", "github:OWNER/REPO"),
        ("lovendo/app", "github:OWNER/REPO"),
        ("vercel:prj_123", "vercel:PROJECT/production,preview"),
        ("vercel:prj_123/", "vercel:PROJECT/production,preview"),
        ("vercel:prj/production,,preview", "vercel:PROJECT/production,preview"),
        ("github:", "github:OWNER/REPO"),
        ("github:o/r/x", "github:OWNER/REPO"),
        ("github:o@production", "github:OWNER/REPO@ENVIRONMENT"),
        ("github-dependabot:o/", "github-dependabot:OWNER/REPO"),
        ("supabase:a/b", "supabase:REF"),
        ("supabase:ref as 1KEY", "digit"),
        ("supabase:ref as A-B", "digits and underscores"),
    ],
)
def test_what_is_no_address_is_a_configuration_error_with_the_nearest_form(text: str, hint: str) -> None:
    with pytest.raises(ConfigError) as raised:
        parse(text, where="releaseguard.toml:7")
    assert raised.value.where == "releaseguard.toml:7"
    assert hint in (raised.value.next_step or "")


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("github:Lovendo/App", "github:lovendo/app"),
        ("github:o/r@Production", "github:o/r@production"),
        ("vercel:web/preview,production", "vercel:web/production,preview"),
        ("vercel:web/production,production", "vercel:web/production"),
        ("github:o/r as K", "github:O/R as K"),
    ],
)
def test_spellings_of_the_same_place_are_equal(one: str, other: str) -> None:
    assert parse(one) == parse(other)
    assert len({parse(one), parse(other)}) == 1


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("github:o/r", "github:o/r@production"),
        ("github:o/r", "github-dependabot:o/r"),
        ("github:o/r as A", "github:o/r as B"),
        ("github:o/r as A", "github:o/r"),
        ("vercel:web/production", "vercel:web/preview"),
        ("vercel:Web/production", "vercel:web/production"),
    ],
)
def test_different_places_are_not_equal(one: str, other: str) -> None:
    assert parse(one) != parse(other)


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        ("vercel:web/production", "vercel:web/production,preview", True),
        ("vercel:web/production", "vercel:web/preview", False),
        ("vercel:web/production", "vercel:admin/production", False),
        ("github:o/r as A", "github:O/R", True),
        ("github:o/r", "github:o/r@production", False),
        ("supabase:a", "supabase:b", False),
    ],
)
def test_places_overlap_where_a_write_to_one_changes_the_other(one: str, other: str, expected: bool) -> None:
    assert parse(one).overlaps(parse(other)) is expected
    assert parse(other).overlaps(parse(one)) is expected


@pytest.mark.parametrize(
    ("narrow", "wide", "expected"),
    [
        ("github:o/r@production", "github:O/r", True),
        ("github:o/r@production", "github:o", True),
        ("github:o/r", "github:o", True),
        ("github:o/r", "github:o/r@production", False),
        ("github:o/other@production", "github:o/r", False),
        ("github:o/r@production", "github:o/r@staging", False),
        ("github-dependabot:o/r", "github:o", False),
    ],
)
def test_a_narrower_scope_shadows_a_wider_one(narrow: str, wide: str, expected: bool) -> None:
    inner = parse(narrow)
    assert isinstance(inner, GitHubAddress)
    assert inner.shadows(parse(wide)) is expected


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        ("vercel:web/production", "vercel:prj_1/production,preview", True),
        ("vercel:web/production", "vercel:prj_1/preview", False),
        ("vercel:web/production", "vercel:Web/production", True),
        ("vercel:web/production", "vercel:admin/production", False),
        ("vercel:prj_1/production", "vercel:prj_2/production", False),
        ("vercel:prj_1/qa", "vercel:prj_1/env_9", True),
        ("vercel:prj_1/qa", "vercel:web/env_9", True),
        ("vercel:prj_1/qa", "vercel:prj_1/staging", False),
        ("vercel:prj_1/production", "vercel:prj_1/env_9", False),
        ("vercel:web/production", "vercel:web/production", False),
        ("vercel:web/production", "supabase:web", False),
        ("github:o/r", "github:o/R", False),
    ],
)
def test_where_only_the_service_can_tell(one: str, other: str, expected: bool) -> None:
    assert parse(one).may_be(parse(other)) is expected
    assert parse(other).may_be(parse(one)) is expected


def test_parts_of_an_address() -> None:
    address = parse("vercel:prj_123/preview,production as SEND_KEY")
    assert (address.uri, address.base) == ("vercel:prj_123/production,preview", "vercel:prj_123")
    assert str(address) == "vercel:prj_123/production,preview as SEND_KEY"
    assert address.place == parse("vercel:prj_123/production,preview")
    assert (address.name_of("KEY"), address.place.name_of("KEY")) == ("SEND_KEY", "KEY")


_NAMES = st.from_regex(r"[a-z][a-z0-9]{0,8}", fullmatch=True)
_TARGETS = st.lists(st.sampled_from([*STANDARD_TARGETS, "qa", "staging"]), min_size=1, max_size=6)
_ADDRESSES = st.one_of(
    st.builds(lambda o, r: f"github:{o}/{r}", _NAMES, _NAMES),
    st.builds(lambda o, r, e: f"github:{o}/{r}@{e}", _NAMES, _NAMES, _NAMES),
    st.builds(lambda o: f"github:{o}", _NAMES),
    st.builds(lambda o, r: f"github-dependabot:{o}/{r}", _NAMES, _NAMES),
    st.builds(lambda p, t: f"vercel:{p}/{','.join(t)}", _NAMES, _TARGETS),
    st.builds(lambda r: f"supabase:{r}", _NAMES),
)


@given(_ADDRESSES, st.none() | st.from_regex(r"[A-Z_][A-Z0-9_]{0,8}", fullmatch=True))
def test_the_canonical_spelling_is_read_back_as_the_same_address(text: str, rename: str | None) -> None:
    address = parse(text if rename is None else f"{text} as {rename}")
    again = parse(str(address))
    assert again == address
    assert str(again) == str(address)
    assert hash(again) == hash(address)


@given(st.text(max_size=40))
def test_any_text_is_an_address_or_a_configuration_error(text: str) -> None:
    try:
        address = parse(text)
    except ConfigError:
        return
    assert parse(str(address)) == address
