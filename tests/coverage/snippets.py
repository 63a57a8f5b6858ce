"""Small programs, each around one call of a provider, and what is missing there."""

from __future__ import annotations

from pathlib import Path

from releaseguard.cards.load import load_cards
from releaseguard.coverage.run import search
from releaseguard.coverage.values import Report

CARDS = load_cards()
HEAD = {
    ".ts": "import sgMail from '@sendgrid/mail';\nimport { logIntegrationEvent } from './log';\n",
    ".py": "from releaseguard import log_integration_event\nfrom sendgrid import SendGridAPIClient\n\n"
    "client = SendGridAPIClient('key')\n",
}
SENT = "logIntegrationEvent('sendgrid', 'sendgrid_email_sent', 'success');"
FAILED = "logIntegrationEvent('sendgrid', 'sendgrid_error', 'error');"
PY_SENT = "log_integration_event('sendgrid', 'sendgrid_email_sent', 'success')"
PY_FAILED = "log_integration_event('sendgrid', 'sendgrid_error', 'error')"


def filled(code: str) -> str:
    """``SENT`` and ``FAILED`` in the code are the two logs."""
    return (
        code.replace("PY_SENT", PY_SENT).replace("PY_FAILED", PY_FAILED).replace("SENT", SENT).replace("FAILED", FAILED)
    )


def searched(folder: Path, files: dict[str, str]) -> Report:
    """The report on these files."""
    for name, content in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(content, encoding="utf-8")
    return search(folder, CARDS)


def missing(report: Report, provider: str = "sendgrid") -> list[tuple[str, ...]]:
    """What is missing at each call of the provider that lacks something, in order."""
    return [one.missing for one in report.findings if one.rule == "not-logged" and one.provider == provider]


def verdict(folder: Path, code: str, ending: str = ".ts") -> str:
    """What is missing at the one call of a program, as a text; ``none`` where nothing is."""
    report = searched(folder, {f"mail{ending}": HEAD[ending] + filled(code)})
    (row,) = [row for row in report.providers if row.provider == "sendgrid"]
    assert row.calls == 1
    found = missing(report)
    return "+".join(found[0]) if found else "none"
