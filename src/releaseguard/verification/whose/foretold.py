"""What people announce about a deployment, as its mark records it. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from releaseguard.model import JsonObject

REMOVED_WORDS = "removed on purpose: the deployment's mark says that this release no longer uses the provider"


@dataclass(frozen=True, slots=True)
class Foretold:
    """What a mark says besides the release."""

    removes: frozenset[str] = frozenset()
    """Providers that it no longer uses."""
    expect_traffic: float | None = None
    """The expected multiple of the usual traffic."""
    rolls_back: bool = False

    def with_(self, later: Foretold) -> Foretold:
        """Both together, where a later mark of the same deployment says more."""
        factor = self.expect_traffic if later.expect_traffic is None else later.expect_traffic
        return Foretold(self.removes | later.removes, factor, self.rolls_back or later.rolls_back)


def foretold_in(detail: JsonObject) -> Foretold:
    """The announcements in a mark; invalid ones are ignored."""
    removes, factor = detail.get("removes"), detail.get("expect_traffic")
    is_factor = isinstance(factor, int | float) and not isinstance(factor, bool) and factor > 0
    return Foretold(
        frozenset(name for name in removes if isinstance(name, str)) if isinstance(removes, list) else frozenset(),
        float(factor) if is_factor and factor is not None else None,
        detail.get("rolls_back") is True,
    )


def detail_of(said: Foretold) -> JsonObject:
    """The keys of a mark's detail; empty where nothing is announced."""
    return {
        **({"removes": sorted(said.removes)} if said.removes else {}),
        **({} if said.expect_traffic is None else {"expect_traffic": said.expect_traffic}),
        **({"rolls_back": True} if said.rolls_back else {}),
    }
