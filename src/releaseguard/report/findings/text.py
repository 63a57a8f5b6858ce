"""Findings for a terminal."""

from __future__ import annotations

from releaseguard.report.findings.document import FindingsPage
from releaseguard.report.layout.display import Display
from releaseguard.report.layout.text import fitting


def render(page: FindingsPage, display: Display) -> str:
    """As the command tells them, in lines that fit."""
    return fitting(page.text, display.width)
