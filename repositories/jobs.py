"""Jobs in PostgreSQL."""

import psycopg

from repositories.postgres import Database, Row
from repositories.rows import jsonb, outbox_records
from repositories.statements import load_statements
from schema.callbacks import Subscription
from schema.errors import DatabaseUnavailableError, TooManyCallbacksError
from schema.records import Control, ControlOutcome, FinishJob, JobRecord, NewJob, Submission
from schema.results import ErrorDetail

_SQL = load_statements("orchestration.sql")
_CALLBACK_SQL = load_statements("callbacks.sql")
_TOO_MANY_CALLBACKS = "GJ002"


class PostgresJobRepository:
    """Implements ``interfaces.repositories.JobRepository``."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def submit(self, job: NewJob, subscription: Subscription | None = None) -> Submission:
        given = _job_parameters(job)
        if subscription is None:
            row = self._database.fetch_one(_SQL["submit_job"], given)
        else:
            row = self._subscribed({**given, **_subscription_parameters(subscription)})
        if row is None:
            raise DatabaseUnavailableError("the job was removed while it was submitted; submit it again")
        return Submission(
            job=JobRecord.model_validate(row["job"]),
            created=row["created"],
            outbox=outbox_records(row["outbox"]),
        )

    def _subscribed(self, given: dict[str, object]) -> Row | None:
        try:
            return self._database.fetch_one(_CALLBACK_SQL["submit_job_and_subscribe"], given)
        except psycopg.DatabaseError as exc:
            if exc.sqlstate == _TOO_MANY_CALLBACKS:
                raise TooManyCallbacksError from exc
            raise

    def get(self, job_id: str) -> JobRecord | None:
        row = self._database.fetch_one(_SQL["get_job"], {"job_id": job_id})
        return None if row is None else JobRecord.model_validate(row)

    def finish(self, finish: FinishJob) -> bool:
        row = self._database.fetch_one(_SQL["finish_job"], finish_parameters(finish))
        return row is not None and bool(row["done"])

    def cancel(self, job_id: str, reason: str, actor: str | None = None) -> Control | None:
        given = {"job_id": job_id, "reason": reason, "actor": actor}
        row = self._database.fetch_one(_SQL["cancel_job"], given)
        return None if row is None else _control(row, "cancelled")

    def retry(self, job_id: str, correlation_id: str, actor: str | None = None) -> Control | None:
        given = {"job_id": job_id, "correlation_id": correlation_id, "actor": actor}
        row = self._database.fetch_one(_SQL["retry_job"], given)
        return None if row is None else _control(row, "retried")

    def rerun(self, job_id: str, correlation_id: str, actor: str | None = None) -> Control | None:
        given = {"job_id": job_id, "correlation_id": correlation_id, "actor": actor}
        row = self._database.fetch_one(_SQL["rerun_job"], given)
        return None if row is None else _control(row, "rerun")

    def fail(self, job_id: str, run: int, error: ErrorDetail) -> bool:
        given = {"job_id": job_id, "run": run, "error": jsonb(error)}
        row = self._database.fetch_one(_SQL["end_run"], given)
        return row is not None and bool(row["done"])


def _job_parameters(job: NewJob) -> dict[str, object]:
    return {
        "job_id": job.job_id,
        "job_type": job.job_type,
        "parameters": jsonb(job.parameters),
        "total_stages": job.total_stages,
        "correlation_id": job.correlation_id,
        "traceparent": job.traceparent,
        "submitted_by": job.submitted_by,
        "priority": int(job.priority),
        "max_parallel_tasks": job.max_parallel_tasks,
        "timeout": job.timeout,
    }


def _subscription_parameters(subscription: Subscription) -> dict[str, object]:
    return {
        "urls": [callback.url for callback in subscription.callbacks],
        "notify": [callback.notify.value for callback in subscription.callbacks],
        "forms": [callback.form.value for callback in subscription.callbacks],
        "wanted": [callback.wanted for callback in subscription.callbacks],
        "base_url": subscription.base_url,
    }


def finish_parameters(finish: FinishJob) -> dict[str, object]:
    """The parameters of the statement ``finish_job``."""
    return {
        "job_id": finish.job_id,
        "run": finish.run,
        "status": finish.status.value,
        "result": jsonb(finish.result),
        "result_ref": finish.result_ref,
        "error": jsonb(finish.error),
        "unopened": finish.unopened,
    }


def _control(row: Row, done: str) -> Control:
    return Control(
        ControlOutcome.DONE if row["outcome"] == done else ControlOutcome.REFUSED,
        JobRecord.model_validate(row["job"]),
        outbox_records(row.get("outbox", [])),
    )
