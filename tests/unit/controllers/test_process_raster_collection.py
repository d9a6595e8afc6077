"""``process_raster_collection`` as its controller declares it."""

from collections.abc import Callable
from typing import Any

import pytest
from pydantic import BaseModel, ValidationError

from controllers.process_raster_collection import (
    REGISTRATION_INFO,
    ProcessRasterCollectionParameters,
    plan_assembly,
    plan_batch,
    plan_checking,
    plan_items,
    plan_listing,
    plan_pixels,
    plan_planning,
    plan_validation,
    summarize,
)
from orchestration.aggregation import MAX_RESULT_BYTES
from schema.contracts.containers import FileItem
from schema.contracts.list_container import AnalyzeParameters, ListingDecision
from schema.contracts.process_raster import (
    CreateBatchParameters,
    CreatedBatch,
    CreateItemParameters,
    PlanRasterParameters,
    ValidateCogParameters,
    ValidateRasterParameters,
)
from schema.contracts.rasters import Chunking
from schema.policies import FailureMode
from schema.raster_ids import item_id_of
from schema.results import (
    ErrorDetail,
    FileReference,
    OrchestrationAction,
    OrchestrationData,
    StageResultContract,
)
from schema.workflow import StagePlan
from tests.support.raster_results import WHEN, checked, chunk, created, item, planned, stage, validated

PARAMETERS = ProcessRasterCollectionParameters(container="bronze", prefix="in/", collection_id="elevation")
BROKEN = ErrorDetail(code="RASTER_TRUNCATED", message="it ends early")


def listing(*names: str, truncated: bool = False) -> StageResultContract:
    items = tuple(
        FileItem(name=name, size=10, etag=f'"{name}"', last_modified=WHEN).model_dump(mode="json")
        for name in names
    )
    action = OrchestrationAction.CREATE_TASKS if names else OrchestrationAction.COMPLETE_JOB
    decided = OrchestrationData(action=action, items=items, item_count=len(items))
    made = ListingDecision(
        orchestration=decided.model_copy(update={"items": ()}),
        container="bronze",
        listed=9,
        matched=len(names),
        truncated=truncated,
        unusable_names=0,
        processed_items=9,
    )
    return stage(1, {"listing": made}, decided)


def stages(*names: str, **results: dict[str, BaseModel | ErrorDetail]) -> dict[int, StageResultContract]:
    """The listing of these names, and later stages by ``s2``, ``s3``, ..."""
    later = {int(name[1:]): stage(int(name[1:]), found) for name, found in results.items()}
    return {1: listing(*names), **later}


def planned_tasks(plan: StagePlan) -> dict[str, Any]:
    return {task.index: task.parameters for task in plan.tasks}


def test_the_listing_gets_filter_prefix_and_limit() -> None:
    (task,) = plan_listing(PARAMETERS, None).tasks
    assert task.parameters == AnalyzeParameters(
        container="bronze", prefix="in/", filter=".tif", max_files=1_000
    )


def test_each_raster_is_looked_at_in_the_version_that_was_listed() -> None:
    tasks = planned_tasks(plan_validation(PARAMETERS, stages("in/a.tif", "in/b.tif")))
    assert list(tasks) == ["r00001", "r00002"]
    assert tasks["r00002"] == ValidateRasterParameters(
        container="bronze", blob="in/b.tif", etag='"in/b.tif"', options=PARAMETERS.options()
    )


def test_only_valid_rasters_are_planned_and_keep_their_keys() -> None:
    found = stages("in/a.tif", "in/b.tif", s2={"r00001": BROKEN, "r00002": validated("in/b.tif")})
    tasks = planned_tasks(plan_planning(PARAMETERS, found))
    assert tasks == {
        "r00002": PlanRasterParameters(
            validated=validated("in/b.tif"),
            options=PARAMETERS.options(),
            collection_id="elevation",
            item_id=item_id_of("in/b.tif"),
        )
    }


