"""The two tasks that make pixels: what they leave in storage, and what they do when something goes wrong."""

from pathlib import Path

import numpy as np
import pytest
import rasterio
from rasterio.io import MemoryFile

from schema.contracts.process_raster import CreateChunkParameters, CreateCogParameters, CreatedChunk
from schema.contracts.rasters import BlobVersion, RasterPlan
from schema.errors import PermanentTaskError, TaskCancelledError
from services.raster.tasks import create_chunk, create_cog
from tests.fakes.blobs import FakeBlobRepository
from tests.fakes.sandbox import FakeSandbox
from tests.fakes.task_context import FakeTaskContext
from tests.support.raster_plans import plan_of
from tests.unit.services.raster.test_cog import smooth, written

pytestmark = pytest.mark.filterwarnings("ignore::rasterio.errors.NotGeoreferencedWarning")


class World:
    """A source in storage, and its plan."""

    def __init__(
        self, folder: Path, pixels: np.ndarray, *, chunk: int | None = None, levels: int = 0
    ) -> None:
        path = written(folder / "a.tif", pixels, nodata=0)
        self.pixels = pixels
        self.blobs = FakeBlobRepository(containers={"silver": {}})
        info = self.blobs.put("bronze", "a.tif", path.read_bytes())
        version = BlobVersion(container="bronze", blob="a.tif", etag=info.etag, size=info.size)
        plan = plan_of(path, chunk=chunk, levels=levels)
        self.plan: RasterPlan = plan.model_copy(update={"source": version})
        self.sandbox = FakeSandbox()

    def context(self, *, attempt: int = 1, stop_after: int | None = None) -> FakeTaskContext:
        return FakeTaskContext(self.blobs, attempt=attempt, stop_after=stop_after, sandbox=self.sandbox)

    def cog(self, **context: int) -> rasterio.DatasetReader:
        created = create_cog.run(CreateCogParameters(plan=self.plan), self.context(**context))
        assert created.cog.blob == self.plan.cog_name
        assert created.cog.etag == self.blobs.info("silver", created.cog.blob).etag
        return MemoryFile(self.blobs.containers["silver"][created.cog.blob][1]).open()

    def chunk(self, number: int, **context: int) -> CreatedChunk:
        parameters = CreateChunkParameters(plan=self.plan, chunk=number)
        return create_chunk.run(parameters, self.context(**context))

    def replace_source(self) -> None:
        self.blobs.put("bronze", "a.tif", self.blobs.containers["bronze"]["a.tif"][1])

    @property
    def staged(self) -> dict[str, bytes]:
        return self.blobs.staged.get(("silver", self.plan.cog_name), {})


@pytest.fixture
def small(tmp_path: Path) -> World:
    return World(tmp_path, smooth(1, 60, 70))


@pytest.fixture
def large(tmp_path: Path) -> World:
    return World(tmp_path, smooth(1, 1_100, 1_200), chunk=512)


def test_a_cog_appears_with_the_sources_pixels(small: World) -> None:
    with small.cog() as dataset:
        np.testing.assert_array_equal(dataset.read(), small.pixels)


def test_a_small_source_is_copied_once_and_not_read_by_ranges(small: World) -> None:
    small.cog().close()
    assert small.blobs.reads == [(0, small.plan.source.size)]


def test_a_large_source_is_read_by_ranges(small: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(create_cog, "MOST_STAGED", 10)
    with small.cog() as dataset:
        np.testing.assert_array_equal(dataset.read(), small.pixels)


def test_a_second_attempt_finds_the_cog_of_the_first(small: World) -> None:
    small.cog().close()
    first = small.blobs.info("silver", small.plan.cog_name)
    small.cog(attempt=2).close()
    assert small.blobs.info("silver", small.plan.cog_name) == first


def test_another_file_of_that_name_stays(small: World) -> None:
    small.blobs.put("silver", small.plan.cog_name, b"somebody else's")
    with pytest.raises(PermanentTaskError) as refused:
        small.cog()
    assert refused.value.error_code == "RASTER_OUTPUT_EXISTS"
    assert small.blobs.containers["silver"][small.plan.cog_name][1] == b"somebody else's"


def test_a_replaced_source_leaves_no_cog(small: World) -> None:
    small.replace_source()
    with pytest.raises(PermanentTaskError) as refused:
        small.cog()
    assert refused.value.error_code == "BLOB_CHANGED"
    assert not small.blobs.containers["silver"]


def test_a_stopped_task_leaves_no_cog(small: World) -> None:
    with pytest.raises(TaskCancelledError):
        small.cog(stop_after=2)
    assert not small.blobs.containers["silver"]
    assert small.sandbox.open == 0


def test_a_chunk_is_staged_level_by_level_and_not_seen(large: World) -> None:
    created = large.chunk(4, attempt=2)
    assert [piece.block_id for piece in created.pieces] == ["r0001-a0002-l00-c00000004"]
    assert {name: len(data) for name, data in large.staged.items()} == {
        piece.block_id: piece.size for piece in created.pieces
    }
    assert large.plan.cog_name not in large.blobs.containers["silver"]


def test_a_chunk_keeps_its_last_level_for_the_overviews_above(large: World) -> None:
    created = large.chunk(4, attempt=3)
    assert created.reduced is not None
    assert created.reduced.blob == f"{large.plan.folder}/parts/000004-a3.tif"
    with MemoryFile(large.blobs.containers["silver"][created.reduced.blob][1]).open() as dataset:
        np.testing.assert_array_equal(dataset.read(), large.pixels[:, 512:1_024, 512:1_024])


def test_a_chunk_that_makes_all_overviews_keeps_nothing(tmp_path: Path) -> None:
    world = World(tmp_path, smooth(1, 900, 800), chunk=1_024, levels=1)
    created = world.chunk(0)
    assert created.reduced is None
    assert [piece.level for piece in created.pieces] == [0, 1]
    assert not world.blobs.containers["silver"]


def test_attempts_of_a_chunk_never_mix(large: World) -> None:
    first, second = large.chunk(0, attempt=1), large.chunk(0, attempt=2)
    assert len(large.staged) == len(first.pieces) + len(second.pieces)
    assert first.reduced is not None
    assert second.reduced is not None
    assert first.reduced.blob != second.reduced.blob


def test_a_chunk_of_a_replaced_source_stages_nothing(large: World) -> None:
    large.replace_source()
    with pytest.raises(PermanentTaskError) as refused:
        large.chunk(0)
    assert refused.value.error_code == "BLOB_CHANGED"
    assert not large.staged


def test_a_stopped_chunk_stages_nothing_more(large: World) -> None:
    with pytest.raises(TaskCancelledError):
        large.chunk(0, stop_after=1)
    assert not large.staged


def test_both_tasks_may_stand_in_one_stage() -> None:
    one, other = create_cog.INFO, create_chunk.INFO
    assert (one.retry, one.lease, one.timeout) == (other.retry, other.lease, other.timeout)
