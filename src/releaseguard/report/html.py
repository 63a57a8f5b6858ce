"""A verdict as one HTML file: no outside request, readable on a phone and in the dark."""

from __future__ import annotations

from functools import cache

import jinja2

from releaseguard.harmless import as_json
from releaseguard.report.interface import VerdictDocument, by_urgency


def render(document: VerdictDocument) -> str:
    """The verdict as a self-contained page."""
    return page("verdict.html.jinja").render(
        document=document,
        checks=by_urgency(document),
        evidence=as_json,
    )


@cache
def page(name: str) -> jinja2.Template:
    """A template of ``report/templates``; everything put into it is escaped."""
    loader = jinja2.PackageLoader("releaseguard.report")
    return jinja2.Environment(loader=loader, autoescape=True, undefined=jinja2.StrictUndefined).get_template(name)
