"""Shows a job while it is waited for: a bar for each stage on a terminal, lines elsewhere."""

from types import TracebackType
from typing import Self

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeElapsedColumn

from geojobs_client.commands.output import messages, plain, say
from geojobs_client.models import Job, Stage


class JobProgress:
    """Called with each state seen; a context manager that leaves the last one standing."""

    def __init__(self) -> None:
        console = messages()
        self._is_live = console.is_terminal
        self._bars: dict[int, TaskID] = {}
        self._run: int | None = None
        self._told: set[str] = set()
        self._progress = Progress(
            TextColumn("{task.description}", markup=False),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            TextColumn("{task.fields[note]}", markup=False),
            console=console,
            disable=not self._is_live,
        )

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._progress.stop()

    def __call__(self, job: Job) -> None:
        if job.run != self._run:
            self._forget(job)
        if self._is_live:
            for stage in job.stages:
                self._draw(job, stage)
        else:
            self._tell(job)

    def _forget(self, job: Job) -> None:
        for bar in self._bars.values():
            self._progress.remove_task(bar)
        self._bars, self._told, self._run = {}, set(), job.run

    def _draw(self, job: Job, stage: Stage) -> None:
        if stage.stage not in self._bars:
            name = f"{stage.stage}/{job.total_stages} {plain(stage.name)}"
            self._bars[stage.stage] = self._progress.add_task(name, total=None, note="")
        self._progress.update(
            self._bars[stage.stage],
            total=stage.expected,
            completed=stage.completed + stage.failed,
            note=_note(job, stage),
        )

    def _tell(self, job: Job) -> None:
        """Each stage's each status once; a log is no place for bars."""
        for stage in job.stages:
            line = f"stage {stage.stage}/{job.total_stages} {stage.name}: {stage.status}"
            if line not in self._told:
                self._told.add(line)
                say(f"{line}, {stage.completed} of {stage.expected} tasks completed, {stage.failed} failed")


def _note(job: Job, stage: Stage) -> str:
    parts = [stage.status]
    if stage.failed:
        parts.append(f"{stage.failed} failed")
    if stage.running:
        parts.append(f"{stage.running} running")
    if job.estimated_seconds_left is not None and stage.stage == job.stage and not job.is_final:
        parts.append(f"about {job.estimated_seconds_left:.0f} s left")
    return ", ".join(parts)
