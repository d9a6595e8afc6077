"""A COG made in chunks without any service: what the tasks stage lies in a dict here."""

import base64
import warnings
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import rasterio
from rasterio.errors import NotGeoreferencedWarning
from rasterio.windows import Window

from schema.contracts.process_raster import ChunkPiece, CreatedChunk
from schema.contracts.rasters import RasterPlan
from services.raster.assemble import run
from services.raster.assemblies import AssembleRequest, AssembleResult
from services.raster.encoding import encode_level
from services.raster.files import RasterFile
from services.raster.layout import chunk_grids
from services.raster.masks import Pixels, Valid, count_valid
from services.raster.mosaic import write_part
from services.raster.reducing import reducer_of


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
    """Make all chunks of an output that is not warped."""
    staged = Staged()
    grids = chunk_grids(plan)
    for number in range(grids[0].columns * grids[0].rows):
        pixels, valid = read(path, plan, grids[0].window(number))
        count = count_valid(pixels, valid, plan)
        pieces: list[ChunkPiece] = []
        tables: bytes | None = None
        for level in range(len(grids)):
            if level:
                pixels, valid = reducer_of(plan)(pixels, valid)
            made = encode_level(pixels, valid, plan.encoding, folder, "made")
            tables, block_id = made.jpeg_tables, f"l{level:02d}-c{number:08d}"
            staged.blocks[block_id] = made.path.read_bytes()
            pieces.append(
                ChunkPiece(
                    level=level,
                    block_id=block_id,
                    size=made.size,
                    tile_sizes=made.tile_sizes,
                    mask_sizes=made.mask_sizes,
                )
            )
            made.path.unlink()
        if plan.overviews >= len(grids):
            staged.parts.append(f"chunk-{number:06d}.tif")
            write_part(folder / staged.parts[-1], pixels, valid)
        staged.chunks.append(
            CreatedChunk(
                chunk=number,
                pieces=tuple(pieces),
                reduced=None,
                jpeg_tables=None if tables is None else base64.b64encode(tables).decode(),
                valid_pixels=count,
            )
        )
    return staged


def assemble(path: Path, plan: RasterPlan, folder: Path, staged: Staged) -> AssembleResult:
    request = AssembleRequest(
        source="source", plan=plan, chunks=tuple(staged.chunks), parts=tuple(staged.parts)
    )
    return run(request, FolderBox(folder, path))


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


def read(path: Path, plan: RasterPlan, window: tuple[int, int, int, int]) -> tuple[Pixels, Valid | None]:
    """Pixels of the bands of the output, and where it has a mask which are valid."""
    top, left, height, width = window
    where = Window(left, top, width, height)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", NotGeoreferencedWarning)
        with rasterio.open(path) as source:
            pixels = source.read(list(range(1, plan.encoding.count + 1)), window=where)
            valid = source.dataset_mask(window=where) > 0 if plan.encoding.mask else None
    return pixels, valid


def pyramid(path: Path, plan: RasterPlan) -> list[tuple[Pixels, Valid | None]]:
    """Every level of the output made in one piece, from full resolution on."""
    levels = [read(path, plan, (0, 0, plan.grid.height, plan.grid.width))]
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
