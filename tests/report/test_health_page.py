"""The integration health page: what stands first, what its charts show, and what a scraper is told."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

import pytest

from releaseguard.health.history import strips_of
from releaseguard.health.window import Window
from releaseguard.messages.localizer import Localizer
from releaseguard.report.formats import HEALTH
from releaseguard.report.health.events import EventList
from releaseguard.report.layout.chart import BOTTOM, LEFT, RIGHT, TOP, chart_of
from releaseguard.report.layout.display import Display
from releaseguard.stats.series import Cell
from tests.report.documents import health_document

START = datetime(2026, 11, 24, 11, tzinfo=UTC)


def parts(*pairs):
    return [{"successes": good, "errors": bad} for good, bad in pairs]


@pytest.mark.parametrize(
    ("course", "expected", "gaps"),
    [
        ([(5, 0)] * 4, [5.0] * 4, 0),
        ([(5, 0), (0, 0), (0, 0), (5, 0)], [5.0] * 4, 1),
        ([(5, 0), (0, 0), (0, 0), (0, 0)], [5.0] * 4, 1),
        ([(0, 0), (5, 0), (0, 0), (5, 0)], [5.0] * 4, 2),
        ([(1, 0), (0, 0), (1, 0), (1, 0)], [1.0] * 4, 0),
        ([(0, 0)] * 4, [0.0] * 4, 0),
        ([(0, 1)] * 4, [5.0] * 4, 0),
        ([(0, 0)] * 4, [], 0),
    ],
    ids=[
        "none where events come",
        "a silence is drawn as emptiness",
        "up to the end",
        "two silences are two",
        "not where chance alone leaves a part empty",
        "not where nothing was expected",
        "errors are events",
        "not without a history",
    ],
)
def test_a_silence_is_drawn(course, expected, gaps) -> None:
    assert len(chart_of(parts(*course), expected, []).gaps) == gaps


def test_everything_stays_inside_the_plot() -> None:
    chart = chart_of(parts((1, 0), (0, 40), (3, 2)), [2.0, 90.0, 0.0], [0.0, 0.5, 1.0])
    assert all(bar.x >= LEFT and bar.x + bar.width <= RIGHT for bar in chart.bars)
    assert all(bar.good + bar.bad <= BOTTOM - TOP for bar in chart.bars)
    points = [tuple(map(float, point.split(","))) for point in chart.band.split()]
    assert all(LEFT <= x <= RIGHT and TOP <= y <= BOTTOM for x, y in points)
    assert [mark.x for mark in chart.marks] == [LEFT, (LEFT + RIGHT) / 2, RIGHT]


def test_a_bar_of_errors_stands_on_that_of_successes_in_proportion() -> None:
    one, other = chart_of(parts((2, 1), (4, 0)), [], []).bars
    assert (one.good * 2, one.bad * 4) == (other.good, other.good)


def test_the_past_that_the_log_does_not_reach_is_no_silence() -> None:
    end = 40 * 24 * 60
    hours = [Cell(end - 60 * h - 1, end - 60 * h, "x", "x_ok", h != 5, None, False, False, 1, 0) for h in range(36)]
    window = Window(hours, end - 60, end, 7 * 24 * 60)
    day, week, month = strips_of(window, "x")
    assert [part is None for part in day.parts] == [False] * 24
    assert day.parts[-6] == (0, 1)
    assert [part is None for part in week.parts] == [True] * 22 + [False] * 6
    assert [part is None for part in month.parts] == [True] * 28 + [False] * 2
    assert sum(sum(part) for part in month.parts if part) == 36


def page(language="en", **more) -> str:
    document = {**health_document("mapbox"), "language": language, **more}
    return HEALTH["html"](document, Display())


def test_what_is_wrong_stands_before_what_is_well_and_a_healthy_provider_is_one_line() -> None:
    down = health_document("mapbox")["providers"][0]
    well = {**down, "provider": "a", "name": "Alpha", "state": "healthy", "open_leaks": [], "rotations": [], "due": []}
    told = page(providers=[well, {**down, "name": "Zeta"}])
    assert told.index("In trouble: Zeta (down)") < told.index("<strong>Alpha</strong>")
    assert told.index("</span> Zeta</h2>") < told.index("<strong>Alpha</strong>")
    assert re.search(r"<details class=\"one\"><summary>[^\n]*Alpha[^\n]*3 calls, 66.7% errors[^\n]*</summary>", told)


def test_a_release_is_a_line_in_the_chart_and_a_sentence_below() -> None:
    told = page()
    assert told.count('class="marked"') == 2
    assert "Release mapbox, 20 min ago (11:40Z)" in told
    assert "Rotation of mapbox proven, 20 min ago (11:40Z)" in told


def test_every_drawing_has_its_words() -> None:
    assert re.findall(r"<svg(?![^>]*aria-label)|class=\"strip\"(?! role=\"img\" aria-label)", page()) == []


def test_the_list_of_events_is_filtered_without_a_script() -> None:
    told = page()
    assert "<script" not in told
    assert ".list:has(#only-p0:checked) .events li:not(.p0)" in told
    assert '<li class="error p0 r0 m' in told


def test_no_english_word_of_the_page_is_left_in_turkish() -> None:
    told = page("tr", providers=[], foreign=[], broken=[], set_aside={"rows": 0, "sentence": None})
    words = re.sub(r"<style>.*?</style>|<[^>]*>", " ", told, flags=re.DOTALL)
    assert '<html lang="tr">' in told
    assert not re.search(r"\b(the|events|errors|ago|others|release|provider|of)\b", words, re.IGNORECASE), words


@pytest.mark.parametrize(
    ("states", "down", "says"),
    [
        (["healthy"], False, "All integrations are in order"),
        (["unknown"], False, "No provider can be judged: the log says too little"),
        (["healthy"], True, "Nothing from any provider arrives"),
        (["degraded"], False, "In trouble: mapbox (degraded)"),
    ],
)
def test_the_banner_says_how_it_is(states, down, says) -> None:
    row = {**health_document("mapbox")["providers"][0], "open_leaks": [], "rotations": [], "due": []}
    log = {"down": down, "newest": None}
    told = page(providers=[{**row, "state": one} for one in states], log=log, foreign=[], broken=[])
    assert says in told


def test_an_open_leak_of_a_healthy_provider_is_not_called_in_order() -> None:
    row = {**health_document("mapbox")["providers"][0], "state": "healthy"}
    assert "something is open" in page(providers=[row], foreign=[], broken=[])


def scraped(document) -> dict[str, float]:
    lines = HEALTH["prometheus"](document, Display()).splitlines()
    samples = [line.rpartition(" ") for line in lines if not line.startswith("#")]
    assert len({name for name, _, _ in samples}) == len(samples), "a sample is there once"
    return {name: float(value) for name, _, value in samples}


def test_a_scraper_is_told_the_state_as_one_of_all() -> None:
    document = health_document("mapbox")
    document["providers"] = document["providers"][:1]
    found = scraped(document)
    states = {name: value for name, value in found.items() if name.startswith("releaseguard_provider_state")}
    assert sum(states.values()) == 1
    assert found['releaseguard_provider_state{environment="mapbox",provider="mapbox",state="down"}'] == 1
    assert found['releaseguard_provider_errors{environment="mapbox",provider="mapbox"}'] == 2
    (moment,) = (value for name, value in found.items() if "last_success" in name and "mapbox" in name)
    assert moment == (START + timedelta(minutes=40)).timestamp()


def test_what_a_scraper_is_not_told_is_left_out_and_a_name_cannot_end_its_label() -> None:
    document = health_document('a"} 1\nb\\')
    document["providers"] = [{**document["providers"][0], "last_success": None}]
    found = scraped(document)
    assert not any("last_success" in name for name in found)
    assert all(name.startswith("releaseguard_") and name.endswith('"}') for name in found)
    assert any(r'provider="a\"} 1 b\\"' in name for name in found)


def listed(*rows):
    """The list of events of a page whose newest events are these: provider, release, minutes ago, outcome."""
    now = datetime(2026, 11, 24, 12, tzinfo=UTC)
    made = [
        {
            "occurred_at": (now - timedelta(minutes=ago)).isoformat(), "provider": provider, "release": release,
            "outcome": outcome, "event": "e", "error_code": None, "latency_ms": None, "source": None,
            "synthetic": False,
        }
        for provider, release, ago, outcome in rows
    ]  # fmt: skip
    return EventList(made, now, Localizer("en", now))


def test_events_are_filtered_by_provider_release_and_time() -> None:
    events = listed(
        ("sendgrid", "a" * 40, 1, "success"), ("twilio", None, 30, "error"), ("twilio", "v2", 90, "success")
    )
    assert dict(events.filters) == {
        "provider": [("p0", "sendgrid"), ("p1", "twilio")],
        "release": [("r0", "a" * 12), ("r1", "no release"), ("r2", "v2")],
        "time": [("m5", "5 min"), ("m15", "15 min"), ("m60", "1 h 0 min")],
    }
    assert [events.classes(row) for row in events.rows] == [
        "success p0 r0 m5 m15 m60 m360 m1440",
        "error p1 r1 m60 m360 m1440",
        "success p1 r2 m360 m1440",
    ]


def test_a_filter_that_leaves_nothing_out_is_not_offered() -> None:
    assert [key for key, _ in listed(("sendgrid", "v1", 1, "success"), ("twilio", "v1", 2, "error")).filters] == [
        "provider"
    ]


def test_every_filter_of_the_page_hides_what_is_not_chosen() -> None:
    page = HEALTH["html"](health_document("x"), Display())
    offered = set(re.findall(r'id="only-([prm]\d+)"', page))
    assert offered
    assert offered == set(re.findall(r"has\(#only-(\w+):checked\) .events li:not", page))
    used = {name for classes in re.findall(r'<li class="([^"]*)"><span', page) for name in classes.split()}
    assert offered <= used


def test_names_that_are_shown_alike_are_no_series_twice():
    document = health_document("x")
    row = document["providers"][0]
    names = ["a b", "a\nb", "a b (2)", 'q"\\', "mapbox (client)"]
    text = HEALTH["prometheus"]({**document, "providers": [{**row, "provider": name} for name in names]}, Display())
    series = [line.rpartition(" ")[0] for line in text.splitlines() if not line.startswith("#")]
    assert len(series) == len(set(series))
    assert sum("provider_events{" in line for line in series) == len(names)
    heads = [line.split(" ")[1:3] for line in text.splitlines() if line.startswith("#")]
    assert len(heads) == len({tuple(one) for one in heads})
