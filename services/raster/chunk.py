"""The operation ``chunk``: one part of the output, compressed at full resolution and at its own overviews."""

# rasterio comes without types.
# pyright: reportMissingTypeStubs=false

import base64
import warnings

from rasterio.errors import NotGeoreferencedWarning

from schema.errors import PermanentTaskError
from services.raster.encoding import EncodedLevel, encode_level
from services.raster.files import Box
from services.raster.masks import count_valid
from services.raster.mosaic import write_part
from services.raster.products import ChunkLevel, ChunkRequest, ChunkResult
from services.raster.reading import chunk_window, read_window
from services.raster.reducing import reducer_of
from services.raster.source_pixels import opened

_REDUCED = "reduced.tif"


def run(request: ChunkRequest, box: Box) -> ChunkResult:
    """Raises ``PermanentTaskError`` (``RASTER_UNREADABLE``) where pixels cannot be read."""
    plan = request.plan
    if plan.chunking is None or request.chunk >= plan.chunking.count:
        raise PermanentTaskError(f"the plan has no chunk {request.chunk}", "RASTER_CHUNKS_INCONSISTENT")
    window = chunk_window(plan.grid, plan.chunking, request.chunk)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", NotGeoreferencedWarning)
        with opened(box.source(request.source, plan.description.driver)) as dataset:
            pixels, valid = read_window(dataset, plan, window)
    valid_pixels = count_valid(pixels, valid, plan)
    reduce = reducer_of(plan)
    last = min(plan.chunking.levels, plan.overviews)
    encoded: list[EncodedLevel] = []
    for level in range(last + 1):
        if level:
            pixels, valid = reduce(pixels, valid)
        box.progress((level + 1) / (last + 2))
        encoded.append(encode_level(pixels, valid, plan.encoding, box.folder, f"level-{level:02d}"))
    reduced = _REDUCED if plan.overviews > last else None
    if reduced is not None:
        write_part(box.folder / reduced, pixels, valid)
    tables = encoded[0].jpeg_tables
    return ChunkResult(
        levels=tuple(_told(level, made) for level, made in enumerate(encoded)),
        reduced=reduced,
        jpeg_tables=None if tables is None else base64.b64encode(tables).decode(),
        valid_pixels=valid_pixels,
    )


def _told(level: int, made: EncodedLevel) -> ChunkLevel:
    return ChunkLevel(
        level=level,
        file=made.path.name,
        size=made.size,
        tile_sizes=made.tile_sizes,
        mask_sizes=made.mask_sizes,
    )
