"""Stages in PostgreSQL: opened whole, closed once under an advisory lock, settled with what follows."""

from collections.abc import Iterator, Sequence
from datetime import timedelta
from itertools import count

from repositories.jobs import finish_parameters
from repositories.postgres import Connection, Database
from repositories.rows import json_text, jsonb, outbox_records
from repositories.statements import load_statements
from schema.policies import FailureMode
from schema.records import (
    FinishJob,
    NextStep,
    OpenStage,
    OutboxRecord,
    ReopenStage,
    StageRecord,
    StageSettlement,
    StageSummary,
    TaskRecord,
)

_SQL = load_statements("orchestration.sql")
_PAGE = 1_000


class _StepRefusedError(Exception):
    """The next step found the job changed: the whole settlement is rolled back."""


class StageCompletionRepository:
    """Implements ``interfaces.repositories.StageRepository``."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def get(self, job_id: str, run: int, stage: int) -> StageRecord | None:
        row = self._database.fetch_one(_SQL["get_stage"], {"job_id": job_id, "run": run, "stage": stage})
        return None if row is None else StageRecord.model_validate(row)

    def list(self, job_id: str, run: int) -> Sequence[StageRecord]:
        rows = self._database.fetch_all(_SQL["list_stages"], {"job_id": job_id, "run": run})
        return [StageRecord.model_validate(row) for row in rows]

    def summaries(self, job_id: str, run: int) -> Sequence[StageSummary]:
        rows = self._database.fetch_all(_SQL["stage_summaries"], {"job_id": job_id, "run": run})
        return [StageSummary.model_validate(row) for row in rows]

    def open(self, stage: OpenStage) -> bool:
        row = self._database.fetch_one(_SQL["open_stage"], _open_parameters(stage))
        return row is not None and bool(row["done"])

    def close(self, job_id: str, run: int, stage: int) -> Sequence[OutboxRecord]:
        row = self._database.fetch_one(_SQL["close_stage"], {"job_id": job_id, "run": run, "stage": stage})
        return [] if row is None else outbox_records(row["outbox"])

    def settle(self, settlement: StageSettlement, following: NextStep) -> bool:
        try:
            with self._database.transaction() as connection:
                _settle(connection, settlement, following)
        except _StepRefusedError:
            return False
        return True

    def task_results(self, job_id: str, run: int, stage: int) -> Iterator[TaskRecord]:
        key: dict[str, object] = {"job_id": job_id, "run": run, "stage": stage, "limit": _PAGE}
        for first in count(0, _PAGE):
            rows = self._database.fetch_all(_SQL["tasks_from"], {**key, "first": first})
            for row in rows:
                yield TaskRecord.model_validate(row)
            if len(rows) < _PAGE:
                return


def _settle(connection: Connection, settlement: StageSettlement, following: NextStep) -> None:
    if isinstance(following, ReopenStage):
        key = {
            "job_id": following.job_id,
            "run": following.run,
            "stage": following.stage,
            "round": settlement.round,
        }
        _demand(connection.execute(_SQL["reopen_stage"], key).fetchone())
        return
    _demand(connection.execute(_SQL["settle_stage"], _settle_parameters(settlement)).fetchone())
    if isinstance(following, FinishJob):
        _demand(connection.execute(_SQL["finish_job"], finish_parameters(following)).fetchone())
    else:
        _demand(connection.execute(_SQL["open_stage"], _open_parameters(following)).fetchone())


def _demand(row: dict[str, object] | None) -> None:
    if row is None or not row["done"]:
        raise _StepRefusedError


def _settle_parameters(settlement: StageSettlement) -> dict[str, object]:
    return {
        "job_id": settlement.job_id,
        "run": settlement.run,
        "stage": settlement.stage,
        "round": settlement.round,
        "status": settlement.status.value,
        "completed": settlement.completed,
        "failed": settlement.failed,
        "result": jsonb(settlement.result),
        "result_ref": settlement.result_ref,
    }


def _open_parameters(stage: OpenStage) -> dict[str, object]:
    return {
        "job_id": stage.job_id,
        "run": stage.run,
        "stage": stage.stage,
        "task_type": stage.task_type,
        "task_types": [task.task_type or stage.task_type for task in stage.tasks],
        "task_ids": [task.task_id for task in stage.tasks],
        "indexes": [task.index for task in stage.tasks],
        "parameters": [json_text(task.parameters) for task in stage.tasks],
        "parameters_refs": [task.parameters_ref for task in stage.tasks],
        "resources": [task.resource for task in stage.tasks],
        "max_parallel_tasks": stage.max_parallel_tasks,
        "fail_fast": stage.failure.mode is FailureMode.FAIL_FAST,
        "min_success_rate": stage.failure.min_success_rate,
        "max_attempts": stage.retry.attempts,
        "retry_base": timedelta(seconds=stage.retry.base_seconds),
        "retry_factor": stage.retry.factor,
        "retry_cap": timedelta(seconds=stage.retry.cap_seconds),
        "retry_jitter": stage.retry.jitter,
        "lease": stage.lease,
        "task_timeout": stage.task_timeout,
        "stage_timeout": stage.stage_timeout,
    }
