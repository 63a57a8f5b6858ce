"""What the stand-in app is made of: which secrets it has and where they are kept.

Places by nickname: ``repository`` and ``repository@production`` at GitHub, ``web`` at Vercel, ``edge`` at Supabase.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

from releaseguard.cards.load import load_cards
from releaseguard.cards.spec import Card

_PLACES: Mapping[str, Sequence[str]] = {
    "sendgrid": ("repository", "repository@production", "web", "edge"),
    "mapbox": ("repository", "web", "edge"),
    "twilio": ("repository", "edge"),
    "paytr": ("edge",),
    "idenfy": ("edge",),
    "supabase": ("web",),
    "openai": ("web",),
    "anthropic": ("web",),
    "upstash": ("web",),
    "mailgun": ("web",),
    "revenuecat": ("web",),
    "expo_push": ("repository", "edge"),
    "aws_rekognition": ("edge",),
    "vercel": ("repository",),
}
"""By provider; the others are used by the website and its workflows."""
_ELSEWHERE = ("repository", "web")
_FIRST = ("sendgrid", "mapbox", "twilio", "paytr", "idenfy")


@dataclass(frozen=True, slots=True)
class Holding:
    """The secrets of one provider."""

    provider: str
    names: Sequence[str]
    places: Sequence[str]
    """Where all of them are kept."""
    companions: Collection[str] = ()
    """Those that have a ``<NAME>_VERSION`` beside them."""
    at_provider: Sequence[str] = field(default=())
    """Those that are kept at a provider, where no program replaces them."""


SMALL = (
    Holding("sendgrid", ("SENDGRID_API_KEY",), _PLACES["sendgrid"], {"SENDGRID_API_KEY"}),
    Holding("mapbox", ("MAPBOX_ACCESS_TOKEN", "MAPBOX_SECRET_TOKEN"), _PLACES["mapbox"]),
    Holding("twilio", ("TWILIO_ACCOUNT_SID", "TWILIO_AUTH_TOKEN"), _PLACES["twilio"]),
    Holding("paytr", ("PAYTR_MERCHANT_ID", "PAYTR_MERCHANT_KEY", "PAYTR_MERCHANT_SALT"), _PLACES["paytr"]),
    Holding("idenfy", ("IDENFY_API_KEY", "IDENFY_API_SECRET"), _PLACES["idenfy"]),
)
"""A few providers: enough for a rotation to be tried on."""


def everything() -> Sequence[Holding]:
    """Every secret of every card that is shipped."""
    cards = sorted(load_cards(), key=lambda card: (card.id not in _FIRST, card.id))
    return tuple(_holding(card) for card in cards if card.secrets)


def _holding(card: Card) -> Holding:
    ours = [secret for secret in card.secrets if secret.from_ != "manual"]
    return Holding(
        provider=card.id,
        names=tuple(secret.name for secret in ours),
        places=_PLACES.get(card.id, _ELSEWHERE) if ours else (),
        companions={secret.name for secret in ours if secret.has_companion},
        at_provider=tuple(secret.name for secret in card.secrets if secret.from_ == "manual"),
    )
