"""The night of a leak in Turkish: all that people read of it is in their language, and pages in their zone."""

from __future__ import annotations

import re

from tests.playground.test_in_turkish import english

TELLING = [
    "audit show",
    "audit report",
    "audit report --format html",
    "incident sendgrid --format html",
    "status",
    "health --format html",
    "rotate sendgrid --confirm-revoked",
    "rotate sendgrid --confirm-revoked --despite-use",
    "audit report --format html",
    "rotate sendgrid --rollback --yes",
]


def prose(text: str) -> str:
    """What people read of a page or a text."""
    words = re.sub(r"<(style|pre|code)\b.*?</\1>", "", text, flags=re.DOTALL)
    return re.sub(r"<(?!!)[^>]*?(?:aria-label=\"([^\"]*)\")?[^>]*>", r"\n\1\n", words)


def test_no_step_says_an_english_sentence_or_a_time_of_elsewhere_on_a_page(world, cli, tmp_path):
    config = tmp_path / "releaseguard.toml"
    local = '[project]\nlanguage = "tr"\ntimezone = "Europe/Istanbul"'
    config.write_text(config.read_text().replace("[project]", local, 1))
    world.new_key("SENDGRID_API_KEY")
    with world.traffic():
        leak = cli.run("rotate", "sendgrid", "--leak", "--reason", "gist", "--yes")
    assert leak.code == 0, leak.everything
    assert english(prose(leak.everything)) == []
    [page] = (tmp_path / "postmortems").glob("*.html")
    pages = [page.read_text()]
    for typed in TELLING:
        done = cli.run(*typed.split())
        assert english(prose(done.everything)) == [], typed
        pages += [done.out] if "html" in typed else []
    for written in pages:
        assert 'lang="tr"' in written
        assert "+03" in written
        assert not re.search(r"(?<![T:\d])\d{2}:\d{2}(?::\d{2})?Z", prose(written))
