"""Whether a COG is what its plan says: layout, levels, place, and what its header tells of the pixels.

Each check has a name, and one that fails says by it what was expected and what was found.
"""

# rasterio and rio-cogeo come without types.
# pyright: reportMissingTypeStubs=false, reportUnknownMemberType=false, reportUnknownVariableType=false
# pyright: reportUnknownArgumentType=false, reportUnknownParameterType=false

import logging
import math
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
from rasterio.crs import CRS
from rasterio.enums import MaskFlags
from rasterio.errors import RasterioError
from rasterio.transform import Affine
from rio_cogeo.cogeo import cog_validate

from schema.contracts.rasters import BLOCK, MaskKind, RasterPlan
from schema.errors import PermanentTaskError
from services.raster.drivers import OPTIONS
from services.raster.files import RasterFile
from services.raster.inspections import INVALID
from services.raster.reference_systems import WGS84, is_same, parsed, transformed
from services.raster.shortages import shortage_of
from services.raster.windows import windows_of

_HALF_A_PIXEL = 0.5
_SAME_PLACE_DEGREES = 1e-8

Fault = tuple[object, object] | None
"""What was expected and what was found instead."""


def invalid(check: str, expected: object, found: object) -> PermanentTaskError:
    return PermanentTaskError(
        f"the COG fails the check {check!r}: expected {expected}, found {found}", INVALID
    )


def check_header(made: Any, source: Any, plan: RasterPlan) -> tuple[str, ...]:
    """Hold the open COG to the plan, and what the header carries over to the open source.

    Returns the names of the checks; raises ``PermanentTaskError`` (``RASTER_OUTPUT_INVALID``).
    """
    for name, check in _CHECKS.items():
        if fault := check(made, source, plan):
            raise invalid(name, *fault)
    return tuple(_CHECKS)


def check_levels(file: RasterFile, plan: RasterPlan, progress: Callable[[float], None]) -> None:
    """Read every block of every overview; raises ``PermanentTaskError`` (``RASTER_OUTPUT_INVALID``)."""
    for level in range(plan.overviews):
        try:
            with whole_jpeg():
                _read_level(file, plan, level)
        except RasterioError as exc:
            if shortage_of(exc):
                raise
            raise invalid(
                "blocks", f"every block of overview {level + 1}", "one that cannot be read"
            ) from exc
        progress((level + 1) / plan.overviews)


@contextmanager
def whole_jpeg() -> Generator[None]:
    """Hold what is read meanwhile to being whole: libjpeg only warns of a tile that ends too early, and fills
    it with grey. Raises ``PermanentTaskError`` (``RASTER_OUTPUT_INVALID``)."""
    heard = _JpegWarnings()
    logger = logging.getLogger("rasterio")
    logger.addHandler(heard)
    try:
        yield
        if heard.count:
            raise invalid("blocks", "whole JPEG tiles", "one that ends too early or is corrupt")
    finally:
        logger.removeHandler(heard)


