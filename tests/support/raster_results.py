"""What the tasks of the raster pipeline leave, for tests of what is planned from it."""

from datetime import UTC, datetime

from pydantic import BaseModel

from schema.contracts.process_raster import (
    BandStatistics,
    CreatedChunk,
    CreatedCog,
    CreatedItem,
    Place,
    ValidatedCog,
)
from schema.contracts.rasters import (
    BlobVersion,
    Chunking,
    Encoding,
    Grid,
    MaskKind,
    RasterDescription,
    RasterEstimate,
    RasterOptions,
    RasterPlan,
    ResamplingMethod,
    ValidatedRaster,
)
from schema.results import ErrorDetail, FileReference, OrchestrationData, StageResultContract, TaskResult
from schema.states import StageStatus, TaskStatus

WHEN = datetime(2024, 5, 1, tzinfo=UTC)
GRID = Grid(crs="EPSG:32633", transform=(10, 0, 500_000, 0, -10, 5_000_000), width=1_024, height=768)
DESCRIPTION = RasterDescription(
    driver="GTiff",
    grid=GRID,
    count=1,
    dtype="int16",
    nodata=-9999.0,
    mask=MaskKind.NODATA,
    color_interpretation=("gray",),
    has_color_table=False,
    scales=(1.0,),
    offsets=(0.0,),
    units=(None,),
    names=(None,),
    gcps=0,
    has_rpcs=False,
    area_or_point="Area",
    block=(256, 256),
    compression="DEFLATE",
    overviews=0,
    bounds=(15.0, 45.0, 15.2, 45.2),
    pixel_bytes=1_024 * 768 * 2,
)

PLACE = Place(
    footprint={
        "type": "Polygon",
        "coordinates": [[[15.0, 45.0], [15.2, 45.0], [15.2, 45.2], [15.0, 45.2], [15.0, 45.0]]],
    },
    bbox=(15.0, 45.0, 15.2, 45.2),
    code="EPSG:32633",
    wkt2="PROJCRS[]",
    grid_bbox=(500_000.0, 4_992_320.0, 510_240.0, 5_000_000.0),
)


def validated(blob: str = "in/a.tif") -> ValidatedRaster:
    source = BlobVersion(container="bronze", blob=blob, etag='"0x1"', size=10)
    return ValidatedRaster(source=source, description=DESCRIPTION, grid=GRID, warped=False, acquired=WHEN)


def planned(item_id: str = "a", chunks: int = 0) -> RasterPlan:
    """One pass, or so many chunks side by side."""
    found = validated(f"in/{item_id}.tif")
    chunking = Chunking(width=512, height=512, levels=0, columns=chunks, rows=1) if chunks else None
    return RasterPlan(
        source=found.source,
        description=found.description,
        options=RasterOptions(),
        acquired=found.acquired,
        collection_id="elevation",
        item_id=item_id,
        container="silver",
        folder=f"elevation/{item_id}/0123456789abcdef-r1",
        grid=GRID,
        warped=False,
        categorical=False,
        resampling=ResamplingMethod.BILINEAR,
        overview_resampling="average",
        encoding=Encoding(
            compression="DEFLATE", predictor=2, dtype="int16", count=1, nodata=-9999.0, mask=False
        ),
        overviews=1,
        chunking=chunking,
        estimate=RasterEstimate(pixel_bytes=1, memory_bytes=1, temporary_bytes=1, seconds=1.0),
    )


def chunk(number: int = 0) -> CreatedChunk:
    return CreatedChunk(chunk=number, pieces=(), reduced=None, valid_pixels=1)


def created(plan: RasterPlan | None = None) -> CreatedCog:
    plan = plan or planned()
    cog = BlobVersion(container=plan.container, blob=plan.cog_name, etag='"0x2"', size=20)
    return CreatedCog(plan=plan, cog=cog)


def checked(plan: RasterPlan | None = None) -> ValidatedCog:
    made = created(plan)
    return ValidatedCog(
        plan=made.plan,
        cog=made.cog,
        sha256="ab" * 32,
        source_sha256="cd" * 32,
        bands=(BandStatistics(minimum=0.0, maximum=9.0, mean=4.5, stddev=1.0, valid_percent=100.0),),
        comparison=None,
        overview=_file(made.plan, "overview.png", "image/png"),
        thumbnail=_file(made.plan, "thumbnail.png", "image/png"),
        checks=("tiled",),
        place=PLACE,
        software={"GDAL": "3"},
    )


def item(plan: RasterPlan | None = None) -> CreatedItem:
    plan = plan or planned()
    return CreatedItem(
        collection_id=plan.collection_id,
        item_id=plan.item_id,
        item=_file(plan, "item.json", "application/geo+json"),
        cog=_file(plan, f"{plan.item_id}.tif", "image/tiff"),
        overview=_file(plan, "overview.png", "image/png"),
        thumbnail=_file(plan, "thumbnail.png", "image/png"),
        bbox=(15.0, 45.0, 15.2, 45.2),
        size=20,
        sha256="ab" * 32,
    )


def stage(
    number: int,
    results: dict[str, BaseModel | ErrorDetail],
    orchestration: OrchestrationData | None = None,
) -> StageResultContract:
    """A finished stage whose tasks left these results or errors, by index."""
    tasks = tuple(_task(number, index, result) for index, result in results.items())
    failed = sum(task.status is TaskStatus.FAILED for task in tasks)
    return StageResultContract(
        stage_number=number,
        stage_key=str(number),
        status=StageStatus.COMPLETED_WITH_ERRORS if failed else StageStatus.COMPLETED,
        task_count=len(tasks),
        successful_tasks=len(tasks) - failed,
        failed_tasks=failed,
        success_rate=100.0 * (len(tasks) - failed) / len(tasks) if tasks else 100.0,
        task_results=tasks,
        completed_at=WHEN,
        orchestration=orchestration,
    )


def _task(stage_number: int, index: str, result: BaseModel | ErrorDetail) -> TaskResult:
    failed = isinstance(result, ErrorDetail)
    return TaskResult(
        task_id=f"task-{stage_number}-{index}",
        task_index=index,
        job_id="ab" * 32,
        stage_number=stage_number,
        task_type="any",
        status=TaskStatus.FAILED if failed else TaskStatus.COMPLETED,
        result_data=None if failed else result.model_dump(mode="json"),
        error_details=result if failed else None,
    )


def _file(plan: RasterPlan, name: str, media_type: str) -> FileReference:
    return FileReference(container=plan.container, blob=f"{plan.folder}/{name}", media_type=media_type)