def test_rasters_of_one_stem_get_ids_of_their_own() -> None:
    names = ("in/1/b04.tif", "in/2/b04.tif")
    found = stages(*names, s2={"r00001": validated(names[0]), "r00002": validated(names[1])})
    ids = [task.item_id for task in planned_tasks(plan_planning(PARAMETERS, found)).values()]
    assert len(set(ids)) == 2
    assert all(item_id.startswith("b04-") for item_id in ids)


def test_an_id_does_not_depend_on_which_others_are_valid() -> None:
    names = ("in/1/b04.tif", "in/2/b04.tif")
    both = stages(*names, s2={"r00001": validated(names[0]), "r00002": validated(names[1])})
    one = stages(*names, s2={"r00001": BROKEN, "r00002": validated(names[1])})
    assert (
        planned_tasks(plan_planning(PARAMETERS, both))["r00002"]
        == planned_tasks(plan_planning(PARAMETERS, one))["r00002"]
    )


def test_pixels_are_made_in_one_pass_or_in_chunks_those_in_one_pass_first() -> None:
    found = stages("a.tif", "b.tif", s3={"r00001": planned("a", chunks=2), "r00002": planned("b")})
    assert list(planned_tasks(plan_pixels(PARAMETERS, found))) == [
        "r00002",
        "r00001-c000000",
        "r00001-c000001",
    ]


def test_more_chunks_than_a_job_makes_are_refused_with_a_reason() -> None:
    large = planned("a").model_copy(
        update={"chunking": Chunking(width=512, height=512, levels=0, columns=400, rows=400)}
    )
    plan = plan_pixels(PARAMETERS, stages("a.tif", s3={"r00001": large}))
    assert plan.action is OrchestrationAction.FAIL_JOB
    assert "160000 chunks" in (plan.reason or "")


def test_a_raster_is_assembled_if_all_its_chunks_were_made() -> None:
    plans: dict[str, BaseModel | ErrorDetail] = {
        "r00001": planned("a", chunks=2),
        "r00002": planned("b", chunks=2),
        "r00003": planned("c"),
    }
    made: dict[str, BaseModel | ErrorDetail] = {
        "r00003": created(planned("c")),
        "r00001-c000000": chunk(0),
        "r00001-c000001": BROKEN,
        "r00002-c000000": chunk(0),
        "r00002-c000001": chunk(1),
    }
    found = stages("a.tif", "b.tif", "c.tif", s3=plans, s4=made)
    assert list(planned_tasks(plan_assembly(PARAMETERS, found))) == ["r00002"]


def test_a_chunk_whose_result_was_left_out_was_made_all_the_same() -> None:
    found = stages("a.tif", s3={"r00001": planned("a", chunks=1)}, s4={"r00001-c000000": chunk(0)})
    found[4] = without_result(found[4], "r00001-c000000")
    assert list(planned_tasks(plan_assembly(PARAMETERS, found))) == ["r00001"]


def without_result(found: StageResultContract, index: str) -> StageResultContract:
    """As the engine leaves it where the results of the stage are too large together."""
    tasks = tuple(
        task.model_copy(update={"result_data": None}) if task.task_index == index else task
        for task in found.task_results
    )
    return found.model_copy(update={"task_results": tasks})


@pytest.mark.parametrize(
    ("plan", "number"),
    [
        (plan_planning, 2),
        (plan_pixels, 3),
        (plan_assembly, 3),
        (plan_checking, 4),
        (plan_checking, 5),
        (plan_items, 6),
    ],
)
def test_a_raster_whose_result_was_left_out_fails_the_job_rather_than_being_lost(
    plan: Callable[[ProcessRasterCollectionParameters, dict[int, StageResultContract]], StagePlan],
    number: int,
) -> None:
    names = ("in/a.tif", "in/b.tif")
    keys = ("r00001", "r00002")
    found = stages(
        *names,
        s2={key: validated(name) for key, name in zip(keys, names, strict=True)},
        s3=dict.fromkeys(keys, planned()),
        s4=dict.fromkeys(keys, created()),
        s5=dict.fromkeys(keys, created()),
        s6=dict.fromkeys(keys, checked()),
    )
    found[number] = without_result(found[number], "r00002")

    failed = plan(PARAMETERS, found)

    assert failed.action is OrchestrationAction.FAIL_JOB
    assert f"1 do not fit into the {MAX_RESULT_BYTES // 10**6} MB" in (failed.reason or "")
    assert "max_files" in (failed.reason or "")


