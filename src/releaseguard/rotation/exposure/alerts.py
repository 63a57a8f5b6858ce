"""Alerts about leaked secrets, held against what was rotated and revoked since."""

from __future__ import annotations

from collections.abc import Sequence

from releaseguard.cards.load import Cards
from releaseguard.leaks.interface import Alert, AlertSource, card_of
from releaseguard.rotation.history.views import ChainView


def provider_of(cards: Cards, alert: Alert) -> str | None:
    """The card an alert belongs to."""
    return card_of(alert, {card.id: [kind for one in card.secrets for kind in one.alerts] for card in cards})


def revocation_after(view: ChainView, alert: Alert) -> str | None:
    """The rotation whose old value was confirmed to be revoked after the alert was raised."""
    return next((one.id for one in view.rotations if one.revoked_at and one.revoked_at >= alert.created_at), None)


def close_alert(source: AlertSource, alert: Alert, rotation_id: str) -> None:
    """Close it as revoked, naming the rotation. Raises ``ServiceError`` or one of its kinds."""
    source.close_as_revoked(alert, f"Revoked at the provider; rotation {rotation_id}.")


def close_revoked(source: AlertSource, cards: Cards, provider: str, view: ChainView) -> Sequence[Alert]:
    """Close the provider's alerts whose value was confirmed to be revoked; returns them."""
    mine = [alert for alert in source.open_alerts() if provider_of(cards, alert) == provider]
    revoked = [(alert, rotation) for alert in mine if (rotation := revocation_after(view, alert))]
    for alert, rotation in revoked:
        close_alert(source, alert, rotation)
    return [alert for alert, _ in revoked]
