"""``hello_world``: n greetings in parallel, then a reply to each. The smallest job with two stages."""

from collections.abc import Mapping, Sequence
from typing import Annotated

from pydantic import Field

from schema.contracts.hello_world import (
    GREETING,
    REPLY,
    GreetingParameters,
    GreetingResult,
    HelloWorldResult,
    ReplyParameters,
)
from schema.json_types import JSONObject
from schema.results import StageResultContract, TaskResult
from schema.workflow import JobParameters, JobRegistration, StageDefinition, StagePlan, TaskDefinition


class HelloWorldParameters(JobParameters):
    """``fail_at`` is the number of a greeting that fails, for trials."""

    n: Annotated[int, Field(ge=1, le=10_000, strict=True, description="how many greetings")] = 3
    message: Annotated[str, Field(max_length=1_000, description="what each greeting says")] = "hello"
    fail_at: Annotated[int, Field(ge=0, strict=True)] | None = None


def plan_greetings(parameters: HelloWorldParameters, _: StageResultContract | None) -> StagePlan:
    """One greeting for each number from 0 to n - 1."""
    return StagePlan.of(
        [
            TaskDefinition(
                str(number),
                GreetingParameters(
                    number=number, message=parameters.message, fail=number == parameters.fail_at
                ),
            )
            for number in range(parameters.n)
        ]
    )


def plan_replies(_: HelloWorldParameters, previous: StageResultContract | None) -> StagePlan:
    """One reply to each greeting, read by the task that writes it."""
    greeted: Sequence[TaskResult] = () if previous is None else previous.task_results
    return StagePlan.of(
        [
            TaskDefinition(
                task.task_index,
                ReplyParameters(
                    number=GreetingResult.model_validate(task.result_data).number,
                    partner_index=task.task_index,
                ),
            )
            for task in greeted
        ]
    )


def summarize(parameters: HelloWorldParameters, stages: Mapping[int, StageResultContract]) -> JSONObject:
    return HelloWorldResult(
        message=parameters.message,
        greetings=stages[1].successful_tasks,
        replies=stages[2].successful_tasks,
    ).model_dump(mode="json")


REGISTRATION_INFO = JobRegistration(
    job_type="hello_world",
    description="Greets n times in parallel, then replies to each greeting: for trying things out.",
    parameters=HelloWorldParameters,
    stages=(
        StageDefinition("greetings", GREETING, plan_greetings),
        StageDefinition("replies", REPLY, plan_replies),
    ),
    summarize=summarize,
    example={"n": 3, "message": "hello"},
    result=HelloWorldResult,
)
