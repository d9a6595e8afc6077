"""Tasks in PostgreSQL: one round trip to claim one, one to finish it."""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import LiteralString
from uuid import UUID

from repositories.postgres import Database, Row
from repositories.rows import jsonb, outbox_records
from repositories.statements import load_statements
from schema.errors import DatabaseUnavailableError
from schema.records import (
    AttemptFailed,
    AttemptOutcome,
    Claim,
    ClaimedTask,
    ClaimOutcome,
    Finish,
    FinishOutcome,
    Heartbeat,
    LeaseState,
    TaskRecord,
)
from schema.results import ErrorDetail

_SQL = load_statements("orchestration.sql")


class PostgresTaskRepository:
    """Implements ``interfaces.repositories.TaskRepository``."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def claim(self, task_id: str, attempt: int, worker: str, lease_token: UUID) -> Claim:
        row = self._one(
            _SQL["claim_task"],
            {"task_id": task_id, "attempt": attempt, "worker": worker, "lease_token": lease_token},
        )
        outcome = ClaimOutcome(row["outcome"])
        if outcome is not ClaimOutcome.CLAIMED:
            return Claim(outcome)
        return Claim(outcome, ClaimedTask.model_validate(row))

    def finish(self, task_id: str, lease_token: UUID, outcome: AttemptOutcome) -> Finish:
        failed = isinstance(outcome, AttemptFailed)
        row = self._one(
            _SQL["finish_task"],
            {
                "task_id": task_id,
                "lease_token": lease_token,
                "result": None if failed else jsonb(outcome.result),
                "result_ref": None if failed else outcome.result_ref,
                "processed_items": None if failed else outcome.processed_items,
                "error": jsonb(outcome.error) if failed else None,
                "error_class": outcome.error_class.value if failed else None,
                "delay": _delay(outcome) if failed else None,
            },
        )
        return Finish(FinishOutcome(row["outcome"]), outbox_records(row["outbox"]))

    def fail(self, task_id: str, error: ErrorDetail) -> Finish | None:
        row = self._database.fetch_one(_SQL["fail_task"], {"task_id": task_id, "error": jsonb(error)})
        return None if row is None else Finish(FinishOutcome(row["outcome"]), outbox_records(row["outbox"]))

    def heartbeat(self, beats: Sequence[Heartbeat]) -> Mapping[UUID, LeaseState]:
        rows = self._database.fetch_all(
            _SQL["heartbeat"],
            {
                "task_ids": [beat.task_id for beat in beats],
                "lease_tokens": [beat.lease_token for beat in beats],
                "progress": [beat.progress for beat in beats],
            },
        )
        states = {beat.lease_token: LeaseState.LOST for beat in beats}
        for row in rows:
            states[row["lease_token"]] = LeaseState.CANCEL_REQUESTED if row["stop"] else LeaseState.HELD
        return states

    def get(self, task_id: str) -> TaskRecord | None:
        row = self._database.fetch_one(_SQL["get_task"], {"task_id": task_id})
        return None if row is None else TaskRecord.model_validate(row)

    def find(self, job_id: str, run: int, stage: int, index: str) -> TaskRecord | None:
        row = self._database.fetch_one(
            _SQL["find_task"], {"job_id": job_id, "run": run, "stage": stage, "task_index": index}
        )
        return None if row is None else TaskRecord.model_validate(row)

    def _one(self, statement: LiteralString, parameters: Mapping[str, object]) -> Row:
        row = self._database.fetch_one(statement, parameters)
        if row is None:
            raise DatabaseUnavailableError("the database answered a call without its row")
        return row


def _delay(outcome: AttemptFailed) -> timedelta | None:
    return None if outcome.delay_seconds is None else timedelta(seconds=outcome.delay_seconds)
