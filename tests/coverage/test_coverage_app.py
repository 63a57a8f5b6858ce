"""The example app: every call of a provider in it, told or not told exactly."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from releaseguard.coverage.run import providers, search
from tests.coverage.snippets import CARDS

APP = Path(__file__).parent / "app"


@pytest.fixture(scope="module")
def report():
    return search(APP, CARDS)


def expected() -> set[tuple[str, int, str, str, str]]:
    """What the comments ``EXPECT rule provider missing`` in the app say."""
    found = set()
    for path in APP.rglob("*"):
        if path.is_file() and "node_modules" not in path.parts and "__pycache__" not in path.parts:
            for number, line in enumerate(path.read_text().splitlines(), 1):
                for rule, provider, lacking in re.findall(r"EXPECT (\S+) (\S+) (\S+)", line):
                    found.add((path.relative_to(APP).as_posix(), number, rule, provider, lacking))
    return found


def test_exactly_what_is_marked_is_found(report):
    found = {
        (one.file, one.line, one.rule, one.provider or "-", ",".join(one.missing) or "-")
        for one in report.findings
        if one.rule != "not-tested"
    }
    assert found == expected()
    assert len(found) == 24


def test_every_call_is_counted(report):
    assert {
        row.provider: (row.calls, row.covered, report.waived_calls(row.provider)) for row in report.providers
    } == {
        "apple_push": (1, 0, 0), "aws_rekognition": (2, 2, 0), "cloudflare": (1, 1, 0), "expo_push": (3, 2, 0),
        "google_push": (2, 1, 0), "idenfy": (1, 0, 0), "mapbox": (4, 2, 0), "openai": (2, 1, 0), "paytr": (2, 1, 0),
        "posthog": (1, 1, 0), "sendgrid": (8, 2, 1), "sentry": (2, 1, 0), "supabase": (8, 5, 0), "twilio": (3, 2, 0),
        "vercel": (1, 0, 0),
    }  # fmt: skip
    assert (report.files, report.test_files, len(report.waived)) == (18, 5, 1)


def test_providers_that_a_test_names_are_tested(report):
    assert {row.provider: list(row.tests) for row in report.providers if row.tested} == {
        "aws_rekognition": ["server/tests/test_notify.py"],
        "google_push": ["server/tests/test_notify.py"],
        "sendgrid": ["__tests__/mail.test.ts"],
        "supabase": ["e2e/supabase.spec.ts"],
        "twilio": [".maestro/twilio-otp.yaml"],
    }


def test_one_provider_can_be_asked_for():
    twilio = providers(APP, CARDS)["twilio"]
    assert (twilio.calls, twilio.covered, twilio.tested) == (3, 2, True)
    assert twilio.places[0] == ("server/notify.py", 49)


def test_a_line_to_add_names_the_event_of_this_use_in_the_manner_of_the_app(report):
    fixes = {(one.file, one.line): one.fix for one in report.findings if one.rule == "not-logged"}
    assert fixes["src/screens/Map.tsx", 16].splitlines()[0].endswith("'mapbox', 'mapbox_map_rendered', 'success');")
    assert fixes["server/notify.py", 40].splitlines()[1] == (
        'log_integration_event("google_push", "google_push_error", "error")'
    )
