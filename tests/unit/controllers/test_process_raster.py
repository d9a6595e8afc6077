"""``process_raster`` as its controller declares it."""

import json
from typing import Any

import pytest
from pydantic import ValidationError

from controllers.process_raster import (
    REGISTRATION_INFO,
    ProcessRasterParameters,
    plan_assembly,
    plan_checking,
    plan_item,
    plan_pixels,
    plan_planning,
    plan_validation,
    summarize,
)
from schema.contracts.process_raster import (
    AssembleCogParameters,
    CreateChunkParameters,
    CreateCogParameters,
    CreateItemParameters,
    PlanRasterParameters,
    ValidateCogParameters,
    ValidateRasterParameters,
)
from schema.contracts.rasters import OutputProfile, RasterOptions, ResamplingMethod
from schema.raster_ids import item_id_of
from tests.support.raster_results import checked, chunk, created, item, planned, stage, validated

NEEDED = {"container": "bronze", "blob": "in/Übersicht 1.tif", "collection_id": "elevation"}
PARAMETERS = ProcessRasterParameters.model_validate({**NEEDED, "resampling": "cubic", "chunk_size": 512})
CHUNKED = {
    2: stage(2, {"raster": planned(chunks=3)}),
    3: stage(3, {f"raster-c{n:06d}": chunk(n) for n in range(3)}),
}
VALIDATED = {1: stage(1, {"raster": validated()})}
WHOLE = {2: stage(2, {"raster": planned()}), 3: stage(3, {"raster": created()})}


def given(**parameters: Any) -> ProcessRasterParameters:
    return ProcessRasterParameters.model_validate({**NEEDED, **parameters})


def identity(**parameters: Any) -> dict[str, Any]:
    """What the job's id follows from."""
    return given(**parameters).model_dump(mode="json")


def text_of(**parameters: Any) -> str:
    return json.dumps(identity(**parameters), sort_keys=True)


def test_the_source_is_looked_at_first() -> None:
    (task,) = plan_validation(PARAMETERS, None).tasks
    assert task.parameters == ValidateRasterParameters(
        container="bronze",
        blob="in/Übersicht 1.tif",
        options=RasterOptions(resampling=ResamplingMethod.CUBIC, chunk_size=512),
    )


def test_the_plan_is_made_of_what_was_found() -> None:
    (task,) = plan_planning(PARAMETERS, VALIDATED).tasks
    assert task.parameters == PlanRasterParameters(
        validated=validated(),
        options=PARAMETERS.options(),
        collection_id="elevation",
        item_id=item_id_of("in/Übersicht 1.tif"),
    )


def test_an_item_id_that_was_given_is_kept() -> None:
    (task,) = plan_planning(given(item_id="dem.2024"), VALIDATED).tasks
    assert isinstance(task.parameters, PlanRasterParameters)
    assert task.parameters.item_id == "dem.2024"


def test_a_small_raster_is_one_task() -> None:
    (task,) = plan_pixels(PARAMETERS, WHOLE).tasks
    assert (task.index, task.parameters) == ("raster", CreateCogParameters(plan=planned()))


def test_a_large_raster_is_a_task_for_each_chunk() -> None:
    tasks = plan_pixels(PARAMETERS, CHUNKED).tasks
    assert [task.index for task in tasks] == ["raster-c000000", "raster-c000001", "raster-c000002"]
    assert tasks[2].parameters == CreateChunkParameters(plan=planned(chunks=3), chunk=2)


def test_chunks_are_assembled_from_where_they_were_made() -> None:
    (task,) = plan_assembly(PARAMETERS, CHUNKED).tasks
    assert task.parameters == AssembleCogParameters(plan=planned(chunks=3), stage=3, prefix="raster-c")


def test_what_was_made_in_one_pass_is_not_assembled() -> None:
    assert list(plan_assembly(PARAMETERS, WHOLE).tasks) == []


@pytest.mark.parametrize(
    "stages", [{**WHOLE, 4: stage(4, {})}, {**CHUNKED, 4: stage(4, {"raster": created()})}]
)
def test_the_cog_is_checked_wherever_it_was_made(stages: Any) -> None:
    (task,) = plan_checking(PARAMETERS, stages).tasks
    assert task.parameters == ValidateCogParameters(created=created())


