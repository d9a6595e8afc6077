"""Everything that is written is registered, and everything registered fits together."""

import importlib
import inspect
import json
import pkgutil
from dataclasses import replace
from datetime import timedelta
from types import ModuleType
from typing import Any, get_type_hints

import pytest

import controllers
import schema.contracts
import services
from interfaces.handler import Handler
from registration import (
    DEVELOPMENT_JOBS,
    DEVELOPMENT_TASKS,
    JOBS,
    TASKS,
    JobCatalog,
    TaskCatalog,
    initialize_catalogs,
    verify_catalogs,
)
from schema.errors import (
    DuplicateRegistrationError,
    IncompleteCatalogError,
    UnknownJobTypeError,
    UnknownTaskTypeError,
)
from schema.policies import RetryPolicy
from schema.results import Contract
from schema.workflow import JobRegistration, TaskContract, TaskInfo
from tests.architecture.source import ROOT

ALL_JOBS = (*JOBS, *DEVELOPMENT_JOBS)
ALL_TASKS = (*TASKS, *DEVELOPMENT_TASKS)


def _modules(package: ModuleType) -> list[ModuleType]:
    found = pkgutil.walk_packages(package.__path__, f"{package.__name__}.")
    return [importlib.import_module(module.name) for module in found if not module.ispkg]


def _contracts() -> list[TaskContract[Any, Any]]:
    return [
        value
        for module in _modules(schema.contracts)
        for value in vars(module).values()
        if isinstance(value, TaskContract)
    ]


def test_the_catalogs_are_complete() -> None:
    jobs, tasks = initialize_catalogs()
    assert (len(jobs.names()), len(tasks.names())) == (len(JOBS), len(TASKS))


def test_what_is_for_trials_is_there_only_where_it_is_asked_for() -> None:
    jobs, tasks = initialize_catalogs(development=True)
    assert jobs.names() == tuple(job.job_type for job in ALL_JOBS)
    assert tasks.names() == tuple(info.contract.task_type for info, _ in ALL_TASKS)


@pytest.mark.parametrize("module", _modules(controllers), ids=lambda module: module.__name__)
def test_each_controller_is_registered_under_the_name_of_its_file(module: ModuleType) -> None:
    registration = module.REGISTRATION_INFO
    assert registration in ALL_JOBS
    assert registration.job_type == module.__name__.rpartition(".")[2]


def test_each_handler_is_registered() -> None:
    declared = [module for module in _modules(services) if hasattr(module, "INFO")]
    registered = [(info, handler) for info, handler in ALL_TASKS]
    assert len(declared) == len(registered)
    assert all((module.INFO, module.run) in registered for module in declared)


def test_an_attempt_ends_before_the_host_would_end_the_worker() -> None:
    text = json.loads((ROOT / "host.json").read_text("utf-8"))["functionTimeout"]
    hours, minutes, seconds = map(int, text.split(":"))
    most = timedelta(hours=hours, minutes=minutes, seconds=seconds)
    assert [info.task_type for info, _ in ALL_TASKS if info.timeout >= most] == []


def test_each_contract_has_a_stage_and_a_handler() -> None:
    staged = {contract.task_type for job in ALL_JOBS for stage in job.stages for contract in stage.contracts}
    handled = {info.contract.task_type for info, _ in ALL_TASKS}
    declared = {contract.task_type for contract in _contracts()}
    assert declared == staged == handled


@pytest.mark.parametrize(
    ("info", "handler"), ALL_TASKS, ids=[info.contract.task_type for info, _ in ALL_TASKS]
)
def test_a_handler_takes_and_gives_what_its_contract_says(
    info: TaskInfo[Any, Any], handler: Handler[Any, Any]
) -> None:
    hints = get_type_hints(handler)
    first = next(iter(inspect.signature(handler).parameters))
    assert hints[first] is info.contract.parameters
    assert hints["return"] is info.contract.result


@pytest.mark.parametrize("registration", ALL_JOBS, ids=lambda job: job.job_type)
def test_a_job_type_describes_itself(registration: JobRegistration[Any]) -> None:
    assert registration.description
    assert registration.parameters.model_validate(registration.example)
    names = [stage.name for stage in registration.stages]
    assert len(names) == len(set(names))


def test_a_job_type_is_not_registered_twice() -> None:
    catalog = JobCatalog()
    catalog.register(JOBS[0])
    with pytest.raises(DuplicateRegistrationError, match=JOBS[0].job_type):
        catalog.register(JOBS[0])


def test_a_task_type_is_not_registered_twice() -> None:
    catalog = TaskCatalog()
    catalog.register(*TASKS[0])
    with pytest.raises(DuplicateRegistrationError, match=TASKS[0][0].contract.task_type):
        catalog.register(*TASKS[0])


def test_an_unknown_job_type_is_answered_with_those_there_are() -> None:
    jobs, _ = initialize_catalogs()
    with pytest.raises(UnknownJobTypeError) as caught:
        jobs.get("no_such_type")
    assert all(name in str(caught.value) for name in jobs.names())


