"""Alerts about leaked secrets, compared with what was rotated and revoked since."""

from __future__ import annotations

from collections.abc import Sequence

from releaseguard.cards.load import Cards
from releaseguard.leaks.interface import Alert, AlertSource, card_of
from releaseguard.rotation.history.leaks import open_leaks
from releaseguard.rotation.history.sentences import confirming, rotating
from releaseguard.rotation.history.views import ChainView, RotationView
from releaseguard.rotation.values import Direction


def provider_of(cards: Cards, alert: Alert) -> str | None:
    """The id of the card to which an alert belongs."""
    return card_of(alert, {card.id: [kind for one in card.secrets for kind in one.alerts] for card in cards})


def revocation_after(view: ChainView, alert: Alert) -> str | None:
    """The rotation whose old value was confirmed to be revoked after the alert was raised. Values are not fetched: one
    that was raised when the new value was out already may be about that one."""
    revoked = (one for one in (*view.rotations, *view.reports) if one.revoked_at and _is_about_the_old(one, alert))
    return next((one.id for one in revoked), None)


def last_revocation(view: ChainView) -> str | None:
    """The newest rotation whose old value was confirmed to be revoked: what settles an alert of which a person says
    that it shows that value."""
    return next((one.id for one in reversed((*view.reports, *view.rotations)) if one.revoked_at), None)


def _is_about_the_old(rotation: RotationView, alert: Alert) -> bool:
    out_at = rotation.progress(Direction.FORWARD).pushed_at or rotation.revoked_at
    return out_at is not None and alert.created_at <= out_at


def command_for(view: ChainView, alert: Alert) -> str:
    """What to do about an open alert: to rotate, or to go on where that was begun since it was raised."""
    begun = next((one for one in reversed(open_leaks(view)) if one.since >= alert.created_at), None)
    if begun is not None and begun.contained_at is not None:
        return confirming(view.chain_key, begun.leak.versions)
    if begun is not None and begun.unfinished and not begun.doubtful:
        return f"{rotating(view.chain_key, begun.leak.versions)} --resume"
    why = f"secret-scanning alert {alert.number} in {alert.place}"
    return f'{rotating(view.chain_key, ())} --leak --reason "{why}"'


def close_alert(source: AlertSource, alert: Alert, rotation_id: str) -> None:
    """Close it as revoked, naming the rotation. Raises ``ServiceError`` or one of its subclasses."""
    source.close_as_revoked(alert, f"Revoked at the provider; rotation {rotation_id}.")


def close_revoked(source: AlertSource, cards: Cards, provider: str, view: ChainView) -> Sequence[Alert]:
    """Close the provider's alerts whose value was confirmed as revoked; returns them."""
    mine = [alert for alert in source.open_alerts() if provider_of(cards, alert) == provider]
    revoked = [(alert, rotation) for alert in mine if (rotation := revocation_after(view, alert))]
    for alert, rotation in revoked:
        close_alert(source, alert, rotation)
    return [alert for alert, _ in revoked]