@pytest.mark.parametrize("register", [True, False])
def test_the_item_is_made_of_what_was_checked(register: bool) -> None:
    (task,) = plan_item(given(register=register), {5: stage(5, {"raster": checked()})}).tasks
    assert task.parameters == CreateItemParameters(validated=checked(), register_item=register)


@pytest.mark.parametrize(("stages", "chunks"), [(WHOLE, 0), (CHUNKED, 3)])
def test_the_result_names_the_files_and_counts_the_chunks(stages: Any, chunks: int) -> None:
    result = summarize(PARAMETERS, {**stages, 6: stage(6, {"raster": item()})})
    assert result["chunks"] == chunks
    assert result["cog"] == item().cog.model_dump()
    assert REGISTRATION_INFO.result is not None
    REGISTRATION_INFO.result.model_validate(result)


def test_a_dry_run_may_carry_out_what_only_reads() -> None:
    assert [stage.name for stage in REGISTRATION_INFO.stages[: REGISTRATION_INFO.trial_stages]] == [
        "validation",
        "planning",
    ]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({"datetime": "2024-05-01T12:00:00+02:00"}, {"datetime": "2024-05-01T10:00:00.0Z"}),
        ({"target_crs": "epsg:4326"}, {"target_crs": "EPSG:4326"}),
        ({"nodata": 0}, {"nodata": 0.0}),
        ({"nodata": 0}, {"nodata": -0.0}),
        ({"profile": "web"}, {"profile": "web", "target_crs": "epsg:3857"}),
        ({"resolution": 10}, {"resolution": 10.0}),
        ({}, {"register": True, "chunk_size": 4096, "profile": "lossless"}),
    ],
)
def test_the_same_wish_in_other_words_is_the_same_job(one: dict[str, Any], other: dict[str, Any]) -> None:
    assert text_of(**one) == text_of(**other)


@pytest.mark.parametrize(
    "parameters",
    [
        {"nodata": "nan"},
        {"register": False},
        {"datetime": "2024-05-01T10:00:00.25Z"},
        {"source_crs": 'PROJCRS["a plane",\n BASEGEOGCRS["WGS 84"]]'},
        {"profile": "web", "target_crs": "EPSG:3857"},
    ],
)
def test_what_is_stored_is_read_again(parameters: dict[str, Any]) -> None:
    assert ProcessRasterParameters.model_validate(identity(**parameters)) == given(**parameters)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("container", "No"),
        ("blob", ""),
        ("blob", "a\0b"),
        ("collection_id", "../elsewhere"),
        ("collection_id", "a" * 129),
        ("item_id", "a/b"),
        ("item_id", "a."),
        ("datetime", "2024-05-01"),
        ("datetime", "2024-05-01T10:00:00"),
        ("datetime", 1_700_000_000),
        ("datetime", "0001-01-01T00:00:00+14:00"),
        ("target_crs", "http://example.com/crs"),
        ("target_crs", "+proj=utm +zone=33"),
        ("source_crs", "/vsicurl/http://example.com"),
        ("source_crs", f'PROJCRS["{"a" * 8_000}"]'),
        ("resolution", 0),
        ("resolution", "10"),
        ("resampling", "lanczos"),
        ("profile", "best"),
        ("nodata", "inf"),
        ("nodata", True),
        ("nodata", 10**400),
        ("categorical", 1),
        ("chunk_size", 1_000),
        ("chunk_size", 32_768),
        ("register", "yes"),
    ],
)
def test_a_value_that_makes_no_sense_is_refused_where_it_stands(field: str, value: Any) -> None:
    with pytest.raises(ValidationError) as refused:
        given(**{field: value})
    assert [error["loc"] for error in refused.value.errors()] == [(field,)]


def test_the_web_is_in_web_mercator_only() -> None:
    with pytest.raises(ValidationError, match="leave target_crs out"):
        given(profile=OutputProfile.WEB, target_crs="EPSG:4326")


@pytest.mark.parametrize("unknown", ["url", "register_items", "workers"])
def test_an_unknown_parameter_is_refused(unknown: str) -> None:
    with pytest.raises(ValidationError):
        given(**{unknown: None})


def test_every_parameter_of_its_own_is_described() -> None:
    properties = REGISTRATION_INFO.parameters.model_json_schema()["properties"]
    own = properties.keys() - {"dataset_id", "resource_id", "version_id"}
    assert "register" in own
    assert all(properties[name].get("description") for name in own)
