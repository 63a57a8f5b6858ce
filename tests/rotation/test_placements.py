"""Which secret goes where under which names, by the configuration alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
import pytest

from releaseguard.cards.load import load_cards
from releaseguard.compose.known.configuration import ADDRESSES
from releaseguard.compose.placing.placements import PUBLIC_PREFIXES, placements, refuse_misplaced
from releaseguard.destinations.address import Address
from releaseguard.errors import ConfigError, Refused, ReleaseguardError
from releaseguard.settings.sections import ProviderSection

CARDS = load_cards()
ADMIN, EDGE = "vercel:admin/production", "supabase:abcdefghijklmnopqrst"
DSN, TOKEN = "SENTRY_DSN", "SENTRY_AUTH_TOKEN"


def read(text: str, _where: str) -> Address:
    return ADDRESSES.parse(text)


def where(*steps: Any) -> str:
    return ".".join(map(str, steps))


def section(destinations: Sequence[str] = (), **secrets: Mapping[str, Any]) -> ProviderSection:
    return msgspec.convert({"destinations": list(destinations), "secrets": secrets}, ProviderSection)


def placed(provider: str, given: ProviderSection) -> Mapping[str, Mapping[str, Sequence[str]]]:
    return {place.address.uri: place.names for place in placements(CARDS.get(provider), given, read, where)}


def test_a_secret_without_destinations_of_its_own_goes_to_the_providers() -> None:
    given = section([EDGE], SENTRY_DSN={"destinations": [ADMIN]})
    assert placed("sentry", given) == {EDGE: {TOKEN: [TOKEN]}, ADMIN: {DSN: [DSN]}}


def test_an_empty_list_of_its_own_means_nowhere() -> None:
    assert placed("sentry", section([EDGE], SENTRY_DSN={"destinations": []})) == {EDGE: {TOKEN: [TOKEN]}}


def test_one_merchants_id_goes_to_a_place_that_holds_nothing_else_of_it() -> None:
    names = ["PAYTR_MERCHANT_ID", "PAYTR_MERCHANT_KEY", "PAYTR_MERCHANT_SALT"]
    given = section([EDGE], PAYTR_MERCHANT_ID={"destinations": [EDGE, ADMIN]})
    found = placed("paytr", given)
    assert found == {EDGE: {name: [name] for name in names}, ADMIN: {names[0]: [names[0]]}}


def test_several_names_at_one_place_and_a_name_for_one_place_alone() -> None:
    given = section(SENTRY_DSN={"destinations": [ADMIN, f"{EDGE} as DSN"], "names": [DSN, "NEXT_PUBLIC_SENTRY_DSN"]})
    assert placed("sentry", given) == {ADMIN: {DSN: [DSN, "NEXT_PUBLIC_SENTRY_DSN"]}, EDGE: {DSN: ["DSN"]}}


def test_the_same_place_spelled_twice_is_one_with_both_names() -> None:
    given = section(SENTRY_DSN={"destinations": [f"{ADMIN} as A", f"{ADMIN} as B"]})
    assert placed("sentry", given) == {ADMIN: {DSN: ["A", "B"]}}


MISPLACED: Mapping[str, tuple[str, ProviderSection, type[ReleaseguardError], str]] = {
    "a new name for a list of several": ("sentry", section([f"{ADMIN} as DSN"]), ConfigError, "single secret"),
    "a new name for a group": ("paytr", section([f"{ADMIN} as PAYTR"]), ConfigError, "single secret"),
    "a new name for a list of none": (
        "sentry",
        section([f"{ADMIN} as X"], SENTRY_DSN={"destinations": []}, SENTRY_AUTH_TOKEN={"destinations": []}),
        ConfigError,
        "none",
    ),
    "no secret of the card": ("sentry", section([ADMIN], SENTRY_DNS={}), ConfigError, "SENTRY_DNS"),
    "no name of a variable": ("sentry", section([ADMIN], SENTRY_DSN={"names": ["2ND"]}), ConfigError, "2ND"),
    **{
        f"a server's secret under {prefix}": (
            "sentry",
            section([EDGE], SENTRY_AUTH_TOKEN={"names": [f"{prefix}SENTRY"]}),
            Refused,
            prefix,
        )
        for prefix in PUBLIC_PREFIXES
    },
    "a server's secret under a public name of one place": (
        "openai",
        section([f"{ADMIN} as next_public_openai"]),
        Refused,
        "OPENAI_API_KEY",
    ),
}


@pytest.mark.parametrize("name", MISPLACED)
def test_what_the_file_may_not_say(name: str) -> None:
    provider, given, kind, word = MISPLACED[name]
    with pytest.raises(kind) as caught:
        refuse_misplaced(CARDS.get(provider), given, read, where)
    assert word in str(caught.value)
    assert caught.value.next_step


@pytest.mark.parametrize(
    ("provider", "secrets"),
    [
        ("sentry", {"SENTRY_DSN": {"names": ["NEXT_PUBLIC_SENTRY_DSN"]}}),
        ("mapbox", {"MAPBOX_ACCESS_TOKEN": {"names": ["EXPO_PUBLIC_MAPBOX_ACCESS_TOKEN"]}}),
        ("paytr", {"PAYTR_MERCHANT_ID": {"names": ["NEXT_PUBLIC_PAYTR_MERCHANT_ID"]}}),
    ],
)
def test_what_is_public_in_itself_may_have_a_public_name(provider: str, secrets: Mapping[str, Any]) -> None:
    refuse_misplaced(CARDS.get(provider), section([ADMIN], **secrets), read, where)


def test_one_secret_left_for_the_list_may_be_renamed_there() -> None:
    given = section([f"{EDGE} as SENTRY_TOKEN"], SENTRY_DSN={"destinations": [ADMIN]})
    refuse_misplaced(CARDS.get("sentry"), given, read, where)
    assert placed("sentry", given) == {EDGE: {TOKEN: ["SENTRY_TOKEN"]}, ADMIN: {DSN: [DSN]}}
