"""What job types are made of, and what crosses the engine's boundary."""

from typing import Any

import pytest
from pydantic import ValidationError

from schema.errors import IncompleteCatalogError
from schema.policies import ErrorClass, FailurePolicy, RetryPolicy
from schema.results import ErrorDetail, OrchestrationAction, OrchestrationData
from schema.workflow import JobParameters, StagePlan
from tests.unit.orchestration.trial import TrialParameters, job_type, stage, work


def test_a_stage_is_found_by_its_number() -> None:
    (registration,) = job_type(stage(name="first"), stage(name="second"))
    assert [registration.stage(number).name for number in (1, 2)] == ["first", "second"]


@pytest.mark.parametrize("number", [0, -1, 3])
def test_a_stage_that_is_not_there_is_named(number: int) -> None:
    (registration,) = job_type(stage(), stage())
    with pytest.raises(IncompleteCatalogError, match=f"job type 'trial' has no stage {number}"):
        registration.stage(number)


def test_a_job_has_all_stages_unless_its_type_says_otherwise() -> None:
    parameters = TrialParameters()
    assert job_type(stage(), stage())[0].total_stages(parameters) == 2
    assert job_type(stage(), stage(), stage_count=lambda _: 1)[0].total_stages(parameters) == 1


@pytest.mark.parametrize(
    ("plan", "action", "reason"),
    [
        (StagePlan.of(work(1)), OrchestrationAction.CREATE_TASKS, None),
        (StagePlan.complete_job("nothing there"), OrchestrationAction.COMPLETE_JOB, "nothing there"),
        (StagePlan.fail_job("too large"), OrchestrationAction.FAIL_JOB, "too large"),
    ],
)
def test_a_plan_says_what_follows(plan: StagePlan, action: OrchestrationAction, reason: str | None) -> None:
    assert (plan.action, plan.reason) == (action, reason)


@pytest.mark.parametrize("fields", [{"unknown": 1}, {"dataset_id": 5}])
def test_parameters_are_closed_and_typed(fields: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        JobParameters(**fields)


def test_a_decision_counts_its_items() -> None:
    data = {"action": "create_tasks", "items": [1, "b"], "item_count": 2}
    assert OrchestrationData.model_validate(data).items == (1, "b")


@pytest.mark.parametrize("count", [0, 1, 3])
def test_a_decision_whose_count_is_wrong_is_refused(count: int) -> None:
    with pytest.raises(ValidationError, match=f"item_count is {count}, but there are 2 items"):
        OrchestrationData(action=OrchestrationAction.CREATE_TASKS, items=(1, 2), item_count=count)


def test_a_decision_may_count_items_that_it_does_not_carry() -> None:
    assert OrchestrationData(action=OrchestrationAction.CREATE_TASKS, item_count=9).items == ()


@pytest.mark.parametrize(
    "fields", [{"attempts": 0}, {"attempts": 101}, {"factor": 0.5}, {"jitter": 1.5}, {"unknown": 1}]
)
def test_a_retry_policy_is_checked(fields: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        RetryPolicy(**fields)


@pytest.mark.parametrize("rate", [-1, 100.5])
def test_a_success_rate_is_a_percentage(rate: float) -> None:
    with pytest.raises(ValidationError):
        FailurePolicy(min_success_rate=rate)


def test_an_error_says_of_which_class_it_was() -> None:
    error = ErrorDetail(code="BROKEN", message="it broke", error_class=ErrorClass.LOST)
    assert ErrorDetail.model_validate_json(error.model_dump_json()) == error
