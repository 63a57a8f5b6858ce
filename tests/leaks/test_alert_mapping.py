from __future__ import annotations

from datetime import UTC, datetime

import pytest

from releaseguard.leaks.interface import Alert, card_of

KINDS = {"sendgrid": (), "aws_rekognition": ("aws_access_key_id",), "expo_push": (), "expo": ()}


@pytest.mark.parametrize(
    ("kind", "provider", "card"),
    [
        ("sendgrid_api_key", "sendgrid", "sendgrid"),
        ("aws_access_key_id", "amazon", "aws_rekognition"),
        ("expo_push_token", None, "expo_push"),
        ("some_key", "sendgrid", "sendgrid"),
        ("sendgridish_key", "other", None),
    ],
)
def test_an_alert_is_mapped_to_its_card(kind, provider, card):
    alert = Alert("github:o/r", 1, kind, provider, datetime(2026, 11, 24, tzinfo=UTC), "https://example.org")
    assert card_of(alert, KINDS) == card
