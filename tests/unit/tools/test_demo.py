from tools.demo import progress_lines


def _stage(number: int, **changed: object) -> dict[str, object]:
    return {
        "stage": number,
        "name": "greetings",
        "status": "open",
        "expected": 5,
        "completed": 3,
        "failed": 0,
        **changed,
    }


def test_progress_has_a_line_for_each_stage() -> None:
    lines = progress_lines({"stages": [_stage(1), _stage(2, completed=0)]})

    assert lines == {
        "1": "stage 1    3/5 tasks  open  (greetings)",
        "2": "stage 2    0/5 tasks  open  (greetings)",
    }


def test_progress_tells_of_failed_tasks() -> None:
    assert "3/5 tasks, 2 failed" in progress_lines({"stages": [_stage(1, failed=2)]})["1"]
