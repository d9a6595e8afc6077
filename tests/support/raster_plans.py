"""Plans for tests of the raster code under the handlers, made straight from a file's header."""

import warnings
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

import numpy as np
import rasterio
from rasterio.crs import CRS
from rasterio.enums import MaskFlags
from rasterio.errors import NotGeoreferencedWarning
from rasterio.transform import RPCTransformer
from rasterio.warp import transform

from schema.contracts.rasters import (
    BLOCK,
    BlobVersion,
    Chunking,
    Encoding,
    Grid,
    MaskKind,
    Number,
    RasterDescription,
    RasterEstimate,
    RasterOptions,
    RasterPlan,
    ResamplingMethod,
)


def number(value: float | None) -> Number | None:
    if value is None or np.isfinite(value):
        return value
    return "nan" if np.isnan(value) else "inf" if value > 0 else "-inf"


def describe(path: str | Path) -> RasterDescription:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", NotGeoreferencedWarning)
        with rasterio.open(path) as dataset:
            return _described(dataset)


def _described(dataset: Any) -> RasterDescription:
    flags = dataset.mask_flag_enums[0]
    mask = MaskKind.NONE
    if MaskFlags.alpha in flags:
        mask = MaskKind.ALPHA
    elif MaskFlags.per_dataset in flags:
        mask = MaskKind.INTERNAL
    elif dataset.nodata is not None:
        mask = MaskKind.NODATA
    return RasterDescription(
        driver=dataset.driver,
        grid=Grid(
            crs=dataset.crs.to_string() if dataset.crs else None,
            transform=tuple(dataset.transform)[:6],
            width=dataset.width,
            height=dataset.height,
        ),
        count=dataset.count,
        dtype=dataset.dtypes[0],
        nodata=number(dataset.nodata),
        mask=mask,
        color_interpretation=tuple(each.name for each in dataset.colorinterp),
        has_color_table=dataset.colorinterp[0].name == "palette",
        scales=dataset.scales,
        offsets=dataset.offsets,
        units=dataset.units,
        names=dataset.descriptions,
        gcps=len(dataset.gcps[0]),
        has_rpcs=dataset.rpcs is not None,
        area_or_point=dataset.tags().get("AREA_OR_POINT", "Area"),
        block=dataset.block_shapes[0],
        compression=None,
        overviews=len(dataset.overviews(1)),
        bounds=None,
        pixel_bytes=dataset.width * dataset.height * dataset.count * np.dtype(dataset.dtypes[0]).itemsize,
    )


def plan_of(
    path: str | Path,
    *,
    grid: Grid | None = None,
    options: RasterOptions | None = None,
    resampling: ResamplingMethod = ResamplingMethod.BILINEAR,
    overview_resampling: Literal["average", "nearest"] = "average",
    chunk: int | None = None,
    levels: int = 1,
    **encoding: Any,
) -> RasterPlan:
    """The plan to make a COG of the raster on ``grid`` (its own where none is given), in chunks of ``chunk``
    pixels; ``encoding`` changes single fields of what the header suggests."""
    description = describe(path)
    grid_ = grid or description.grid
    longest, overviews = max(grid_.width, grid_.height), 0
    while longest > BLOCK:
        longest, overviews = (longest + 1) // 2, overviews + 1
    chunking = None
    if chunk is not None:
        chunking = Chunking(
            width=chunk,
            height=chunk,
            levels=levels,
            columns=-(-grid_.width // chunk),
            rows=-(-grid_.height // chunk),
        )
    chosen = options or RasterOptions()
    blob = BlobVersion(container="bronze", blob=Path(path).name, etag='"1"', size=Path(path).stat().st_size)
    return RasterPlan(
        source=blob,
        description=description,
        options=chosen,
        acquired=datetime(2024, 5, 1, tzinfo=UTC),
        collection_id="tests",
        item_id="raster",
        container="silver",
        folder="tests/raster/0123456789abcdef-r1",
        grid=grid_,
        warped=grid is not None,
        categorical=overview_resampling == "nearest",
        resampling=resampling,
        overview_resampling=overview_resampling,
        encoding=_encoding(description, chosen, encoding),
        overviews=overviews,
        chunking=chunking,
        estimate=RasterEstimate(
            pixel_bytes=description.pixel_bytes, memory_bytes=0, temporary_bytes=0, seconds=0
        ),
    )


def _encoding(description: RasterDescription, options: RasterOptions, changes: dict[str, Any]) -> Encoding:
    suggested = {
        "compression": "DEFLATE",
        "predictor": 3 if np.dtype(description.dtype).kind == "f" else 2,
        "dtype": description.dtype,
        "count": description.count,
        "nodata": description.nodata if options.nodata is None else options.nodata,
        "mask": description.mask is MaskKind.INTERNAL,
    }
    return Encoding.model_validate(suggested | changes)


def warped_grid(path: str | Path, crs: str, resolution: float | None = None) -> Grid:
    """A grid around the raster in another CRS, with about as many pixels where no resolution is given."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", NotGeoreferencedWarning)
        with rasterio.open(path) as dataset:
            corners = _corners(dataset)
            source_crs = dataset.crs or dataset.gcps[1] or CRS.from_epsg(4326)
            shape = dataset.width, dataset.height
    xs, ys = transform(source_crs, crs, *zip(*corners, strict=True))
    extent = max(xs) - min(xs), max(ys) - min(ys)
    size = resolution or float(np.hypot(*extent) / np.hypot(*shape))
    terms = (size, 0.0, min(xs), 0.0, -size, max(ys))
    width, height = (int(np.ceil(side / size)) for side in extent)
    return Grid(crs=crs, transform=terms, width=width, height=height)


def _corners(dataset: Any) -> list[tuple[float, float]]:
    if dataset.gcps[0]:
        return [(each.x, each.y) for each in dataset.gcps[0]]
    rows, columns = np.meshgrid(np.linspace(0, dataset.height, 21), np.linspace(0, dataset.width, 21))
    if dataset.rpcs is not None:
        with RPCTransformer(dataset.rpcs, RPC_HEIGHT=dataset.rpcs.height_off) as way:
            return list(zip(*way.xy(rows.ravel(), columns.ravel()), strict=True))
    places = zip(columns.ravel(), rows.ravel(), strict=True)
    return [dataset.transform @ (float(column), float(row)) for column, row in places]
