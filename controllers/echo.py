"""``echo``: gives back what it was given, for trying out clients and for conformance tests."""

from collections.abc import Mapping
from typing import Annotated

from pydantic import Field

from schema.contracts.echo import ECHO, EchoParameters, EchoResult
from schema.json_types import JSONObject
from schema.results import StageResultContract
from schema.workflow import JobParameters, JobRegistration, StageDefinition, StagePlan, TaskDefinition


class EchoJobParameters(JobParameters):
    message: Annotated[str, Field(max_length=1_000, description="what comes back")]
    note: Annotated[str, Field(max_length=1_000, description="comes back, too")] = ""
    pause: Annotated[
        int, Field(ge=0, le=60, strict=True, description="seconds that pass before the answer")
    ] = 0


def plan_echo(parameters: EchoJobParameters, _: StageResultContract | None) -> StagePlan:
    """One task, which waits and answers."""
    said = EchoParameters(message=parameters.message, note=parameters.note, pause=parameters.pause)
    return StagePlan.of([TaskDefinition("echo", said)])


def summarize(_: EchoJobParameters, stages: Mapping[int, StageResultContract]) -> JSONObject:
    """What the one task answered."""
    return stages[1].task_results[0].result_data or {}


REGISTRATION_INFO = JobRegistration(
    job_type="echo",
    description="Gives back the texts that it was given, after a pause if one is asked for.",
    parameters=EchoJobParameters,
    stages=(StageDefinition("echo", ECHO, plan_echo),),
    summarize=summarize,
    example={"message": "hello", "pause": 5},
    result=EchoResult,
)