def test_an_unknown_task_type_is_answered_with_those_there_are() -> None:
    _, tasks = initialize_catalogs()
    with pytest.raises(UnknownTaskTypeError) as caught:
        tasks.handler("no_such_type")
    assert all(name in str(caught.value) for name in tasks.names())


def test_a_stage_without_a_handler_is_found_at_start_up() -> None:
    jobs = JobCatalog()
    jobs.register(JOBS[0])
    with pytest.raises(IncompleteCatalogError, match=JOBS[0].stages[0].contract.task_type):
        verify_catalogs(jobs, TaskCatalog())


def test_a_handler_of_another_contract_is_found_at_start_up() -> None:
    jobs, tasks = JobCatalog(), TaskCatalog()
    jobs.register(JOBS[0])
    for info, handler in TASKS:
        contract = info.contract
        copy = TaskContract(contract.task_type, contract.parameters, contract.result)
        tasks.register(TaskInfo(copy, info.description), handler)
    with pytest.raises(IncompleteCatalogError, match="another contract"):
        verify_catalogs(jobs, tasks)


@pytest.mark.parametrize(
    "changes",
    [{"max_parallel_tasks": 0}, {"timeout": timedelta()}],
    ids=["no task at once", "no time"],
)
def test_a_stage_that_could_never_run_is_refused(changes: dict[str, Any]) -> None:
    jobs, tasks = initialize_catalogs()
    registration = jobs.get("hello_world")
    broken = replace(registration, job_type="broken", stages=(replace(registration.stages[0], **changes),))
    jobs.register(broken)
    with pytest.raises(IncompleteCatalogError, match="broken"):
        verify_catalogs(jobs, tasks)


class OneParameters(Contract):
    number: int


class OtherParameters(Contract):
    text: str


class SpecialParameters(OneParameters):
    pass


class Nothing(Contract):
    pass


ONE = TaskContract("one", OneParameters, Nothing)
OTHER = TaskContract("other", OtherParameters, Nothing)
SPECIAL = TaskContract("special", SpecialParameters, Nothing)


def mixing(alternative: TaskContract[Any, Any], **policies: Any) -> tuple[JobCatalog, TaskCatalog]:
    """A job type one stage of which has tasks of two types, the second with ``policies`` of its own."""
    jobs, tasks = JobCatalog(), TaskCatalog()
    registration = initialize_catalogs()[0].get("hello_world")
    stage = replace(registration.stages[0], contract=ONE, alternatives=(alternative,))
    jobs.register(replace(registration, stages=(stage,)))
    tasks.register(TaskInfo(ONE, "One."), lambda _parameters, _context: Nothing())
    tasks.register(TaskInfo(alternative, "Another.", **policies), lambda _parameters, _context: Nothing())
    return jobs, tasks


def test_a_stage_may_mix_task_types() -> None:
    verify_catalogs(*mixing(OTHER))


def test_an_alternative_without_a_handler_is_found_at_start_up() -> None:
    jobs, _ = mixing(OTHER)
    tasks = TaskCatalog()
    tasks.register(TaskInfo(ONE, "One."), lambda _parameters, _context: Nothing())
    with pytest.raises(IncompleteCatalogError, match="no handler runs task type 'other'"):
        verify_catalogs(jobs, tasks)


@pytest.mark.parametrize(
    "policies",
    [
        {"lease": timedelta(minutes=1)},
        {"timeout": timedelta(minutes=1)},
        {"retry": RetryPolicy(attempts=9)},
    ],
    ids=["lease", "timeout", "retry"],
)
def test_types_in_one_stage_have_the_same_policies(policies: dict[str, Any]) -> None:
    with pytest.raises(IncompleteCatalogError, match="'one' and 'other' differ in retry, lease or timeout"):
        verify_catalogs(*mixing(OTHER, **policies))


def test_types_in_one_stage_are_told_apart_by_their_parameters() -> None:
    with pytest.raises(IncompleteCatalogError, match="'one' and 'special' are not told apart"):
        verify_catalogs(*mixing(SPECIAL))


@pytest.mark.parametrize("count", [-1, 3])
def test_a_dry_run_tries_no_stages_that_are_not_there(count: int) -> None:
    jobs, tasks = initialize_catalogs()
    jobs.register(replace(jobs.get("hello_world"), job_type="broken", trial_stages=count))
    with pytest.raises(IncompleteCatalogError, match="'broken' has not so many stages"):
        verify_catalogs(jobs, tasks)


def test_an_example_that_does_not_fit_is_refused() -> None:
    jobs, tasks = initialize_catalogs()
    jobs.register(replace(jobs.get("hello_world"), job_type="broken", example={"n": 0}))
    with pytest.raises(IncompleteCatalogError, match="example"):
        verify_catalogs(jobs, tasks)
