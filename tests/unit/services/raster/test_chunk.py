"""Chunks come out as the whole would, whoever makes them and in whatever order."""

import base64
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio

from schema.contracts.process_raster import ChunkPiece, CreatedChunk
from schema.contracts.rasters import RasterPlan, ResamplingMethod
from schema.errors import PermanentTaskError
from services.raster.assemble import run as assemble
from services.raster.assemblies import AssembleRequest
from services.raster.chunk import run
from services.raster.products import ChunkRequest, ChunkResult
from services.raster.reading import chunk_window, read_window
from services.raster.reducing import reducer_of
from tests.support.chunked_cogs import FolderBox, level_of
from tests.support.raster_plans import plan_of, warped_grid
from tests.unit.services.raster.test_cog import smooth, written

pytestmark = pytest.mark.filterwarnings("ignore::rasterio.errors.NotGeoreferencedWarning")

JPEG = {"compression": "JPEG", "quality": 90, "predictor": 1, "nodata": None}


def made(source: Path, plan: RasterPlan, chunk: int, folder: Path) -> ChunkResult:
    folder.mkdir(exist_ok=True)
    return run(ChunkRequest(source="source", plan=plan, chunk=chunk), FolderBox(folder, source))


def whole_cog(source: Path, plan: RasterPlan, folder: Path) -> Path:
    """All chunks of the plan, last one first, put together."""
    assert plan.chunking is not None
    blocks: dict[str, bytes] = {}
    chunks: list[CreatedChunk] = []
    parts: list[str] = []
    for chunk in reversed(range(plan.chunking.count)):
        result = made(source, plan, chunk, folder)
        pieces: list[ChunkPiece] = []
        for level in result.levels:
            block_id = f"l{level.level:02d}-c{chunk:08d}"
            blocks[block_id] = (folder / level.file).read_bytes()
            pieces.append(ChunkPiece(block_id=block_id, **level.model_dump(exclude={"file"})))
        if result.reduced is not None:
            parts.insert(0, f"part-{chunk}.tif")
            (folder / result.reduced).rename(folder / parts[0])
        told = result.model_dump(include={"jpeg_tables", "valid_pixels"})
        chunks.insert(0, CreatedChunk(chunk=chunk, pieces=tuple(pieces), reduced=None, **told))
    request = AssembleRequest(source="source", plan=plan, chunks=tuple(chunks), parts=tuple(parts))
    answer = assemble(request, FolderBox(folder, source))
    names = [answer.header, *(level.name for level in answer.upper_levels)]
    body = b"".join([(folder / name).read_bytes() for name in names])
    target = folder / "whole.tif"
    target.write_bytes(body + b"".join(blocks[each] for each in answer.block_ids))
    return target


def levels_of(source: Path, plan: RasterPlan) -> list[Any]:
    """Every level made at once."""
    with rasterio.open(source) as dataset:
        grid = plan.grid
        found = [read_window(dataset, plan, rasterio.windows.Window(0, 0, grid.width, grid.height))]
    for _ in range(plan.overviews):
        found.append(reducer_of(plan)(*found[-1]))
    return found


@pytest.mark.parametrize("levels", [0, 1])
def test_chunks_together_have_every_level_of_the_whole(levels: int, tmp_path: Path) -> None:
    pixels = np.random.default_rng(8).integers(0, 9_999, (2, 1_100, 1_337), np.uint16)
    source = written(tmp_path / "a.tif", pixels, nodata=77)
    plan = plan_of(source, chunk=512 << levels, levels=levels)
    cog = whole_cog(source, plan, tmp_path / "work")
    for level, (expected, _) in enumerate(levels_of(source, plan)):
        np.testing.assert_array_equal(level_of(cog, level)[0], expected)


def test_chunks_of_a_warp_have_no_seams(tmp_path: Path) -> None:
    source = written(tmp_path / "a.tif", smooth(3, 900, 800), photometric="RGB")
    grid = warped_grid(source, "EPSG:32632")
    plan = plan_of(source, grid=grid, resampling=ResamplingMethod.CUBIC, mask=True, chunk=512, levels=0)
    cog = whole_cog(source, plan, tmp_path / "work")
    for level, (expected, valid) in enumerate(levels_of(source, plan)):
        found, mask = level_of(cog, level)
        np.testing.assert_array_equal(found, expected)
        np.testing.assert_array_equal(mask, valid)


