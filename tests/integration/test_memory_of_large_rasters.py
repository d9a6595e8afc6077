"""What children take for a raster of 20 GB: no more than for any other; and the worker hardly anything."""

import os
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from shutil import copyfile
from time import monotonic
from typing import Any

import numpy as np
import pytest

from benchmarks.usage import measure
from interfaces.sandbox import LocalFile, Workspace
from repositories.sandbox import ChildSandbox
from schema.contracts.process_raster import ChunkPiece, CreatedChunk
from schema.contracts.rasters import BlobVersion, RasterOptions, RasterPlan, ValidatedRaster
from schema.errors import PermanentTaskError
from services.raster.assemblies import AssembleRequest, AssembleResult
from services.raster.descriptions import DescribeRequest, DescribeResult
from services.raster.layout import LevelGrid, chunk_grids
from services.raster.mosaic import write_part
from services.raster.planning import Destination, planned
from services.raster.products import ChunkRequest, ChunkResult
from services.raster.tasks.validate import LIMITS
from tests.architecture.source import ROOT
from tests.fakes.blobs import FakeBlobRepository
from tests.fakes.task_context import FakeTaskContext
from tests.support.large_rasters import SIDE, Peak, measured, write_sparse
from tests.support.rasters import real_file

MOST_OF_A_CHILD = 1_200_000_000
MOST_OF_THE_WORKER = 200_000_000
"""How much it may grow by; what it moves are pieces of 8 MB."""

SOURCE = "source"
DENSE_ROW = DENSE_COLUMN = 20_480


