"""Random kills under load: a short one always, a long one when asked for with ``-m soak``."""

import pytest

from tests.faults.conftest import TrialFactory
from tests.faults.jobs import LEASE_SECONDS
from tests.faults.soak import TROUBLE, Report, Soak

SEED = 3
SHORT_SECONDS, LONG_SECONDS = 15.0, 120.0


def soak(start_trial: TrialFactory, seconds: float) -> Report:
    first = start_trial(**TROUBLE)
    return Soak([first, start_trial(beside=first)], seed=SEED).run(seconds)


def assert_survived(report: Report) -> None:
    assert (report.lost, report.doubled) == (0, 0), report
    assert report.effects == report.tasks > 0, report
    assert report.kills > 0
    assert report.recovery is not None
    assert report.recovery.max_seconds <= LEASE_SECONDS + report.recovery.max_seconds_between_sweeps, report


def test_random_kills_under_load(start_trial: TrialFactory) -> None:
    assert_survived(soak(start_trial, SHORT_SECONDS))


@pytest.mark.soak
@pytest.mark.timeout(600)
def test_random_kills_under_load_for_two_minutes(start_trial: TrialFactory) -> None:
    assert_survived(soak(start_trial, LONG_SECONDS))
