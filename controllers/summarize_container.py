"""``summarize_container``: what a container holds, in figures."""

from collections.abc import Mapping
from typing import Annotated

from pydantic import Field

from schema.contracts.containers import ContainerName, Prefix
from schema.contracts.summarize_container import SUMMARIZE, ContainerFigures, SummarizeParameters
from schema.json_types import JSONObject
from schema.results import StageResultContract
from schema.workflow import JobParameters, JobRegistration, StageDefinition, StagePlan, TaskDefinition


class SummarizeContainerParameters(JobParameters):
    container: ContainerName
    prefix: Prefix = ""
    max_files: Annotated[
        int | None, Field(ge=1, strict=True, description="count no more files than this; none: all")
    ] = None


def plan_summary(parameters: SummarizeContainerParameters, _: StageResultContract | None) -> StagePlan:
    """One task, which pages through the whole container."""
    summary = SummarizeParameters(
        container=parameters.container, prefix=parameters.prefix, max_files=parameters.max_files
    )
    return StagePlan.of([TaskDefinition("summary", summary)])


def summarize(_: SummarizeContainerParameters, stages: Mapping[int, StageResultContract]) -> JSONObject:
    """What the one task found."""
    found = stages[1].task_results[0].result_data or {}
    return {key: value for key, value in found.items() if key != "processed_items"}


REGISTRATION_INFO = JobRegistration(
    job_type="summarize_container",
    description="Counts a container's files and bytes by extension, size, month and folder, and names the "
    "largest, the newest and those with unreadable names.",
    parameters=SummarizeContainerParameters,
    stages=(StageDefinition("summary", SUMMARIZE, plan_summary),),
    summarize=summarize,
    example={"container": "bronze", "prefix": ""},
    result=ContainerFigures,
)