@pytest.fixture(scope="module")
def sparse(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """20.7 GB of pixels; the first chunk, and one within, have noise in them."""
    path = tmp_path_factory.mktemp("large") / "large.tif"
    write_sparse(path, windows=((0, 0), (DENSE_ROW, DENSE_COLUMN)))
    return path


class Local:
    """A ``ByteSource`` that the child reads through this process, as it reads a blob."""

    def __init__(self, path: Path) -> None:
        self._file = LocalFile(path)

    @property
    def size(self) -> int:
        return self._file.size

    def read(self, offset: int, length: int) -> bytes:
        return self._file.read(offset, length)


@pytest.fixture
def workspace(tmp_path: Path) -> Iterator[Workspace]:
    sandbox = ChildSandbox(1, tmp_path)
    with sandbox.workspace(FakeTaskContext(FakeBlobRepository())) as workspace:
        yield workspace
    sandbox.close()


@pytest.fixture
def peak(workspace: Workspace) -> Iterator[Peak]:
    """Measured over the whole test, and held to the limits at its end."""
    with measured(os.getpid()) as found:
        yield found
    assert 50_000_000 < found.child < MOST_OF_A_CHILD
    assert found.parent < MOST_OF_THE_WORKER


def plan_of(path: Path, workspace: Workspace, options: RasterOptions | None = None) -> RasterPlan:
    options = options or RasterOptions()
    request = DescribeRequest(source=SOURCE, blob="large.tif", options=options)
    found = workspace.run("describe", request, DescribeResult, {SOURCE: Local(path)}, LIMITS)
    validated = ValidatedRaster(
        source=BlobVersion(container="bronze", blob="large.tif", etag='"1"', size=path.stat().st_size),
        description=found.description,
        grid=found.grid,
        warped=found.warped,
        acquired=datetime(2024, 5, 1, tzinfo=UTC),
    )
    return planned(validated, options, Destination("trial", "large", "silver", "trial/large"))


def make_chunk(path: Path, plan: RasterPlan, workspace: Workspace, chunk: int) -> ChunkResult:
    request = ChunkRequest(source=SOURCE, plan=plan, chunk=chunk)
    return workspace.run("chunk", request, ChunkResult, {SOURCE: Local(path)})


def test_its_header_is_enough_to_plan_it(sparse: Path, workspace: Workspace, peak: Peak) -> None:
    plan = plan_of(sparse, workspace)
    assert plan.estimate.pixel_bytes == 3 * SIDE**2 > 20e9
    assert plan.chunking is not None
    assert plan.chunking.count == 441
    assert plan.estimate.memory_bytes < MOST_OF_A_CHILD


@pytest.mark.parametrize("chunk", [0, 5 * 21 + 5, 440], ids=["a corner", "within", "the last"])
def test_a_chunk(sparse: Path, workspace: Workspace, peak: Peak, chunk: int) -> None:
    made = make_chunk(sparse, plan_of(sparse, workspace), workspace, chunk)
    assert [level.level for level in made.levels] == [0, 1, 2, 3]


@pytest.mark.parametrize(
    "asked", [{"resampling": "cubic"}, {"resampling": "average", "resolution": 10, "chunk_size": 512}]
)
def test_a_warped_chunk(sparse: Path, workspace: Workspace, peak: Peak, asked: dict[str, Any]) -> None:
    options = RasterOptions.model_validate({"target_crs": "EPSG:3857", **asked})
    plan = plan_of(sparse, workspace, options)
    assert plan.chunking is not None
    middle = plan.chunking.rows // 4 * plan.chunking.columns + plan.chunking.columns // 4
    assert make_chunk(sparse, plan, workspace, middle).valid_pixels > 0


def test_the_assembly(sparse: Path, workspace: Workspace, peak: Peak) -> None:
    """All chunks are said to be like the one within, cut to what each has of the grid."""
    plan = plan_of(sparse, workspace)
    made = make_chunk(sparse, plan, workspace, 5 * 21 + 5)
    grids = chunk_grids(plan)
    chunks = tuple(
        CreatedChunk(
            chunk=number,
            pieces=tuple(piece_of(grid, number, made) for grid in grids),
            reduced=None,
            valid_pixels=1,
        )
        for number in range(441)
    )
    parts = tuple(part_of(grids[-1], number, made, workspace.folder) for number in range(441))
    request = AssembleRequest(source=SOURCE, plan=plan, chunks=chunks, parts=parts)
    found = workspace.run("assemble", request, AssembleResult, {SOURCE: Local(sparse)})
    assert [level.level for level in found.upper_levels] == [8, 7, 6, 5, 4]
    assert len(found.block_ids) == 4 * 441


def piece_of(grid: LevelGrid, number: int, made: ChunkResult) -> ChunkPiece:
    rows, columns = grid.tiles(number)
    count = (rows.stop - rows.start) * (columns.stop - columns.start)
    sizes = made.levels[grid.level].tile_sizes[:count]
    return ChunkPiece(
        level=grid.level, block_id=f"l{grid.level}-c{number:06d}", size=sum(sizes), tile_sizes=sizes
    )


def part_of(grid: LevelGrid, number: int, made: ChunkResult, folder: Path) -> str:
    """The chunk's reduced pixels, or a file of its own for one at an edge."""
    name = f"part-{number:06d}.tif"
    _, _, height, width = grid.window(number)
    assert made.reduced is not None
    if (height, width) == (512, 512):
        copyfile(folder / made.reduced, folder / name)
    else:
        write_part(folder / name, np.zeros((3, height, width), "uint8"), None)
    return name


def test_a_bomb_of_1280_gb_is_refused_at_once(workspace: Workspace, peak: Peak) -> None:
    path = real_file("broken/sparse_bomb_1280GB.tif")
    started = monotonic()
    with pytest.raises(PermanentTaskError) as refused:
        plan_of(path, workspace)
    assert refused.value.error_code == "RASTER_TOO_LARGE"
    assert monotonic() - started < 10


@pytest.mark.soak
@pytest.mark.timeout(3_600)
def test_the_whole_raster(sparse: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Through all tasks that touch pixels, files in place of blobs; the last one compares every pixel."""
    command = [
        sys.executable,
        "-m",
        "benchmarks.raster_chunks",
        sparse,
        "out.tif",
        "--workers",
        "2",
        "--check",
    ]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    used, printed = measure(command, tmp_path, lambda path: path.name == "out.tif", environment, 3_500)
    with capsys.disabled():
        sys.stdout.write(f"\n{used}\n{printed}")
    assert used.largest_process_bytes < MOST_OF_A_CHILD
