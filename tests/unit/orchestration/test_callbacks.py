"""Delivering callbacks: what is sent, what follows from the answer, and when it is tried again."""

import json
import logging
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Any

import pytest
from standardwebhooks import Webhook

from interfaces.callbacks import CallbackRepository, CallbackSender, SendOutcome, Sent
from orchestration.callbacks import LONGEST_RETRY_AFTER_SECONDS, CallbackDelivery, Signer, job_body
from schema.callbacks import (
    CallbackForm,
    CallbackNotify,
    CallbackRecord,
    NewCallback,
    Subscription,
    signing_secrets,
)
from schema.errors import BlobUnavailableError, DatabaseUnavailableError
from schema.records import FinishJob
from schema.states import JobStatus
from tests.contracts.steps import JOB_ID, end_of_job, new_job, stage_of
from tests.fakes.callbacks import FakeCallbackRepository, FakeSender
from tests.fakes.clock import FakeClock
from tests.support.worlds import FakeWorld

SECRET = "whsec_" + "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY="
OLD_SECRET = "whsec_" + "ZmVkY2JhOTg3NjU0MzIxMGZlZGNiYTk4NzY1NDMyMTA="
URL = "https://hooks.example.com/geojobs?token=hidden"
REJECTED = Sent(SendOutcome.REJECTED, "answered 503")
HELD_UP = Sent(SendOutcome.POSTPONED, "the host has been failing", 30.0)


@pytest.fixture
def world() -> FakeWorld:
    world = FakeWorld()
    world.clock = FakeClock(datetime.now().astimezone())
    world.database.clock = world.clock
    return world


@pytest.fixture
def sender() -> FakeSender:
    return FakeSender()


def delivery(
    world: FakeWorld,
    sender: CallbackSender,
    *,
    body: Callable[[Any], Any] = job_body,
    signer: Signer | None = Signer(signing_secrets(SECRET)),  # noqa: B008 -- it has no state
    luck: float = 0.0,
    callbacks: CallbackRepository | None = None,
) -> CallbackDelivery:
    forms, callbacks = {CallbackForm.JOB: body}, callbacks or world.use.callbacks
    return CallbackDelivery(callbacks, sender, signer, forms, world.clock, concurrency=2, luck=lambda: luck)


def ended(world: FakeWorld, ending: FinishJob | None = None, *urls: str) -> None:
    """A job that was submitted with a callback and has ended."""
    callbacks = [NewCallback(url) for url in urls or (URL,)]
    world.use.jobs.submit(new_job(), Subscription(callbacks, "https://geo.example.org/api"))
    world.use.stages.open(stage_of(1))
    world.use.jobs.finish(ending or FinishJob(JOB_ID, 1, JobStatus.COMPLETED))


def row(world: FakeWorld) -> Any:
    (found,) = world.callbacks()
    return found


def test_a_delivered_callback_tells_the_news(world: FakeWorld, sender: FakeSender) -> None:
    ended(world)
    assert delivery(world, sender)() == 1
    ((url, body, _),) = sender.received
    told = json.loads(body)
    assert (url, told["type"], told["data"]["status"]) == (URL, "job.completed", "completed")
    assert (told["data"]["job_id"], told["data"]["job_type"], told["data"]["run"]) == (JOB_ID, "trial", 1)
    assert (told["timestamp"], told["data"]["correlation_id"]) == (told["data"]["finished_at"], "corr-1")
    assert told["data"]["links"]["self"] == f"https://geo.example.org/api/jobs/status/{JOB_ID}"
    assert "error" not in told["data"]
    assert (row(world).state, row(world).attempt) == ("delivered", 1)


def test_the_news_of_a_failure_has_its_error(world: FakeWorld, sender: FakeSender) -> None:
    ended(world, end_of_job("no such blob"))
    delivery(world, sender)()
    told = json.loads(sender.received[0][1])
    assert (told["type"], told["data"]["error"]["message"]) == ("job.failed", "no such blob")


@pytest.mark.parametrize("base", ["https://gw.example.org/geo/api", "https://geo.example.org", "/api"])
def test_links_lie_below_where_the_app_is_found(world: FakeWorld, sender: FakeSender, base: str) -> None:
    world.use.jobs.submit(new_job(), Subscription([NewCallback(URL)], base))
    world.use.jobs.finish(end_of_job())
    delivery(world, sender)()
    links = json.loads(sender.received[0][1])["data"]["links"]
    assert (links["self"], links["row"]) == (f"{base}/jobs/status/{JOB_ID}", f"{base}/db/jobs/{JOB_ID}")


def test_the_news_of_a_start_has_no_end(world: FakeWorld, sender: FakeSender) -> None:
    callback = NewCallback(URL, CallbackNotify.IN_PROGRESS)
    world.use.jobs.submit(new_job(), Subscription([callback]))
    world.use.stages.open(stage_of(1))
    delivery(world, sender)()
    told = json.loads(sender.received[0][1])
    assert told["type"] == "job.processing"
    assert "finished_at" not in told["data"]


