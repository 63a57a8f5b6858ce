"""Which alerts a confirmed revocation settles."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

import pytest

from releaseguard.audit.chain import ChainKey
from releaseguard.cards.load import load_cards
from releaseguard.leaks.interface import Alert, AlertSource
from releaseguard.rotation.exposure.alerts import close_revoked, command_for, provider_of
from releaseguard.rotation.history.views import ChainView, DirectionProgress, RotationView
from releaseguard.rotation.values import Direction, Leak, RotationState

RAISED = datetime(2026, 11, 24, 10, 0, tzinfo=UTC)
CARDS = load_cards()


def alert(number: int, kind: str = "sendgrid_api_key") -> Alert:
    return Alert("github:o/r", number, kind, None, RAISED, f"https://github.com/o/r/{number}")


@dataclass
class Alerts(AlertSource):
    there: Sequence[Alert]
    closed: list[tuple[int, str]] = field(default_factory=list)

    def open_alerts(self) -> Sequence[Alert]:
        return self.there

    def close_as_revoked(self, alert: Alert, comment: str) -> None:
        self.closed.append((alert.number, comment))


def chain(*revoked: timedelta | None) -> ChainView:
    """Rotations of SendGrid whose old value was confirmed as revoked so long after the alert."""
    rotations = [
        RotationView(
            id=f"r{number}",
            unit="SENDGRID_API_KEY",
            state=RotationState.PROVEN if after is None else RotationState.RETIRED,
            began_at=RAISED,
            changed_at=RAISED,
            revoked_at=None if after is None else RAISED + after,
        )
        for number, after in enumerate(revoked, 1)
    ]
    return ChainView(ChainKey("sendgrid", "production"), rotations=rotations)


HOUR = timedelta(hours=1)


@pytest.mark.parametrize(
    ("view", "closed"),
    [
        (chain(), None),
        (chain(None), None),
        (chain(-HOUR), None),
        (chain(timedelta()), "r1"),
        (chain(HOUR), "r1"),
        (chain(-HOUR, None, HOUR), "r3"),
    ],
)
def test_an_alert_is_closed_by_a_revocation_after_it_and_names_the_rotation(
    view: ChainView, closed: str | None
) -> None:
    source = Alerts([alert(7)])
    found = close_revoked(source, CARDS, "sendgrid", view)
    assert [one.number for one in found] == ([7] if closed else [])
    assert source.closed == ([(7, f"Revoked at the provider; rotation {closed}.")] if closed else [])


def test_alerts_of_other_providers_and_of_none_stay_open() -> None:
    source = Alerts([alert(1, "twilio_account_sid"), alert(2, "a_strangers_token"), alert(3)])
    assert [one.number for one in close_revoked(source, CARDS, "sendgrid", chain(HOUR))] == [3]
    assert provider_of(CARDS, alert(2, "a_strangers_token")) is None


def pushed(chain: ChainView, after: timedelta, leak: Leak | None = None) -> ChainView:
    """The same chain, whose new value was out everywhere so long after the alert."""
    forward = DirectionProgress(pushed_at=RAISED + after)
    directions = {Direction.FORWARD: forward}
    return replace(chain, rotations=[replace(one, directions=directions, leak=leak) for one in chain.rotations])


def test_an_alert_that_was_raised_when_the_new_value_was_out_may_be_about_that_one() -> None:
    source = Alerts([alert(7)])
    assert close_revoked(source, CARDS, "sendgrid", pushed(chain(HOUR), -HOUR / 2)) == []
    assert close_revoked(source, CARDS, "sendgrid", pushed(chain(HOUR), HOUR / 2)) == [alert(7)]


@pytest.mark.parametrize(
    ("proven", "step"),
    [(RAISED + HOUR, "--confirm-revoked"), (None, "--resume")],
)
def test_an_alert_whose_rotation_is_begun_names_what_goes_on(proven: datetime | None, step: str) -> None:
    base = "releaseguard rotate sendgrid --environment production"
    fresh = chain()
    assert command_for(fresh, alert(7)) == f'{base} --leak --reason "secret-scanning alert 7 in github:o/r"'
    leak = Leak("gist", {"SENDGRID_API_KEY": 1})
    begun = pushed(chain(None), HOUR, leak)
    state = RotationState.PROVEN if proven else RotationState.UNPROVEN
    begun = replace(begun, rotations=[replace(one, proven_at=proven, state=state) for one in begun.rotations])
    assert command_for(begun, alert(7)) == f"{base} --secret SENDGRID_API_KEY {step}"
