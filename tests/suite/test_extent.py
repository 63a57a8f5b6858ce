"""What a plain run leaves out has a reason, and is little."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, settings

from tests import conftest
from tests.support import extent


def test_a_reason_is_given_in_words() -> None:
    assert conftest._reason(pytest.mark.full("it takes an hour").mark) == "it takes an hour"


@pytest.mark.parametrize(
    "mark", [pytest.mark.full, pytest.mark.full(""), pytest.mark.full(7), pytest.mark.full("a", "b")]
)
def test_no_test_is_left_out_without_a_reason(mark: pytest.MarkDecorator) -> None:
    with pytest.raises(pytest.UsageError, match="says why"):
        conftest._reason(mark.mark)


def test_more_than_a_tenth_of_the_suite_is_not_left_out() -> None:
    conftest._check_share(600, 6000)
    with pytest.raises(pytest.UsageError, match="601 of 6000"):
        conftest._check_share(601, 6000)


def test_a_part_of_the_suite_may_be_all_of_one_kind() -> None:
    conftest._check_share(9, 9)


def test_a_plain_run_tries_a_tenth_of_the_examples_and_a_whole_run_all() -> None:
    assert (extent.examples(300), extent.examples(20)) == ((300, 20) if extent.is_whole() else (30, 5))


def test_no_property_depends_on_how_busy_the_machine_is() -> None:
    assert settings.default.deadline is None
    assert HealthCheck.too_slow in settings.default.suppress_health_check