def test_cogs_are_checked_in_the_order_of_the_listing() -> None:
    one, other = created(planned("a", chunks=1)), created(planned("b"))
    found = stages("a.tif", "b.tif", s4={"r00002": other, "r00001-c000000": chunk(0)}, s5={"r00001": one})
    assert planned_tasks(plan_checking(PARAMETERS, found)) == {
        "r00001": ValidateCogParameters(created=one),
        "r00002": ValidateCogParameters(created=other),
    }


def test_where_no_raster_is_left_the_job_fails_with_the_first_reason() -> None:
    found = stages("a.tif", "b.tif", s2={"r00001": BROKEN}, s4={"r00002-c000000": chunk(0)}, s5={})
    plan = plan_checking(PARAMETERS, found)
    assert plan.action is OrchestrationAction.FAIL_JOB
    assert plan.reason == "no raster got through: a.tif: RASTER_TRUNCATED: it ends early"


def test_items_are_made_of_what_was_checked() -> None:
    found = stages("a.tif", "b.tif", s6={"r00001": checked(), "r00002": BROKEN})
    assert planned_tasks(plan_items(PARAMETERS, found)) == {
        "r00001": CreateItemParameters(validated=checked(), register_item=True)
    }


def test_the_batch_expects_the_items_that_were_made() -> None:
    (task,) = plan_batch(PARAMETERS, stage(7, {"r00001": item(), "r00002": BROKEN})).tasks
    assert task.parameters == CreateBatchParameters(collection_id="elevation", stage=7, expected=1)


def test_the_result_tells_of_each_failure_once_with_blob_stage_and_code() -> None:
    batch = FileReference(container="silver", blob="b.ndjson", media_type="application/x-ndjson")
    made = CreatedBatch(collection_id="elevation", batch=batch, items=1, processed_items=1)
    found = stages(
        "a.tif",
        "b.tif",
        "c.tif",
        s2={"r00002": BROKEN},
        s4={"r00001": created(), "r00003-c000000": BROKEN, "r00003-c000001": BROKEN},
        s7={"r00001": item()},
        s8={"batch": made},
    )
    result = summarize(PARAMETERS, found)
    assert (result["rasters"], result["items"], result["failed"]) == (3, 1, 2)
    assert result["failures"] == [
        {"blob": "b.tif", "stage": 2, "code": "RASTER_TRUNCATED", "message": "it ends early"},
        {"blob": "c.tif", "stage": 4, "code": "RASTER_TRUNCATED", "message": "it ends early"},
    ]
    assert result["batch"] == batch.model_dump()


def test_no_match_is_a_result_of_zeros() -> None:
    result = summarize(PARAMETERS, {1: listing(truncated=False)})
    assert (result["rasters"], result["items"], result["failed"], result["batch"]) == (0, 0, 0, None)


def test_one_raster_that_gets_through_is_enough_but_none_is_not() -> None:
    policies = {number: one.failure for number, one in enumerate(REGISTRATION_INFO.stages, start=1)}
    assert {number for number, policy in policies.items() if policy.mode is FailureMode.FAIL_FAST} == {1, 8}
    assert all(0 < policies[number].min_success_rate <= 100 / 50_000 for number in (2, 3, 4, 6, 7))
    assert policies[5].min_success_rate == 0


@pytest.mark.parametrize(
    "changed",
    [{"filter": None}, {"max_files": 0}, {"max_files": 2_001}, {"item_id": "a"}, {"blob": "a.tif"}],
)
def test_parameters_that_make_no_sense_are_refused(changed: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        ProcessRasterCollectionParameters.model_validate(
            {"container": "bronze", "collection_id": "elevation", **changed}
        )


def test_every_parameter_of_its_own_is_described() -> None:
    properties = REGISTRATION_INFO.parameters.model_json_schema()["properties"]
    own = properties.keys() - {"dataset_id", "resource_id", "version_id"}
    assert all(properties[name].get("description") for name in own)
