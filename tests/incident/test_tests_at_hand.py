"""Which of the app's test files name a provider."""

from __future__ import annotations

import pytest

from releaseguard.incident.sources.tests_at_hand import tests_naming as naming


@pytest.fixture
def checkout(tmp_path):
    files = {
        "e2e/twilio.spec.ts": "",
        "tests/sms.py": "send('Twilio')",
        "src/__tests__/push.test.tsx": "expoPush",
        "src/twilio.ts": "",
        "node_modules/twilio/test/a.test.js": "twilio",
        "docs/contest.md": "twilio",
        "src/contest.ts": "twilio",
    }
    for name, text in files.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    (tmp_path / ".git").mkdir()
    return tmp_path


def test_test_files_count_by_name_or_by_what_stands_in_them(checkout):
    assert naming(checkout, "twilio") == ["e2e/twilio.spec.ts", "tests/sms.py"]
    assert naming(checkout, "expo_push") == ["src/__tests__/push.test.tsx"]
    assert naming(checkout, "paytr") == []


def test_without_a_checkout_nobody_can_tell(tmp_path):
    assert naming(tmp_path, "twilio") is None