class _JpegWarnings(logging.Handler):
    """Counts what GDAL told rasterio of libjpeg's troubles."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.count = 0

    def emit(self, record: logging.LogRecord) -> None:
        self.count += "JPEGLib" in record.getMessage()


def _read_level(file: RasterFile, plan: RasterPlan, level: int) -> None:
    width, height = level_size(plan, level + 1)
    with file.open(level) as dataset:
        if not (_is_about(dataset.width, width) and _is_about(dataset.height, height)):
            raise invalid(
                "overviews",
                f"about {width:g} x {height:g} pixels in overview {level + 1}",
                f"{dataset.width} x {dataset.height}",
            )
        if fault := _tiles(dataset, dataset, plan):
            raise invalid("tiles", *fault)
        has_mask = MaskFlags.per_dataset in dataset.mask_flag_enums[0]
        for window in windows_of(dataset):
            dataset.read(window=window)
            if has_mask:
                dataset.read_masks(1, window=window)


def level_size(plan: RasterPlan, level: int) -> tuple[float, float]:
    """Width and height of a level, each half of the one before."""
    return plan.grid.width / 2**level, plan.grid.height / 2**level


def _is_about(found: int, size: float) -> bool:
    """Writers differ in whether half a pixel counts: rounded up or down, both are the planned size."""
    return math.floor(size) <= found <= math.ceil(size) or found == 1


def _cog(made: Any, _source: Any, _plan: RasterPlan) -> Fault:
    # The name is that of the open dataset, so that one that is read by ranges is found again.
    _, errors, warnings = cog_validate(made.name, strict=True, config=dict(OPTIONS), quiet=True)
    faults = [fault for fault in (*errors, *warnings) if not _is_mistaken(fault, made)]
    return ("a valid COG", "; ".join(faults)) if faults else None


def _is_mistaken(fault: str, made: Any) -> bool:
    """rio-cogeo takes a level of just one tile's width for one in strips, and knows an overview by how much
    narrower it is, which one column never is. Tiles and levels have checks of their own here."""
    return "not tiled" in fault or (made.width == 1 and fault.startswith("Invalid Decimation"))


def _tiles(made: Any, _source: Any, _plan: RasterPlan) -> Fault:
    shapes = set(made.block_shapes)
    return None if shapes == {(BLOCK, BLOCK)} else (f"tiles of {BLOCK} x {BLOCK}", _listed(shapes))


def _compression(made: Any, _source: Any, plan: RasterPlan) -> Fault:
    found = made.tags(ns="IMAGE_STRUCTURE").get("COMPRESSION", "none")
    return None if plan.encoding.compression in found else (plan.encoding.compression, found)


def _overviews(made: Any, _source: Any, plan: RasterPlan) -> Fault:
    found = len(made.overviews(1))
    return None if found == plan.overviews else (f"{plan.overviews} overviews", found)


def _size(made: Any, _source: Any, plan: RasterPlan) -> Fault:
    expected = (plan.grid.width, plan.grid.height)
    return _same(expected, (made.width, made.height))


def _crs(made: Any, source: Any, plan: RasterPlan) -> Fault:
    """What only ground control points or RPCs place may name a CRS all the same, which is kept."""
    if plan.grid.crs is None:
        return None if made.crs == source.crs else (source.crs or "no CRS", made.crs or "none")
    expected = parsed(plan.grid.crs)
    if made.crs is None:
        return plan.grid.crs, "none"
    if is_same(made.crs, expected) or _agree(made.crs, expected, plan):
        return None
    return plan.grid.crs, made.crs.to_string()


def _agree(found: CRS, expected: CRS, plan: RasterPlan) -> bool:
    """Whether both place the grid alike: GeoTIFF does not keep how a CRS was written down."""
    earth = CRS.from_string(WGS84)
    to_place = Affine(*plan.grid.transform)
    points = [
        to_place @ (column * plan.grid.width / 4, row * plan.grid.height / 4)
        for row in range(5)
        for column in range(5)
    ]
    one, other = transformed(found, earth, points), transformed(expected, earth, points)
    return len(one) == len(other) > 0 and np.allclose(one, other, rtol=0, atol=_SAME_PLACE_DEGREES)


def _corners(terms: Sequence[float], plan: RasterPlan) -> list[tuple[float, float]]:
    to_place = Affine(*terms)
    return [to_place @ (x, y) for x in (0, plan.grid.width) for y in (0, plan.grid.height)]


def _bounds(made: Any, _source: Any, plan: RasterPlan) -> Fault:
    if plan.grid.crs is None:
        return None
    to_pixel = ~Affine(*plan.grid.transform)
    planned = _corners((1, 0, 0, 0, 1, 0), plan)
    found = [to_pixel @ place for place in _corners(tuple(made.transform)[:6], plan)]
    distance = max(math.dist(a, b) for a, b in zip(planned, found, strict=True))
    if distance <= _HALF_A_PIXEL:
        return None
    return "the planned bounds within half a pixel", f"corners {distance:.1f} pixels away"


def _placement(made: Any, source: Any, plan: RasterPlan) -> Fault:
    if plan.warped:
        return None
    if len(made.gcps[0]) != len(source.gcps[0]):
        return f"{len(source.gcps[0])} ground control points", len(made.gcps[0])
    return _same(source.rpcs is not None, made.rpcs is not None)


def _dtype(made: Any, _source: Any, plan: RasterPlan) -> Fault:
    return _same((plan.encoding.dtype,), tuple(sorted(set(made.dtypes))))


def _count(made: Any, _source: Any, plan: RasterPlan) -> Fault:
    return _same(plan.encoding.count, made.count)


def _nodata(made: Any, _source: Any, plan: RasterPlan) -> Fault:
    expected = None if plan.encoding.nodata is None else float(plan.encoding.nodata)
    if all(_is_number(expected, found) for found in made.nodatavals):
        return None
    return expected, _listed(made.nodatavals)


def _is_number(expected: float | None, found: float | None) -> bool:
    if expected is None or found is None:
        return expected is found
    return expected == found or (math.isnan(expected) and math.isnan(found))


def _mask(made: Any, _source: Any, plan: RasterPlan) -> Fault:
    return _same(planned_mask(plan), mask_of(made))


def planned_mask(plan: RasterPlan) -> MaskKind:
    """How the output is to say which of its pixels are valid."""
    if plan.encoding.mask:
        return MaskKind.INTERNAL
    if plan.encoding.nodata is not None:
        return MaskKind.NODATA
    keeps_alpha = plan.description.mask is MaskKind.ALPHA and not plan.encoding.drop_alpha
    return MaskKind.ALPHA if keeps_alpha else MaskKind.NONE


def mask_of(dataset: Any) -> MaskKind:
    flags = dataset.mask_flag_enums[0]
    if MaskFlags.alpha in flags:
        return MaskKind.ALPHA
    if MaskFlags.per_dataset in flags:
        return MaskKind.INTERNAL
    return MaskKind.NODATA if MaskFlags.nodata in flags else MaskKind.NONE


def _color_table(made: Any, source: Any, plan: RasterPlan) -> Fault:
    expected = color_table(source) if plan.description.has_color_table else None
    found = color_table(made)
    if found == expected:
        return None
    return _colors(expected), _colors(found) if expected is None or found is None else "other colours"


def color_table(dataset: Any) -> dict[int, tuple[int, int, int, int]] | None:
    """The colours of the first band by pixel value, or ``None``."""
    if dataset.colorinterp[0].name != "palette":
        return None
    return dict(dataset.colormap(1))


def _colors(table: object) -> str:
    return "no colour table" if table is None else "the source's colour table"


def _scales(made: Any, _source: Any, plan: RasterPlan) -> Fault:
    described = plan.description
    count = min(plan.encoding.count, described.count)
    expected = (*described.scales[:count], *described.offsets[:count])
    found = (*made.scales[:count], *made.offsets[:count])
    return None if np.allclose(expected, found, rtol=1e-12, atol=0) else (_listed(expected), _listed(found))


def _units(made: Any, _source: Any, plan: RasterPlan) -> Fault:
    described = plan.description
    count = min(plan.encoding.count, described.count)
    expected = (*described.units[:count], *described.names[:count])
    return _same(_texts(expected), _texts((*made.units[:count], *made.descriptions[:count])))


def _texts(values: Sequence[str | None]) -> tuple[str, ...]:
    return tuple(value or "" for value in values)


def _same(expected: object, found: object) -> Fault:
    return None if expected == found else (expected, found)


def _listed(values: Any) -> str:
    return ", ".join(str(value) for value in values)


_CHECKS: dict[str, Callable[[Any, Any, RasterPlan], Fault]] = {
    "size": _size,
    "overviews": _overviews,
    "tiles": _tiles,
    "cog": _cog,
    "compression": _compression,
    "crs": _crs,
    "bounds": _bounds,
    "placement": _placement,
    "dtype": _dtype,
    "count": _count,
    "nodata": _nodata,
    "mask": _mask,
    "color_table": _color_table,
    "scales": _scales,
    "units": _units,
}