def test_reduced_pixels_are_lossless_even_beside_jpeg(tmp_path: Path) -> None:
    mask = np.ones((1_200, 900), np.bool_)
    mask[:300] = False
    source = written(tmp_path / "a.tif", smooth(3, 1_200, 900), mask=mask, photometric="RGB")
    plan = plan_of(source, **JPEG, mask=True, chunk=1_024, levels=1)
    result = made(source, plan, 0, tmp_path / "work")
    pixels, valid = levels_of(source, plan)[1]
    assert result.reduced is not None
    with rasterio.open(tmp_path / "work" / result.reduced) as dataset:
        np.testing.assert_array_equal(dataset.read(), pixels[:, :512, :512])
        np.testing.assert_array_equal(dataset.read_masks(1) > 0, valid[:512, :512])


def test_sizes_add_up_to_the_files(tmp_path: Path) -> None:
    mask = np.random.default_rng(9).random((700, 600)) > 0.5
    source = written(tmp_path / "a.tif", smooth(1, 700, 600), mask=mask)
    plan = plan_of(source, chunk=1_024, levels=1)
    result = made(source, plan, 0, tmp_path / "work")
    assert [len(level.tile_sizes) for level in result.levels] == [4, 1]
    for level in result.levels:
        assert len(level.mask_sizes) == len(level.tile_sizes)
        size = (tmp_path / "work" / level.file).stat().st_size
        assert size == level.size == sum(level.tile_sizes) + sum(level.mask_sizes)
    assert result.valid_pixels == np.count_nonzero(mask)
    assert result.reduced is None


def test_jpeg_tables_are_those_of_every_chunk(tmp_path: Path) -> None:
    source = written(tmp_path / "a.tif", smooth(3, 600, 700), photometric="RGB")
    plan = plan_of(source, **JPEG, mask=False, chunk=512, levels=0)
    tables = {made(source, plan, chunk, tmp_path / "work").jpeg_tables for chunk in range(4)}
    assert len(tables) == 1
    assert base64.b64decode(tables.pop() or "").startswith(b"\xff\xd8")


def test_a_chunk_without_valid_pixels_says_so(tmp_path: Path) -> None:
    pixels = smooth(1, 600, 700)
    pixels[:, :, 512:] = 0
    source = written(tmp_path / "a.tif", pixels, nodata=0)
    plan = plan_of(source, chunk=512, levels=0)
    assert [made(source, plan, chunk, tmp_path / "work").valid_pixels for chunk in (0, 1)] == [512 * 512, 0]


def test_the_same_chunk_is_the_same_bytes(tmp_path: Path) -> None:
    source = written(tmp_path / "a.tif", smooth(1, 600, 700))
    plan = plan_of(source, chunk=512, levels=0)
    made(source, plan, 1, tmp_path / "one")
    made(source, plan, 1, tmp_path / "two")
    assert (tmp_path / "one/level-00").read_bytes() == (tmp_path / "two/level-00").read_bytes()


def test_a_chunk_beyond_the_plan_is_refused(tmp_path: Path) -> None:
    source = written(tmp_path / "a.tif", smooth(1, 600, 700))
    with pytest.raises(PermanentTaskError) as refused:
        made(source, plan_of(source, chunk=512, levels=0), 4, tmp_path / "work")
    assert refused.value.error_code == "RASTER_CHUNKS_INCONSISTENT"


def test_chunks_cover_the_grid_once(tmp_path: Path) -> None:
    plan = plan_of(written(tmp_path / "a.tif", smooth(1, 600, 1_300)), chunk=512, levels=0)
    seen = np.zeros((600, 1_300), np.uint8)
    assert plan.chunking is not None
    for chunk in range(plan.chunking.count):
        seen[chunk_window(plan.grid, plan.chunking, chunk).toslices()] += 1
    assert (seen == 1).all()
