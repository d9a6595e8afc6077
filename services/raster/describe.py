"""The operation ``describe``: what a raster's header says, or why the raster is refused."""

# rasterio comes without types.
# pyright: reportMissingTypeStubs=false, reportUnknownMemberType=false, reportUnknownVariableType=false
# pyright: reportUnknownArgumentType=false

import warnings
from collections.abc import Generator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any, Literal

from rasterio._err import CPLE_BaseError  # pyright: ignore[reportPrivateImportUsage] -- raised, yet private
from rasterio.enums import ColorInterp, Interleaving, MaskFlags
from rasterio.errors import NotGeoreferencedWarning, RasterioError

from schema.contracts.rasters import Box as Bounds
from schema.contracts.rasters import MaskKind, RasterDescription, RasterOptions
from schema.errors import PermanentTaskError
from services.raster import dates
from services.raster.content import driver_of
from services.raster.descriptions import DescribeRequest, DescribeResult
from services.raster.files import Box, RasterFile
from services.raster.formats import HEAD_BYTES
from services.raster.georeference import PlacedBy, Placement, bounds_of_placement, placement_of
from services.raster.grids import output_grid, shrinking, source_grid
from services.raster.limits import demand_bands, demand_block, demand_size, demand_type
from services.raster.numbers import number
from services.raster.structure import demand_sound_structure, size_of

_CHECKED_BLOCKS = 4_096


def run(request: DescribeRequest, box: Box) -> DescribeResult:
    driver = driver_of(box.head(request.source, HEAD_BYTES), request.blob)
    return described(box.source(request.source, driver), request.options)


def described(raster: RasterFile, options: RasterOptions) -> DescribeResult:
    """Raises ``PermanentTaskError`` with the code of the first check that the raster does not pass."""
    demand_sound_structure(raster)
    with _opened(raster) as dataset:
        _demand_processable(dataset)
        if raster.driver == "GTiff":
            _demand_whole(dataset, size_of(raster))
        placement = placement_of(dataset, options.source_crs)
        grid = output_grid(placement, options)
        wanted = placement.by is PlacedBy.TRANSFORM or grid is not None
        now = datetime.now(UTC)
        domains = [dataset.tags(ns=domain) for domain in (None, "IMAGERY", *_imagery_like(dataset))]
        return DescribeResult(
            description=_description(dataset, placement, bounds_of_placement(placement) if wanted else None),
            grid=grid or source_grid(placement),
            warped=grid is not None,
            shrinking=1.0 if grid is None else shrinking(placement, grid),
            acquired=dates.from_tags(domains, now),
            written=dates.written(dataset.tags(), now),
        )


@contextmanager
def _opened(raster: RasterFile) -> Generator[Any]:
    """Whatever GDAL cannot make sense of is the raster's fault here: nothing but its header is read."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", NotGeoreferencedWarning)
            with raster.open() as dataset:
                yield dataset
    except (RasterioError, CPLE_BaseError, ValueError, KeyError, OverflowError, UnicodeDecodeError) as exc:
        raise PermanentTaskError(
            f"GDAL's {raster.driver} driver cannot make sense of the header", "RASTER_UNREADABLE"
        ) from exc


def _demand_processable(dataset: Any) -> None:
    if dataset.subdatasets:
        raise PermanentTaskError(
            f"the file holds {len(dataset.subdatasets)} images; give one a file", "RASTER_SEVERAL_IMAGES"
        )
    dtype = demand_type(tuple(dataset.dtypes))
    demand_size(dataset.width, dataset.height, dataset.count, dtype)
    together = dataset.count if dataset.interleaving is Interleaving.pixel else 1
    demand_block(dataset.block_shapes[0], together, dtype)
    demand_bands(dataset.count, dtype)


def _demand_whole(dataset: Any, size: int) -> None:
    """Raises where a block would end beyond the file; of very many some are looked at, and the last."""
    height, width = dataset.block_shapes[0]
    columns, rows = -(-dataset.width // width), -(-dataset.height // height)
    total = columns * rows
    step = max(1, total // _CHECKED_BLOCKS)
    bands = {1, dataset.count}
    for index in (*range(0, total, step), total - 1):
        row, column = divmod(index, columns)
        if any(_end_of_block(dataset, f"{column}_{row}", band) > size for band in bands):
            raise PermanentTaskError(
                "the header places pixels beyond the end of the file", "RASTER_TRUNCATED"
            )


def _end_of_block(dataset: Any, place: str, band: int) -> int:
    offset, length = (
        int(dataset.get_tag_item(f"BLOCK_{what}_{place}", "TIFF", bidx=band) or 0)
        for what in ("OFFSET", "SIZE")
    )
    return offset + length


def _imagery_like(dataset: Any) -> list[str]:
    """Domains of metadata that readers and writers put the acquisition in, whatever they call them."""
    return [
        name for name in dataset.tag_namespaces() if "IMAGE" in name.upper() and name != "IMAGE_STRUCTURE"
    ]


def _description(dataset: Any, placement: Placement, bounds: Bounds | None) -> RasterDescription:
    tags = dataset.tags()
    bits = dataset.tags(1, ns="IMAGE_STRUCTURE").get("NBITS")
    dtype = dataset.dtypes[0]
    area_or_point: Literal["Area", "Point"] = "Point" if tags.get("AREA_OR_POINT") == "Point" else "Area"
    return RasterDescription(
        driver=dataset.driver,
        grid=source_grid(placement),
        count=dataset.count,
        dtype=dtype,
        bits=int(bits) if bits else None,
        nodata=number(dataset.nodata),
        mask=_mask(dataset),
        color_interpretation=tuple(each.name for each in dataset.colorinterp),
        has_color_table=ColorInterp.palette in dataset.colorinterp,
        scales=tuple(dataset.scales),
        offsets=tuple(dataset.offsets),
        units=tuple(dataset.units),
        names=tuple(dataset.descriptions),
        gcps=len(dataset.gcps[0]),
        has_rpcs=dataset.rpcs is not None,
        area_or_point=area_or_point,
        block=dataset.block_shapes[0],
        compression=None if dataset.compression is None else dataset.compression.value,
        overviews=len(dataset.overviews(1)),
        bounds=bounds,
        pixel_bytes=demand_size(dataset.width, dataset.height, dataset.count, dtype),
    )


def _mask(dataset: Any) -> MaskKind:
    """GDAL prefers an alpha band or a mask of its own to nodata."""
    flags = dataset.mask_flag_enums[0]
    if MaskFlags.alpha in flags or ColorInterp.alpha in dataset.colorinterp:
        return MaskKind.ALPHA
    if MaskFlags.per_dataset in flags:
        return MaskKind.INTERNAL
    return MaskKind.NONE if dataset.nodata is None else MaskKind.NODATA