def test_a_signature_is_that_of_standard_webhooks(world: FakeWorld, sender: FakeSender) -> None:
    ended(world)
    delivery(world, sender)()
    ((_, body, headers),) = sender.received
    assert headers["Content-Type"] == "application/json"
    assert Webhook(SECRET).verify(body, dict(headers))["type"] == "job.completed"


@pytest.mark.parametrize("known", [SECRET, OLD_SECRET])
def test_each_secret_signs(world: FakeWorld, sender: FakeSender, known: str) -> None:
    ended(world)
    delivery(world, sender, signer=Signer(signing_secrets(f"{SECRET} {OLD_SECRET}")))()
    ((_, body, headers),) = sender.received
    Webhook(known).verify(body, dict(headers))


def test_without_a_secret_callbacks_wait(world: FakeWorld, sender: FakeSender) -> None:
    ended(world)
    assert delivery(world, sender, signer=None)() == 0
    assert (sender.received, row(world).state) == ([], "due")


def test_another_attempt_has_the_same_id_and_body_and_a_time_of_its_own(
    world: FakeWorld, sender: FakeSender
) -> None:
    ended(world)
    sender.answers = [REJECTED]
    deliver = delivery(world, sender)
    deliver()
    world.pass_time(11)
    deliver()
    (_, first, before), (_, second, after) = sender.received
    assert first == second
    assert before["webhook-id"] == after["webhook-id"]
    assert int(after["webhook-timestamp"]) - int(before["webhook-timestamp"]) == 11


def waits(world: FakeWorld, sender: FakeSender, luck: float = 0.0) -> list[float]:
    """How long each attempt is after the one before, until it is given up."""
    sender.answers = [REJECTED] * 20
    deliver = delivery(world, sender, luck=luck)
    found = []
    while deliver() and row(world).state == "due":
        found.append((row(world).not_before - world.clock.now()).total_seconds())
        world.pass_time(found[-1])
    return found


def test_eight_attempts_are_spread_over_hours(world: FakeWorld, sender: FakeSender) -> None:
    ended(world)
    assert waits(world, sender) == [10, 40, 160, 640, 2_560, 10_240, 10_800]
    assert len(sender.received) == 8
    assert (row(world).state, row(world).attempt, row(world).last_error) == ("failed", 8, "answered 503")


def test_a_wait_is_shorter_by_a_random_share(world: FakeWorld, sender: FakeSender) -> None:
    ended(world)
    assert waits(world, sender, luck=0.5)[:2] == [9, 36]


@pytest.mark.parametrize(
    ("asked", "waited"), [(120.0, 120), (1.0, 10), (1e9, LONGEST_RETRY_AFTER_SECONDS), (None, 10)]
)
def test_a_receiver_may_ask_for_a_longer_wait_within_bounds(
    world: FakeWorld, sender: FakeSender, asked: float | None, waited: float
) -> None:
    ended(world)
    sender.answers = [Sent(SendOutcome.REJECTED, "answered 429", asked)]
    delivery(world, sender)()
    assert row(world).not_before - world.clock.now() == timedelta(seconds=waited)


@pytest.mark.parametrize("outcome", [SendOutcome.GONE, SendOutcome.REFUSED])
def test_what_cannot_go_better_is_given_up_at_once(
    world: FakeWorld, sender: FakeSender, outcome: SendOutcome
) -> None:
    ended(world)
    sender.answers = [Sent(outcome, "not called")]
    delivery(world, sender)()
    assert (row(world).state, row(world).attempt, row(world).last_error) == ("failed", 1, "not called")


def test_what_is_given_up_is_a_warning_without_the_address(
    world: FakeWorld, sender: FakeSender, caplog: pytest.LogCaptureFixture
) -> None:
    ended(world)
    sender.answers = [Sent(SendOutcome.GONE, "answered 410")]
    with caplog.at_level(logging.DEBUG):
        delivery(world, sender)()
    (record,) = [record for record in caplog.records if record.message == "callback given up"]
    assert record.levelno == logging.WARNING
    assert (vars(record)["job_id"], vars(record)["host"]) == (JOB_ID, "hooks.example.com")
    assert "hidden" not in str([vars(each) for each in caplog.records])


def test_an_open_circuit_spends_no_attempt(world: FakeWorld, sender: FakeSender) -> None:
    ended(world)
    sender.answers = [Sent(SendOutcome.POSTPONED, "the host has been failing", 30.0)]
    delivery(world, sender)()
    assert (row(world).state, row(world).attempt) == ("due", 0)
    assert row(world).not_before - world.clock.now() == timedelta(seconds=30)


def test_an_open_circuit_is_asked_before_a_body_is_made(world: FakeWorld, sender: FakeSender) -> None:
    made: list[Any] = []
    ended(world)
    sender.holding = HELD_UP
    delivery(world, sender, body=made.append)()
    assert (made, sender.received, row(world).state) == ([], [], "due")


