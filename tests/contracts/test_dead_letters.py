"""What every ``DeadLetterRepository`` must do."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest

from schema.records import DeadLetter, DeadLetterRecord, Verdict
from tests.contracts.steps import JOB_ID
from tests.support.worlds import World

LETTER = DeadLetter(
    queue="geospatial-jobs",
    message_id="m-1",
    body="{broken",
    size=7,
    dequeue_count=1,
    error_code="MESSAGE_NOT_PARSED",
    error="no JSON",
    job_id=JOB_ID,
    correlation_id="corr-1",
    digest="d1",
)


POISONED = replace(LETTER, message_id="m-2", dequeue_count=5)


def only(world: World) -> DeadLetterRecord:
    (letter,) = world.use.dead_letters.list(10)
    return letter


def test_a_message_nobody_could_use_is_put_on_record(world: World) -> None:
    world.use.dead_letters.record(LETTER)
    (row,) = world.dead_letters()
    assert {name: row[name] for name in vars(LETTER)} == vars(LETTER)


def test_a_message_that_comes_again_is_on_record_once_as_it_was_last(world: World) -> None:
    world.use.dead_letters.record(LETTER)
    world.use.dead_letters.record(replace(LETTER, dequeue_count=2, error_code="OTHER", error="still none"))
    (row,) = world.dead_letters()
    assert (row["dequeue_count"], row["error_code"], row["error"]) == (2, "OTHER", "still none")


def test_the_same_id_in_another_queue_is_another_message(world: World) -> None:
    world.use.dead_letters.record(LETTER)
    world.use.dead_letters.record(replace(LETTER, queue="geospatial-tasks"))
    assert len(world.dead_letters()) == 2


class TestJudge:
    def test_the_verdict_joins_the_record_made_under_another_id(self, world: World) -> None:
        world.use.dead_letters.record(LETTER)
        world.use.dead_letters.judge(POISONED, Verdict.UNKNOWN)
        letter = only(world)
        assert (letter.message_id, letter.verdict, letter.dequeue_count) == ("m-1", Verdict.UNKNOWN, 5)
        assert (letter.error_code, letter.error) == ("MESSAGE_NOT_PARSED", "no JSON")
        assert letter.judged_at is not None

    def test_without_a_record_it_is_made_now(self, world: World) -> None:
        world.use.dead_letters.judge(POISONED, Verdict.UNHANDLED)
        letter = only(world)
        assert (letter.message_id, letter.verdict, letter.body) == ("m-2", Verdict.UNHANDLED, "{broken")
        assert letter.judged_at is not None

    def test_judging_the_same_message_again_makes_no_second_record(self, world: World) -> None:
        world.use.dead_letters.judge(POISONED, Verdict.UNHANDLED)
        world.use.dead_letters.judge(POISONED, Verdict.EXPECTED)
        assert only(world).verdict is Verdict.UNHANDLED

    def test_the_newest_of_several_that_wait_is_judged_first(self, world: World) -> None:
        world.use.dead_letters.record(LETTER)
        world.use.dead_letters.record(replace(LETTER, message_id="m-3"))
        world.use.dead_letters.judge(POISONED, Verdict.UNKNOWN)
        assert [(row.message_id, row.verdict) for row in world.use.dead_letters.list(10)] == [
            ("m-3", Verdict.UNKNOWN),
            ("m-1", None),
        ]

    @pytest.mark.parametrize("changes", [{"digest": "d2"}, {"queue": "geospatial-tasks"}])
    def test_another_message_s_record_is_left_alone(self, world: World, changes: dict[str, str]) -> None:
        world.use.dead_letters.record(replace(LETTER, **changes))
        world.use.dead_letters.judge(POISONED, Verdict.UNKNOWN)
        assert [row.verdict for row in world.use.dead_letters.list(10)] == [Verdict.UNKNOWN, None]


class TestReading:
    def test_they_are_listed_newest_first_in_pages(self, world: World) -> None:
        for number in range(5):
            world.use.dead_letters.record(replace(LETTER, message_id=f"m-{number}"))
        first = world.use.dead_letters.list(2)
        second = world.use.dead_letters.list(2, before=first[-1].dead_letter_id)
        third = world.use.dead_letters.list(2, before=second[-1].dead_letter_id)
        assert [row.message_id for row in [*first, *second, *third]] == ["m-4", "m-3", "m-2", "m-1", "m-0"]

    def test_one_is_found_by_its_number(self, world: World) -> None:
        world.use.dead_letters.record(LETTER)
        letter = only(world)
        assert world.use.dead_letters.get(letter.dead_letter_id) == letter
        assert (letter.queue, letter.job_id, letter.task_id) == ("geospatial-jobs", JOB_ID, None)
        assert (letter.size, letter.correlation_id, letter.verdict) == (7, "corr-1", None)

    def test_there_is_none_that_was_not_recorded(self, world: World) -> None:
        assert world.use.dead_letters.get(4_711) is None
        assert list(world.use.dead_letters.list(10)) == []


class TestMarks:
    def test_one_that_was_sent_again_says_when(self, world: World) -> None:
        world.use.dead_letters.record(LETTER)
        world.use.dead_letters.mark_replayed(only(world).dead_letter_id)
        assert only(world).replayed_at is not None
        assert only(world).disposed_at is None

    def test_one_that_was_let_go_says_when(self, world: World) -> None:
        world.use.dead_letters.record(LETTER)
        world.use.dead_letters.mark_disposed(only(world).dead_letter_id)
        assert only(world).disposed_at is not None
        assert only(world).replayed_at is None

    def test_marking_none_is_nothing(self, world: World) -> None:
        world.use.dead_letters.record(LETTER)
        world.use.dead_letters.mark_replayed(4_711)
        world.use.dead_letters.mark_disposed(4_711)
        assert (only(world).replayed_at, only(world).disposed_at) == (None, None)


def test_of_many_records_of_one_message_at_once_one_stays(world: World) -> None:
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda _: world.use.dead_letters.record(LETTER), range(16)))
    assert only(world).message_id == "m-1"
