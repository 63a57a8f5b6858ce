"""Checks that no two owners write the same name at the same place. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import combinations

from releaseguard.audit.chain import ChainKey
from releaseguard.errors import ConfigError
from releaseguard.rotation.context import Claim


def check_claims(claims: Sequence[Claim], chain_key: ChainKey) -> None:
    """Raise ``ConfigError`` where ``chain_key`` and another owner claim the same name at the same place without
    declaring it ``shared``, or where ``chain_key`` itself names one place twice."""
    for one, other in _rivals(claims, chain_key):
        if not _same_place(one, other):
            continue
        if one.owner == other.owner:
            raise ConfigError(
                f"{one.owner} writes {one.name} to one place twice: as {one.uri} and as {other.uri}",
                where=other.uri,
                next_step="Leave one of them out.",
            )
        spelled = "" if one.uri == other.uri else f", which is {other.uri} too"
        raise ConfigError(
            f"{one.owner} and {other.owner} both claim {one.name} at {one.uri}{spelled}",
            where=one.uri,
            next_step="Give one of them another destination or name (`as NAME`), or declare it shared in both.",
        )


def claims_in_doubt(claims: Sequence[Claim], chain_key: ChainKey) -> frozenset[str]:
    """The places of ``chain_key`` of which only their service can tell whether another owner claims them."""
    pairs = [pair for pair in _rivals(claims, chain_key) if pair[0].address.may_be(pair[1].address)]
    return frozenset(claim.uri for pair in pairs for claim in pair if claim.owner == chain_key)


def _rivals(claims: Sequence[Claim], chain_key: ChainKey) -> Iterator[tuple[Claim, Claim]]:
    """Pairs of one of our claims and another's under the same name that nobody declared to be shared."""
    for one, other in _namesakes(claims, chain_key):
        folded = one.address.folds_names and other.address.folds_names
        shared = one.shared and other.shared and one.owner != other.owner
        if (one.name == other.name or folded) and not shared:
            yield one, other


def _namesakes(claims: Sequence[Claim], chain_key: ChainKey) -> Iterator[tuple[Claim, Claim]]:
    """Pairs of one of our claims and another's whose names differ at most in letter case."""
    named: dict[str, list[tuple[Claim, bool]]] = {}
    for claim in claims:
        named.setdefault(claim.name.upper(), []).append((claim, claim.owner == chain_key))
    for same in named.values():
        for (one, is_ours), (other, is_ours_too) in combinations(same, 2):
            if is_ours or is_ours_too:
                yield one, other


def _same_place(one: Claim, other: Claim) -> bool:
    mine, theirs = (one.address, *one.also), (other.address, *other.also)
    return any(place.overlaps(there) for place in mine for there in theirs)
