"""Decides which values are too large for a row, and finds them again."""

import hashlib
from dataclasses import replace

from pydantic_core import to_json

from interfaces.payloads import PayloadStore
from schema.json_types import JSONObject
from schema.records import FinishJob, NewTask, NextStep, OpenStage, StageSettlement
from schema.results import StageResultContract

MAX_INLINE_BYTES = 1_000_000


class Payloads:
    """Values over ``limit`` bytes of JSON go to the store, and the row keeps their reference.

    Names say which attempt or step made the value and end with its digest, so that none is ever overwritten
    with another: a process that is late with the same step must not change what the row refers to.
    """

    def __init__(self, store: PayloadStore, limit: int = MAX_INLINE_BYTES) -> None:
        self._store = store
        self._limit = limit

    def kept(self, job_id: str, name: str, value: JSONObject) -> tuple[JSONObject | None, str | None]:
        """The value for the row, or its reference: one of the two is ``None``."""
        text = to_json(value)
        if len(text) <= self._limit:
            return value, None
        return None, self._store.put(job_id, f"{name}-{hashlib.sha256(text).hexdigest()[:16]}", value)

    def found(self, value: JSONObject | None, reference: str | None) -> JSONObject | None:
        """The value, wherever it is."""
        return value if reference is None else self._store.get(reference)

    def step(self, step: NextStep) -> NextStep:
        """The step with its large values put away."""
        if isinstance(step, OpenStage):
            return replace(step, tasks=[self._task(step, task) for task in step.tasks])
        if isinstance(step, FinishJob) and step.result is not None:
            result, reference = self.kept(step.job_id, f"r{step.run}-result", step.result)
            return replace(step, result=result, result_ref=reference)
        return step

    def settlement(self, settlement: StageSettlement) -> StageSettlement:
        """The settlement with a large result put away; the row keeps its counts and metadata."""
        whole: JSONObject = settlement.result.model_dump(mode="json", exclude_none=True)
        name = f"r{settlement.run}-s{settlement.stage}-result"
        _, reference = self.kept(settlement.job_id, name, whole)
        if reference is None:
            return settlement
        slim = settlement.result.model_copy(update={"task_results": (), "orchestration": None})
        return replace(settlement, result=slim, result_ref=reference)

    def stage_result(self, result: StageResultContract, reference: str | None) -> StageResultContract:
        """The whole result of a settled stage."""
        if reference is None:
            return result
        return StageResultContract.model_validate(self._store.get(reference))

    def _task(self, step: OpenStage, task: NewTask) -> NewTask:
        parameters, reference = self.kept(step.job_id, f"{task.task_id}-parameters", task.parameters)
        return (
            task
            if reference is None
            else replace(task, parameters=parameters or {}, parameters_ref=reference)
        )
