"""Findings for a terminal."""

from __future__ import annotations

from releaseguard.report.findings.document import FindingsPage
from releaseguard.report.layout.display import Display


def render(page: FindingsPage, _display: Display) -> str:
    """As the command tells them."""
    return page.text
