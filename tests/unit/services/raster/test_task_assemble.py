"""The assembly commits the chunks' blocks in the file's order, once, whatever happened before."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import rasterio
from rasterio.transform import Affine

from interfaces.blobs import BlobInfo
from schema.contracts.process_raster import AssembleCogParameters, CreatedCog
from schema.contracts.rasters import RasterPlan
from schema.errors import PermanentTaskError, TaskCancelledError, TaskError
from schema.results import FileReference
from services.raster.block_ids import block_id
from services.raster.tasks.assemble import COG_TYPE, run
from tests.fakes.blobs import FakeBlobRepository
from tests.fakes.task_context import FakeTaskContext
from tests.support.chunked_cogs import assert_levels_equal, stage_chunks
from tests.support.raster_plans import plan_of

STAGE = 3
PREFIX = "chunk-"


@dataclass
class Scene:
    """All chunks of a raster of 1,030 x 700 pixels are staged; ``parts`` are their reduced pixels."""

    blobs: FakeBlobRepository
    context: FakeTaskContext
    plan: RasterPlan
    source: Path
    folder: Path

    def assemble(self) -> CreatedCog:
        return run(AssembleCogParameters(plan=self.plan, stage=STAGE, prefix=PREFIX), self.context)

    def code_of_failure(self) -> str:
        with pytest.raises(PermanentTaskError) as failure:
            self.assemble()
        return failure.value.error_code

    def chunk(self, number: int) -> dict:
        return self.context.stages[STAGE][f"{PREFIX}{number:06d}"]

    @property
    def names(self) -> list[str]:
        return sorted(self.blobs.containers["silver"])

    @property
    def staged(self) -> dict[str, bytes]:
        return self.blobs.staged[("silver", self.plan.cog_name)]


@pytest.fixture
def scene(tmp_path: Path) -> Scene:
    source = tmp_path / "source.tif"
    pixels = np.random.default_rng(2).integers(0, 50, (1, 700, 1030)).astype("uint8")
    place = {"crs": "EPSG:32633", "transform": Affine(10, 0, 500_000, 0, -10, 5_000_000)}
    with rasterio.open(
        source, "w", driver="GTiff", dtype="uint8", count=1, width=1030, height=700, **place
    ) as dataset:
        dataset.write(pixels)
    blobs = FakeBlobRepository(containers={"bronze": {}, "silver": {}})
    info = blobs.put("bronze", "source.tif", source.read_bytes())
    plan = plan_of(source, chunk=512, levels=0)
    pinned = plan.source.model_copy(update={"etag": info.etag})
    scene = Scene(
        blobs,
        FakeTaskContext(blobs, stages={STAGE: {}}),
        plan.model_copy(update={"source": pinned}),
        source,
        tmp_path,
    )
    _stage(scene)
    return scene


def _stage(scene: Scene) -> None:
    made = stage_chunks(scene.source, scene.plan, scene.folder)
    for name, data in made.blocks.items():
        scene.blobs.stage_block("silver", scene.plan.cog_name, name, data)
    for chunk, part in zip(made.chunks, made.parts, strict=True):
        name = f"{scene.plan.folder}/parts/{part}"
        scene.blobs.put("silver", name, (scene.folder / part).read_bytes())
        reduced = FileReference(container="silver", blob=name, media_type="image/tiff")
        result = chunk.model_copy(update={"reduced": reduced}).model_dump(mode="json")
        scene.context.stages[STAGE][f"{PREFIX}{chunk.chunk:06d}"] = result


def test_the_cog_is_the_raster(scene: Scene) -> None:
    created = scene.assemble()

    info, data = scene.blobs.containers["silver"][scene.plan.cog_name]
    assert (created.cog.etag, created.cog.size, info.content_type) == (info.etag, len(data), COG_TYPE)
    cog = scene.folder / "cog.tif"
    cog.write_bytes(data)
    assert_levels_equal(cog, scene.plan, scene.source)


def test_only_the_cog_is_left(scene: Scene) -> None:
    scene.blobs.put("silver", f"{scene.plan.folder}/parts/000000-a9.tif", b"of an attempt that died")

    scene.assemble()

    assert scene.names == [scene.plan.cog_name]


def test_parts_that_cannot_be_deleted_do_no_harm(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(container: str, blob: str) -> None:
        raise PermanentTaskError("no", "BLOB_REFUSED")

    monkeypatch.setattr(scene.blobs, "delete", refuse)

    assert scene.assemble().cog.size > 0


def test_a_retry_after_the_commit_takes_the_cog_as_it_is(scene: Scene) -> None:
    first = scene.assemble()

    scene.context.attempt = 2
    again = scene.assemble()

    assert again == first


def test_another_file_of_that_name_is_left_alone(scene: Scene) -> None:
    scene.blobs.stage_block("silver", scene.plan.cog_name, block_id(1, 1, 99, 7), b"other")
    scene.blobs.commit_blocks("silver", scene.plan.cog_name, [block_id(1, 1, 99, 7)], "image/tiff")

    assert scene.code_of_failure() == "RASTER_OUTPUT_EXISTS"
    assert scene.blobs.containers["silver"][scene.plan.cog_name][1] == b"other"


def test_blocks_of_other_attempts_are_not_committed(scene: Scene) -> None:
    scene.blobs.stage_block("silver", scene.plan.cog_name, block_id(1, 9, 0, 0), b"a zombie's")

    scene.assemble()

    committed = scene.blobs.blocks("silver", scene.plan.cog_name)
    assert block_id(1, 9, 0, 0) not in committed


def test_a_block_that_is_gone_fails_with_a_code(scene: Scene) -> None:
    del scene.staged[block_id(1, 1, 0, 3)]

    assert scene.code_of_failure() == "RASTER_BLOCKS_LOST"


def test_a_block_of_another_size_fails_with_a_code(scene: Scene) -> None:
    scene.staged[block_id(1, 1, 0, 3)] += b"x"

    assert scene.code_of_failure() == "RASTER_BLOCKS_LOST"


def test_a_raster_without_valid_pixels_is_refused_and_leaves_nothing(scene: Scene) -> None:
    for chunk in scene.context.stages[STAGE].values():
        chunk["valid_pixels"] = 0

    assert scene.code_of_failure() == "RASTER_ALL_NODATA"
    assert scene.names == []


def test_chunks_with_other_jpeg_tables_are_refused(scene: Scene) -> None:
    scene.chunk(2)["jpeg_tables"] = "AAAA"

    assert scene.code_of_failure() == "RASTER_CHUNKS_INCONSISTENT"


def test_tiles_that_do_not_add_up_are_refused(scene: Scene) -> None:
    scene.chunk(1)["pieces"][0]["tile_sizes"][0] += 1

    assert scene.code_of_failure() == "RASTER_CHUNKS_INCONSISTENT"


def test_a_source_that_was_replaced_is_not_read(scene: Scene) -> None:
    scene.blobs.put("bronze", "source.tif", scene.source.read_bytes())

    assert scene.code_of_failure() == "BLOB_CHANGED"


def test_a_stopped_task_commits_nothing(scene: Scene) -> None:
    scene.context.stop_after = 7

    with pytest.raises(TaskCancelledError):
        scene.assemble()

    assert scene.plan.cog_name not in scene.names


def test_two_attempts_at_once_end_with_the_same_cog(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    parameters = AssembleCogParameters(plan=scene.plan, stage=STAGE, prefix=PREFIX)
    other = FakeTaskContext(scene.blobs, attempt=2, stages=scene.context.stages)
    commit = scene.blobs.commit_blocks

    def commit_second(container: str, blob: str, block_ids: list[str], content_type: str) -> BlobInfo:
        monkeypatch.setattr(scene.blobs, "commit_blocks", commit)
        run(parameters, other)
        return commit(container, blob, block_ids, content_type)

    monkeypatch.setattr(scene.blobs, "commit_blocks", commit_second)

    created = scene.assemble()

    assert created.cog.etag == scene.blobs.info("silver", scene.plan.cog_name).etag
    assert any("-a0002-" in one for one in scene.blobs.blocks("silver", scene.plan.cog_name))


def test_parts_deleted_by_another_attempt_after_its_commit_are_not_missed(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    parameters = AssembleCogParameters(plan=scene.plan, stage=STAGE, prefix=PREFIX)
    other = FakeTaskContext(scene.blobs, attempt=2, stages=scene.context.stages)
    info = scene.blobs.info

    def info_second(container: str, blob: str) -> BlobInfo:
        monkeypatch.setattr(scene.blobs, "info", info)
        run(parameters, other)
        return info(container, blob)

    monkeypatch.setattr("services.raster.tasks.assemble._CONNECTIONS", 1)
    monkeypatch.setattr(scene.blobs, "info", info_second)

    created = scene.assemble()

    assert created.cog.etag == scene.blobs.info("silver", scene.plan.cog_name).etag
    assert any("-a0002-" in one for one in scene.blobs.blocks("silver", scene.plan.cog_name))


def test_a_part_that_is_gone_without_a_commit_fails_with_a_code(scene: Scene) -> None:
    scene.blobs.delete("silver", f"{scene.plan.folder}/parts/chunk-000002.tif")

    assert scene.code_of_failure() == "RASTER_BLOCKS_LOST"


def test_another_failure_to_read_a_part_is_passed_on(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> BlobInfo:
        raise PermanentTaskError("no", "BLOB_REFUSED")

    monkeypatch.setattr(scene.blobs, "info", refuse)

    assert scene.code_of_failure() == "BLOB_REFUSED"


def test_another_failure_of_the_commit_is_passed_on(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> BlobInfo:
        raise TaskError("no", "BLOB_UNAVAILABLE")

    monkeypatch.setattr(scene.blobs, "commit_blocks", fail)

    with pytest.raises(TaskError) as failure:
        scene.assemble()

    assert failure.value.error_code == "BLOB_UNAVAILABLE"
