"""A COG made in chunks without any service: what the tasks stage lies in a dict here."""

import warnings
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import rasterio
from rasterio.errors import NotGeoreferencedWarning
from rasterio.windows import Window
from rio_cogeo.cogeo import cog_validate

from schema.contracts.process_raster import ChunkPiece, CreatedChunk
from schema.contracts.rasters import BLOCK, RasterPlan
from services.raster import assemble as assembling
from services.raster import chunk
from services.raster.assemblies import AssembleRequest, AssembleResult
from services.raster.block_ids import block_id
from services.raster.files import RasterFile
from services.raster.masks import Pixels, Valid
from services.raster.products import ChunkLevel, ChunkRequest
from services.raster.reading import read_window
from services.raster.reducing import reducer_of
from services.raster.source_pixels import opened
from services.raster.tiff import Tag, read_directories


@dataclass(frozen=True)
class FolderBox:
    """A ``Box`` whose only source is a file."""

    folder: Path
    path: Path
    told: list[float] = field(default_factory=list)

    def source(self, name: str, driver: str = "GTiff") -> RasterFile:  # noqa: ARG002 -- the protocol's
        return RasterFile(str(self.path), driver)

    def head(self, name: str, length: int) -> bytes:  # noqa: ARG002 -- the protocol's
        return self.path.read_bytes()[:length]

    def size(self, name: str) -> int:  # noqa: ARG002 -- the protocol's
        return self.path.stat().st_size

    def progress(self, fraction: float) -> None:
        self.told.append(fraction)


@dataclass
class Staged:
    """What the chunks left: their results, blocks by id, and the names of their reduced pixels."""

    chunks: list[CreatedChunk] = field(default_factory=list)
    blocks: dict[str, bytes] = field(default_factory=dict)
    parts: list[str] = field(default_factory=list)


def stage_chunks(path: Path, plan: RasterPlan, folder: Path) -> Staged:
    """Make all chunks, and leave their reduced pixels in the folder."""
    staged = Staged()
    box = FolderBox(folder, path)
    for number in range(0 if plan.chunking is None else plan.chunking.count):
        made = chunk.run(ChunkRequest(source="source", plan=plan, chunk=number), box)
        pieces = tuple(_staged(level, number, folder, staged) for level in made.levels)
        if made.reduced is not None:
            staged.parts.append(f"chunk-{number:06d}.tif")
            (folder / made.reduced).rename(folder / staged.parts[-1])
        staged.chunks.append(
            CreatedChunk(
                chunk=number,
                pieces=pieces,
                reduced=None,
                jpeg_tables=made.jpeg_tables,
                valid_pixels=made.valid_pixels,
            )
        )
    return staged


def _staged(level: ChunkLevel, number: int, folder: Path, staged: Staged) -> ChunkPiece:
    name = block_id(1, 1, level.level, number)
    staged.blocks[name] = (folder / level.file).read_bytes()
    return ChunkPiece(
        level=level.level,
        block_id=name,
        size=level.size,
        tile_sizes=level.tile_sizes,
        mask_sizes=level.mask_sizes,
    )


def assemble(path: Path, plan: RasterPlan, folder: Path, staged: Staged) -> AssembleResult:
    request = AssembleRequest(
        source="source", plan=plan, chunks=tuple(staged.chunks), parts=tuple(staged.parts)
    )
    return assembling.run(request, FolderBox(folder, path))


def chunked_cog(path: Path, plan: RasterPlan, folder: Path) -> Path:
    """The whole way from the source to the COG."""
    staged = stage_chunks(path, plan, folder)
    result = assemble(path, plan, folder, staged)
    names = [result.header, *(level.name for level in result.upper_levels)]
    target = folder / "cog.tif"
    with target.open("wb") as out:
        for name in names:
            out.write((folder / name).read_bytes())
        for block_id in result.block_ids:
            out.write(staged.blocks[block_id])
    return target


def pyramid(path: Path, plan: RasterPlan) -> list[tuple[Pixels, Valid | None]]:
    """Every level of the output made in one piece, from full resolution on."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", NotGeoreferencedWarning)
        with opened(RasterFile(str(path), plan.description.driver)) as dataset:
            levels = [read_window(dataset, plan, Window(0, 0, plan.grid.width, plan.grid.height))]
    for _ in range(plan.overviews):
        levels.append(reducer_of(plan)(*levels[-1]))
    return levels


def level_of(cog: Path, level: int) -> tuple[Pixels, Valid]:
    """Pixels and mask of a level as GDAL reads them from a COG."""
    options = {} if level == 0 else {"overview_level": level - 1}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", NotGeoreferencedWarning)
        with rasterio.open(cog, **options) as dataset:
            return dataset.read(), dataset.read_masks(1) > 0


def assert_levels_equal(cog: Path, plan: RasterPlan, path: Path) -> None:
    """Every level of the COG has the pixels, and the mask, of the output made in one piece."""
    for level, (pixels, valid) in enumerate(pyramid(path, plan)):
        found, mask = level_of(cog, level)
        np.testing.assert_array_equal(found, pixels)
        if valid is not None:
            np.testing.assert_array_equal(mask, valid)


def assert_cog(cog: Path) -> None:
    """Strictly valid as rio-cogeo has it, and tiled, at every level.

    rio-cogeo takes a tiled level of just one tile's width for one in strips, and tells an overview by how
    much narrower it is, which one column never is; so tiles are looked for in the directories instead.
    """
    directories = read_directories(cog)
    sides = {directory[tag].numbers for directory in directories for tag in (Tag.TILE_WIDTH, Tag.TILE_LENGTH)}
    assert sides == {(BLOCK,)}
    excused = ["is not tiled"]
    if directories[0][Tag.IMAGE_WIDTH].numbers == (1,):
        excused.append("Invalid Decimation")
    _, errors, found = cog_validate(cog, strict=True, quiet=True)
    assert found == []
    assert [error for error in errors if not any(each in error for each in excused)] == []
