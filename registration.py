"""The catalogs, with the literal list of every job type and task type there is."""

from collections.abc import Sequence
from datetime import timedelta
from itertools import combinations
from typing import Any

from pydantic import ValidationError

from controllers import (
    echo,
    hello_world,
    list_container,
    process_raster,
    process_raster_collection,
    summarize_container,
)
from interfaces.handler import Handler
from schema.errors import (
    DuplicateRegistrationError,
    IncompleteCatalogError,
    UnknownJobTypeError,
    UnknownTaskTypeError,
)
from schema.workflow import JobRegistration, StageDefinition, TaskContract, TaskInfo
from services.containers import analyze, index, metadata, summarize
from services.echo import answer
from services.hello import greeting, reply
from services.raster.tasks import (
    assemble,
    create_batch,
    create_chunk,
    create_cog,
    create_item,
    plan,
    validate,
    validate_cog,
)


class JobCatalog:
    """Job types by name; implements ``interfaces.catalogs.JobCatalog``."""

    def __init__(self) -> None:
        self._registrations: dict[str, JobRegistration[Any]] = {}

    def register(self, registration: JobRegistration[Any]) -> None:
        """Raises ``DuplicateRegistrationError``."""
        if registration.job_type in self._registrations:
            raise DuplicateRegistrationError(f"job type {registration.job_type!r} is registered twice")
        self._registrations[registration.job_type] = registration

    def get(self, job_type: str) -> JobRegistration[Any]:
        try:
            return self._registrations[job_type]
        except KeyError:
            raise UnknownJobTypeError(job_type, self._registrations) from None

    def names(self) -> Sequence[str]:
        return tuple(self._registrations)


class TaskCatalog:
    """Task types with their handlers by name; implements ``interfaces.catalogs.TaskCatalog``."""

    def __init__(self) -> None:
        self._entries: dict[str, tuple[TaskInfo[Any, Any], Handler[Any, Any]]] = {}

    def register(self, info: TaskInfo[Any, Any], handler: Handler[Any, Any]) -> None:
        """Raises ``DuplicateRegistrationError``."""
        task_type = info.contract.task_type
        if task_type in self._entries:
            raise DuplicateRegistrationError(f"task type {task_type!r} is registered twice")
        self._entries[task_type] = (info, handler)

    def info(self, task_type: str) -> TaskInfo[Any, Any]:
        return self._entry(task_type)[0]

    def handler(self, task_type: str) -> Handler[Any, Any]:
        return self._entry(task_type)[1]

    def names(self) -> Sequence[str]:
        return tuple(self._entries)

    def _entry(self, task_type: str) -> tuple[TaskInfo[Any, Any], Handler[Any, Any]]:
        try:
            return self._entries[task_type]
        except KeyError:
            raise UnknownTaskTypeError(task_type, self._entries) from None


JOBS: tuple[JobRegistration[Any], ...] = (
    hello_world.REGISTRATION_INFO,
    summarize_container.REGISTRATION_INFO,
    list_container.REGISTRATION_INFO,
    process_raster.REGISTRATION_INFO,
    process_raster_collection.REGISTRATION_INFO,
)

TASKS: tuple[tuple[TaskInfo[Any, Any], Handler[Any, Any]], ...] = (
    (greeting.INFO, greeting.run),
    (reply.INFO, reply.run),
    (summarize.INFO, summarize.run),
    (analyze.INFO, analyze.run),
    (metadata.INFO, metadata.run),
    (index.INFO, index.run),
    (validate.INFO, validate.run),
    (plan.INFO, plan.run),
    (create_cog.INFO, create_cog.run),
    (create_chunk.INFO, create_chunk.run),
    (assemble.INFO, assemble.run),
    (validate_cog.INFO, validate_cog.run),
    (create_item.INFO, create_item.run),
    (create_batch.INFO, create_batch.run),
)

DEVELOPMENT_JOBS: tuple[JobRegistration[Any], ...] = (echo.REGISTRATION_INFO,)

DEVELOPMENT_TASKS: tuple[tuple[TaskInfo[Any, Any], Handler[Any, Any]], ...] = ((answer.INFO, answer.run),)


def initialize_catalogs(*, development: bool = False) -> tuple[JobCatalog, TaskCatalog]:
    """Both catalogs, complete and checked; with what is for trials only if asked for.

    Raises ``CatalogError``.
    """
    jobs, tasks = JobCatalog(), TaskCatalog()
    for registration in (*JOBS, *(DEVELOPMENT_JOBS if development else ())):
        jobs.register(registration)
    for info, handler in (*TASKS, *(DEVELOPMENT_TASKS if development else ())):
        tasks.register(info, handler)
    verify_catalogs(jobs, tasks)
    return jobs, tasks


def verify_catalogs(jobs: JobCatalog, tasks: TaskCatalog) -> None:
    """Every stage's task types have handlers of the same contracts, and every example fits its model.

    Raises ``IncompleteCatalogError``, which names the job type and the stage, or the task type.
    """
    for name in tasks.names():
        info = tasks.info(name)
        if info.lease <= timedelta() or info.timeout <= timedelta():
            raise IncompleteCatalogError(f"task type {name!r}: lease and time-out must be positive")
    for name in jobs.names():
        _verify_job(jobs.get(name), tasks)


def _verify_job(registration: JobRegistration[Any], tasks: TaskCatalog) -> None:
    name = registration.job_type
    if not registration.stages:
        raise IncompleteCatalogError(f"job type {name!r} has no stages")
    if not 0 <= registration.trial_stages <= len(registration.stages):
        raise IncompleteCatalogError(f"job type {name!r} has not so many stages to try")
    for number, stage in enumerate(registration.stages, start=1):
        problem = _problem_of(stage, tasks)
        if problem is not None:
            raise IncompleteCatalogError(f"job type {name!r}, stage {number} ({stage.name}): {problem}")
    try:
        registration.parameters.model_validate(registration.example)
    except ValidationError as exc:
        raise IncompleteCatalogError(f"job type {name!r}: its example does not fit its model") from exc


def _problem_of(stage: StageDefinition[Any], tasks: TaskCatalog) -> str | None:
    for contract in stage.contracts:
        task_type = contract.task_type
        if task_type not in tasks.names():
            return f"no handler runs task type {task_type!r}"
        if tasks.info(task_type).contract is not contract:
            return f"the handler of {task_type!r} has another contract"
    if stage.max_parallel_tasks < 1 or stage.timeout <= timedelta():
        return "max_parallel_tasks and timeout must be positive"
    pairs = (_problem_of_pair(*pair, tasks) for pair in combinations(stage.contracts, 2))
    return next((problem for problem in pairs if problem is not None), None)


def _problem_of_pair(
    one: TaskContract[Any, Any], other: TaskContract[Any, Any], tasks: TaskCatalog
) -> str | None:
    """Why tasks of both cannot be in one stage: it tells them apart by their parameters, and its policies
    are theirs."""
    names = f"{one.task_type!r} and {other.task_type!r}"
    if issubclass(one.parameters, other.parameters) or issubclass(other.parameters, one.parameters):
        return f"{names} are not told apart by the classes of their parameters"
    first, second = tasks.info(one.task_type), tasks.info(other.task_type)
    if (first.retry, first.lease, first.timeout) != (second.retry, second.lease, second.timeout):
        return f"{names} differ in retry, lease or timeout, which are the stage's"
    return None
