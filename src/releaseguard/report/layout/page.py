"""One HTML file: no outside request, readable on a phone and in the dark."""

from __future__ import annotations

import re
from functools import cache
from typing import Final

import jinja2

_OPTION: Final = re.compile(
    r"(?P<markup><style\b.*?</style>|<title\b.*?</title>|<[^>]+>)|--[a-z]+(?:-[a-z]+)*", re.DOTALL
)
"""An option such as ``--no-flows``, or a piece of markup, in which nothing is changed."""


@cache
def page(name: str) -> jinja2.Template:
    """A template of ``report/templates``; everything put into it is escaped."""
    loader = jinja2.PackageLoader("releaseguard.report")
    return jinja2.Environment(loader=loader, autoescape=True, undefined=jinja2.StrictUndefined).get_template(name)


def with_whole_options(html: str) -> str:
    """The page with each command-line option kept on one line.

    Browsers break lines at hyphens, and CSS has no property against that for a single kind of word: only
    ``white-space: nowrap`` around it (https://www.w3.org/TR/css-text-3/#line-break-details).
    """
    return _OPTION.sub(lambda found: found[0] if found["markup"] else f'<span class="short">{found[0]}</span>', html)
