"""Waiting between polls and between renewals."""

import pytest

from devhost.polling import PollingDelays, RenewalDelays


def middle(low: float, high: float) -> float:
    return (low + high) / 2


def failures(delays: PollingDelays, count: int) -> list[float]:
    return [delays.next(succeeded=False) for _ in range(count)]


def test_delays_double_up_to_the_maximum_and_stay_there() -> None:
    assert failures(PollingDelays(1.0, jitter=middle), 6) == pytest.approx([0.1, 0.2, 0.3, 0.5, 0.9, 1.0])
    delays = PollingDelays(0.2, jitter=middle)
    assert failures(delays, 4) == pytest.approx([0.1, 0.2, 0.2, 0.2])


def test_a_message_found_brings_back_the_minimum() -> None:
    delays = PollingDelays(60.0, jitter=middle)
    failures(delays, 8)
    assert delays.next(succeeded=True) == pytest.approx(0.1)
    assert failures(delays, 2) == pytest.approx([0.2, 0.3])


def test_the_jitter_is_a_fifth_of_the_increment() -> None:
    low = PollingDelays(60.0, jitter=lambda least, _: least)
    high = PollingDelays(60.0, jitter=lambda _, most: most)
    assert failures(low, 3)[2] == pytest.approx(0.1 + 0.8 * 0.2)
    assert failures(high, 3)[2] == pytest.approx(0.1 + 1.2 * 0.2)


def test_a_failed_renewal_is_tried_again_sooner_but_not_under_the_minimum() -> None:
    delays = RenewalDelays(300, 60)
    assert [delays.next(succeeded=False) for _ in range(4)] == [150, 75, 60, 60]
    assert delays.next(succeeded=True) == 300