def test_what_is_postponed_for_long_is_looked_at_less_often(world: FakeWorld, sender: FakeSender) -> None:
    ended(world)
    sender.holding = HELD_UP
    world.pass_time(6_000)
    delivery(world, sender)()
    assert row(world).not_before - world.clock.now() == timedelta(seconds=600)


def test_what_is_postponed_together_does_not_come_back_together(world: FakeWorld, sender: FakeSender) -> None:
    ended(world)
    sender.holding = HELD_UP
    delivery(world, sender, luck=0.5)()
    assert row(world).not_before - world.clock.now() == timedelta(seconds=33)


def test_what_is_only_ever_postponed_is_given_up_after_a_day(world: FakeWorld, sender: FakeSender) -> None:
    ended(world)
    sender.holding = HELD_UP
    begun, looked = world.clock.now(), 0
    deliver = delivery(world, sender)
    while deliver():
        looked += 1
        world.pass_time((row(world).not_before - world.clock.now()).total_seconds())
    assert (row(world).state, row(world).attempt, row(world).last_error) == ("failed", 0, HELD_UP.error)
    assert 20 * 3_600 < (row(world).failed_at - begun).total_seconds() <= 24 * 3_600
    assert looked < 80


def test_what_asks_for_patience_again_and_again_is_given_up_after_a_day(
    world: FakeWorld, sender: FakeSender
) -> None:
    ended(world)
    sender.answers = [Sent(SendOutcome.REJECTED, "answered 429", 6 * 3_600.0)] * 8
    deliver = delivery(world, sender)
    while deliver():
        world.pass_time(6 * 3_600)
    assert (row(world).state, row(world).attempt) == ("failed", 5)


def test_news_that_waited_for_the_app_itself_is_still_told(world: FakeWorld, sender: FakeSender) -> None:
    ended(world)
    world.pass_time(48 * 3_600)
    delivery(world, sender)()
    assert row(world).state == "delivered"


def test_who_subscribes_long_after_the_end_is_tried_for_as_long_as_others(
    world: FakeWorld, sender: FakeSender
) -> None:
    world.use.jobs.submit(new_job())
    world.use.jobs.finish(end_of_job())
    world.pass_time(48 * 3_600)
    world.use.jobs.submit(new_job(), Subscription([NewCallback(URL)]))
    assert waits(world, sender)[:2] == [10, 40]


def test_a_body_that_needs_a_service_that_is_away_waits(world: FakeWorld, sender: FakeSender) -> None:
    def away(_: object) -> Any:
        raise BlobUnavailableError("blob storage is away")

    ended(world)
    delivery(world, sender, body=away)()
    assert (sender.received, row(world).state, row(world).attempt) == ([], "due", 0)


def test_a_body_that_cannot_be_made_keeps_no_other_from_being_sent(
    world: FakeWorld, sender: FakeSender, caplog: pytest.LogCaptureFixture
) -> None:
    def broken_for_some(callback: Any) -> Any:
        return {} if callback.url == URL else {"wrong": object()}

    ended(world, None, URL, "https://hooks.example.com/other")
    assert delivery(world, sender, body=broken_for_some)() == 2
    assert sorted(each.state for each in world.callbacks()) == ["delivered", "due"]
    assert "a callback failed unexpectedly" in [record.message for record in caplog.records]


def test_all_that_is_due_is_sent_page_by_page(world: FakeWorld, sender: FakeSender) -> None:
    ended(world, None, *(f"https://hooks.example.com/{number}" for number in range(20)))
    assert delivery(world, sender)() == 20
    assert {each.state for each in world.callbacks()} == {"delivered"}


def test_an_outcome_that_cannot_be_recorded_is_sent_again(
    world: FakeWorld, caplog: pytest.LogCaptureFixture
) -> None:
    class Disconnecting(FakeSender):
        def send(self, *given: Any) -> Sent:
            world.database.away = True
            return super().send(*given)

    ended(world)
    sender = Disconnecting()
    with pytest.raises(DatabaseUnavailableError):
        delivery(world, sender)()
    assert "the outcome of a callback was not recorded; it is sent again" in caplog.messages
    world.database.away = False
    world.pass_time(61)
    delivery(world, FakeSender())()
    assert row(world).state == "delivered"


def test_what_is_closed_while_it_claims_delivers_nothing_more(world: FakeWorld, sender: FakeSender) -> None:
    class Closing(FakeCallbackRepository):
        def claim(self, limit: int) -> Sequence[CallbackRecord]:
            deliver.close()
            return super().claim(limit)

    ended(world)
    deliver = delivery(world, sender, callbacks=Closing(world.database))
    assert (deliver(), sender.received, row(world).state) == (0, [], "due")
    world.pass_time(61)
    assert delivery(world, sender)() == 1


def test_what_is_closed_delivers_nothing_more(world: FakeWorld, sender: FakeSender) -> None:
    ended(world)
    deliver = delivery(world, sender)
    deliver.close()
    assert (deliver(), row(world).state) == (0, "due")
