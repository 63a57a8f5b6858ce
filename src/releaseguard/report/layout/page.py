"""One HTML file: no outside request, readable on a phone and in the dark."""

from __future__ import annotations

from functools import cache

import jinja2


@cache
def page(name: str) -> jinja2.Template:
    """A template of ``report/templates``; everything put into it is escaped."""
    loader = jinja2.PackageLoader("releaseguard.report")
    return jinja2.Environment(loader=loader, autoescape=True, undefined=jinja2.StrictUndefined).get_template(name)
