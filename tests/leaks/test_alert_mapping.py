from __future__ import annotations

from datetime import UTC, datetime

import pytest

from releaseguard.errors import ServiceError
from releaseguard.leaks.interface import Alert, card_of
from releaseguard.services.github.alerts import _alert

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


def test_an_alert_without_optional_members_is_listed_and_one_without_a_number_is_the_services_fault():
    bare = {"number": 7, "created_at": "2026-11-24T10:00:00Z"}
    assert (_alert("o/r", bare).number, _alert("o/r", bare).url) == (7, "")
    with pytest.raises(ServiceError, match="number"):
        _alert("o/r", {"created_at": "2026-11-24T10:00:00Z"})
