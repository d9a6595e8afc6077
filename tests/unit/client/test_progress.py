import io

import pytest
from rich.console import Console

from geojobs_client import Job
from geojobs_client.commands import progress
from geojobs_client.commands.progress import JobProgress
from tests.unit.client.support import job


@pytest.fixture
def screen(monkeypatch: pytest.MonkeyPatch) -> io.StringIO:
    """A terminal."""
    written = io.StringIO()
    console = Console(file=written, force_terminal=True, width=160, color_system=None)
    monkeypatch.setattr(progress, "messages", lambda: console)
    return written


def stage(number: int, **fields: object) -> dict[str, object]:
    counts = {"expected": 4, "completed": 4, "failed": 0, "running": 0}
    return {"stage": number, "name": f"stage {number}", "status": "completed", **counts, **fields}


def shown(screen: io.StringIO) -> str:
    """The last frame."""
    return screen.getvalue().rpartition("\x1b[2K")[2]


def seen(**fields: object) -> Job:
    return Job.model_validate(job(**fields))  # type: ignore[arg-type]  # fields of the document


def test_each_stage_has_a_bar(screen: io.StringIO) -> None:
    running = stage(2, status="open", completed=1, failed=1, running=2)
    with JobProgress() as bars:
        bars(seen(status="processing", stages=[stage(1)]))
        bars(seen(status="processing", stage=2, stages=[stage(1), running], estimated_seconds_left=7.4))
    text = screen.getvalue()
    assert "1/2 stage 1" in text
    assert "4/4" in text
    assert "2/2 stage 2" in text
    assert "2/4" in text
    assert "open, 1 failed, 2 running, about 7 s left" in text


def test_a_new_run_begins_with_new_bars(screen: io.StringIO) -> None:
    with JobProgress() as bars:
        bars(seen(status="failed", stages=[stage(1), stage(2)]))
        bars(seen(status="processing", run=2, stages=[stage(1, status="open", completed=0)]))
        assert len(bars._progress.tasks) == 1


def test_where_there_is_no_terminal_each_change_is_a_line(capsys: pytest.CaptureFixture[str]) -> None:
    with JobProgress() as bars:
        bars(seen(status="processing", stages=[stage(1, status="open", completed=0)]))
        bars(seen(status="processing", stages=[stage(1, status="open", completed=2)]))
        bars(seen(status="processing", stages=[stage(1)]))
    assert capsys.readouterr().err.splitlines() == [
        "stage 1/2 stage 1: open, 0 of 4 tasks completed, 0 failed",
        "stage 1/2 stage 1: completed, 4 of 4 tasks completed, 0 failed",
    ]
