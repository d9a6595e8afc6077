"""What a controller may still decide about a stage that failed."""

from collections.abc import Callable
from typing import Any

import pytest

from schema.errors import PermanentTaskError
from schema.results import OrchestrationAction, OrchestrationData
from schema.states import JobStatus
from tests.support.system import FakeSystem
from tests.unit.orchestration.trial import (
    WorkResult,
    ended,
    error_code,
    handlers,
    job_type,
    raising,
    run_work,
    stage,
)

MakeSystem = Callable[..., FakeSystem]


def _decide(action: OrchestrationAction) -> Callable[..., OrchestrationData]:
    return lambda _parameters, _result: OrchestrationData(action=action)


def test_a_failed_stage_is_retried_where_its_controller_says_so(make_system: MakeSystem) -> None:
    attempts: list[int] = []

    def work(parameters: Any, context: Any) -> WorkResult:
        attempts.append(context.attempt)
        if len(attempts) == 1:
            raise PermanentTaskError("not yet", "NOT_YET")
        return run_work(parameters, context)

    def decide(_: Any, result: Any) -> OrchestrationData:
        retry = result.failed_tasks > 0
        action = OrchestrationAction.RETRY_STAGE if retry else OrchestrationAction.COMPLETE_JOB
        return OrchestrationData(action=action)

    system = make_system(job_type(stage(decide=decide)), handlers(work))
    assert ended(system, {"n": 1}).status is JobStatus.COMPLETED
    assert attempts == [1, 2]


@pytest.mark.parametrize("action", [OrchestrationAction.COMPLETE_JOB, OrchestrationAction.CREATE_TASKS])
def test_any_other_decision_leaves_the_failure_as_it_is(
    make_system: MakeSystem, action: OrchestrationAction
) -> None:
    broken = raising(PermanentTaskError("gone", "GONE"))
    system = make_system(job_type(stage(decide=_decide(action)), stage()), handlers(broken))
    assert error_code(ended(system)) == "GONE"


def test_what_a_controllers_error_says_is_for_the_log_only(
    make_system: MakeSystem, caplog: pytest.LogCaptureFixture
) -> None:
    system = make_system(job_type(stage(raising(ValueError("quotes a secret")))), handlers())
    job = ended(system)
    assert job.error is not None
    assert "ValueError" in job.error.message
    assert "secret" not in job.error.message
    assert "quotes a secret" in caplog.text
