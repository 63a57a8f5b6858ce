"""Random keys in the form that each provider documents, so that a sandbox's rotation warns of nothing."""

from __future__ import annotations

import secrets
import string
from collections.abc import Mapping

_FORMS: Mapping[str, str] = {
    "SENDGRID_API_KEY": "SG.{url:22}.{url:43}",
    "MAPBOX_ACCESS_TOKEN": "pk.eyJ{url:60}.{url:22}",
    "MAPBOX_SECRET_TOKEN": "sk.eyJ{url:60}.{url:22}",
    "TWILIO_ACCOUNT_SID": "AC{hex:32}",
    "TWILIO_AUTH_TOKEN": "{hex:32}",
    "PAYTR_MERCHANT_ID": "{digit:10}",
    "POSTHOG_API_KEY": "phc_{letter:43}",
    "SENTRY_AUTH_TOKEN": "sntrys_{letter:60}",
    "SENTRY_DSN": "https://{hex:32}@o{digit:7}.test/{digit:7}",
    "OPENAI_API_KEY": "sk-{letter:48}",
    "ANTHROPIC_API_KEY": "sk-ant-{url:48}",
    "MAILGUN_API_KEY": "{hex:32}-{hex:8}-{hex:8}",
    "REVENUECAT_API_KEY": "sk_{letter:32}",
    "REVENUECAT_PUBLIC_KEY": "appl_{letter:32}",
    "AWS_ACCESS_KEY_ID": "AKIA{capital:16}",
    "AWS_SECRET_ACCESS_KEY": "{letter:40}",
}
_LETTERS = string.ascii_letters + string.digits


def new_value(name: str) -> str:
    """A new random value for the secret ``name``."""
    return _FORMS.get(name, "{url:44}").format(
        url=_Random(f"{_LETTERS}-_"),
        letter=_Random(_LETTERS),
        capital=_Random(string.ascii_uppercase + string.digits),
        hex=_Random("0123456789abcdef"),
        digit=_Random("123456789"),
    )


class _Random:
    """So many characters of an alphabet as its format says: ``{hex:32}``."""

    def __init__(self, alphabet: str) -> None:
        self._alphabet = alphabet

    def __format__(self, length: str) -> str:
        return "".join(secrets.choice(self._alphabet) for _ in range(int(length)))
