"""What ``cog`` and ``chunk`` are asked and answer: no raster library is needed to speak of it."""

from typing import Annotated

from pydantic import Field

from schema.contracts.rasters import RasterPlan
from schema.results import Contract


class CogRequest(Contract):
    """``source`` is the name under which the child may read the source."""

    source: str
    plan: RasterPlan


class CogResult(Contract):
    """``file`` lies in the child's folder."""

    file: str
    valid_pixels: int


class ChunkRequest(Contract):
    """``chunk`` counts from 0 at the upper left, row by row."""

    source: str
    plan: RasterPlan
    chunk: Annotated[int, Field(ge=0)]


class ChunkLevel(Contract):
    """A file in the child's folder: tiles row by row, then the mask's tiles likewise. Sizes in bytes."""

    level: int
    file: str
    size: int
    tile_sizes: tuple[int, ...]
    mask_sizes: tuple[int, ...]


class ChunkResult(Contract):
    """``levels`` from full resolution on; ``reduced`` is the file of the last one's pixels, ``None`` where no
    overview is made of them. ``jpeg_tables`` in base64."""

    levels: tuple[ChunkLevel, ...]
    reduced: str | None
    jpeg_tables: str | None
    valid_pixels: int
