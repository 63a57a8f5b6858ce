"""A page tells times in the project's zone, each with what the zone is called, and leaves what programs read."""

from __future__ import annotations

import re

import pytest

from releaseguard.report.formats import HEALTH, POSTMORTEM, VERDICT
from releaseguard.report.layout.display import Display
from releaseguard.report.layout.zone import in_zone
from tests.report.documents import health_document, postmortem_document, verdict_document
from tests.support.commands import Commands

AS_OF = "2026-11-29T07:05:00Z"


@pytest.mark.parametrize(
    ("zone", "written", "told"),
    [
        ("Europe/Istanbul", "since 06:42Z; usually 0.3%", "since 09:42 +03; usually 0.3%"),
        ("Europe/Istanbul", "(06:42:09Z).", "(09:42:09 +03)."),
        ("Europe/Istanbul", "06:05Z to 2026-11-29 07:05Z.", "09:05 +03 to 2026-11-29 10:05 +03."),
        ("Europe/Istanbul", "at 2026-11-28 22:30Z", "at 2026-11-29 01:30 +03"),
        ("Europe/Istanbul", "22:30Z", "2026-11-30 01:30 +03"),
        ("Europe/Berlin", "2026-07-01 10:00Z", "2026-07-01 12:00 CEST"),
        ("Europe/Berlin", "2026-11-28 10:00Z", "2026-11-28 11:00 CET"),
        ("America/New_York", "03:00Z", "2026-11-28 22:00 EST"),
        ("Asia/Kathmandu", "00:00Z", "05:45 +0545"),
        ("Europe/Istanbul", "06:42", "09:42"),
        ("Europe/Istanbul", "11-28 22:30", "11-29 01:30"),
        ("Europe/Istanbul", "2026-11-28T06:28:00.000000Z", "2026-11-28T06:28:00.000000Z"),
        ("Europe/Istanbul", "--at 2026-11-28T06:28Z", "--at 2026-11-28T06:28Z"),
        ("Europe/Istanbul", "99:99Z 24:00Z v1:06:42Z", "99:99Z 24:00Z v1:06:42Z"),
        ("Europe/Istanbul", "02-30 10:00Z", "02-30 10:00Z"),
        ("Europe/Istanbul", "ratio 12:30 of 3", "ratio 12:30 of 3"),
    ],
)
def test_a_time_is_told_where_the_project_is(zone: str, written: str, told: str) -> None:
    assert in_zone(f"<p>{written}</p>", zone, AS_OF) == f"<p>{told}</p>"


def test_what_is_read_aloud_of_a_drawing_is_told_in_the_zone_too_and_stays_one_attribute() -> None:
    page = '<svg role="img" aria-label="&#34;a&#34; since 06:42Z &lt;b&gt;" data-at="06:42Z"></svg>'
    told = '<svg role="img" aria-label="&quot;a&quot; since 09:42 +03 &lt;b&gt;" data-at="06:42Z"></svg>'
    assert in_zone(page, "Europe/Istanbul", AS_OF) == told


def test_what_is_copied_stays_as_it_is() -> None:
    page = '<pre>10:15Z</pre><code>10:15Z</code><p title="10:15Z">a &lt;b&gt; 10:15Z</p><style>10:15Z</style>'
    assert in_zone(page, "Europe/Istanbul", AS_OF) == page.replace("&lt;b&gt; 10:15Z", "&lt;b&gt; 13:15 +03")


@pytest.mark.parametrize(
    ("formats", "make"),
    [(HEALTH, health_document), (VERDICT, verdict_document), (POSTMORTEM, postmortem_document)],
)
def test_every_page_follows_the_zone_and_stays_the_same_page(formats, make) -> None:
    utc, local = (formats["html"](make("x"), Display(zone=zone)) for zone in ("UTC", "Europe/Istanbul"))
    assert "+03" in local
    texts = re.sub(r"<(pre|code)\b.*?</\1>", "", local, flags=re.DOTALL)
    assert not re.search(r"(?<![T:])\b\d{2}:\d{2}Z\b", texts)
    assert re.findall(r"</?\w+", utc) == re.findall(r"</?\w+", local)


def test_the_configuration_says_the_zone(tmp_path) -> None:
    (tmp_path / "releaseguard.toml").write_text(
        '[project]\ntimezone = "Europe/Istanbul"\n\n[events]\nurl = "sqlite:///log.db"\n'
    )
    cli = Commands(tmp_path, {})
    cli.run("events", "log", "sendgrid", "sendgrid_email_sent", "success")
    assert "+03" in cli.run("health", "--format", "html").out
    assert "+03" not in cli.run("health").out
