"""From a piece of the output grid to the window of the source that it is made of."""

# rasterio comes without types, and how its Window is called is only known at run time.
# pyright: reportMissingTypeStubs=false, reportUnknownMemberType=false, reportUnknownVariableType=false
# pyright: reportUnknownArgumentType=false, reportUnknownParameterType=false, reportCallIssue=false

import math
from typing import Any

import numpy as np
import numpy.typing as npt
from affine import Affine
from rasterio._err import CPLE_BaseError  # pyright: ignore[reportPrivateImportUsage] -- raised, yet private
from rasterio.control import GroundControlPoint
from rasterio.crs import CRS
from rasterio.errors import RasterioError
from rasterio.rpc import RPC
from rasterio.transform import GCPTransformer, RPCTransformer
from rasterio.warp import transform
from rasterio.windows import Window

from schema.contracts.rasters import RasterPlan
from services.raster.georeference import PlacedBy, Placement, placement_of
from services.raster.reference_systems import degrees_per_unit, is_same, parsed

_KERNEL = 3
"""Pixels on each side that any resampling looks at, with one to spare."""

_SLACK = 8
_INNER = 17
_TURN = 360.0
_FEW = 16

Floats = npt.NDArray[np.float64]


class Warp:
    """The way from the output grid of a plan back to the pixels of an open source."""

    def __init__(self, dataset: Any, plan: RasterPlan) -> None:
        self.placement: Placement = placement_of(dataset, plan.options.source_crs)
        self.grid = Affine(*plan.grid.transform)
        self.crs: CRS = parsed(plan.grid.crs or "")
        self._turn = self._full_turn()

    def transform_of(self, piece: Window) -> Affine:
        """The transform of a piece of the output grid."""
        return self.grid @ Affine.translation(piece.col_off, piece.row_off)

    def source_window(self, piece: Window) -> Window | None:
        """What the piece is made of, with what the kernel reaches; ``None`` where that is outside.

        All pixels along the piece's edges and some within are followed back, so that no sliver beyond a cut
        in the projection is missed.
        """
        columns, rows = self._sampled(piece)
        finite = np.isfinite(columns) & np.isfinite(rows)
        if not finite.any():
            return None
        spread = 1 if finite.all() else 2 * max(piece.width, piece.height) / (_INNER - 1)
        left, right = _span(columns[finite], piece.width, spread, self.placement.width)
        top, bottom = _span(rows[finite], piece.height, spread, self.placement.height)
        if left >= right or top >= bottom:
            return None
        return Window(left, top, right - left, bottom - top)

    def source_arguments(self, window: Window, step: int) -> list[dict[str, Any]]:
        """How ``reproject`` is told where the source's window lies, one pixel of which is ``step`` wide.

        Usually one way; several where output and source have the same geographic CRS and lie a turn apart.
        """
        placement = self.placement
        if placement.by is PlacedBy.GCPS:
            controls = [_moved(each, window, step) for each in placement.points["gcps"]]
            return [{"src_crs": placement.crs, "gcps": controls}]
        if placement.by is PlacedBy.RPCS:
            rpcs = _moved_rpcs(placement.points["rpcs"], window, step)
            return [{"src_crs": placement.crs, **placement.points, "rpcs": rpcs}]
        place = placement.transform @ Affine.translation(window.col_off, window.row_off) @ Affine.scale(step)
        turns = (0.0,) if self._turn is None else (0.0, -self._turn, self._turn)
        return [
            {"src_crs": placement.crs, "src_transform": Affine.translation(turn, 0) @ place} for turn in turns
        ]

    def _full_turn(self) -> float | None:
        """360 degrees in units of the CRS that output and source share; else GDAL turns by itself."""
        crs = self.placement.crs
        shared = self.placement.by is PlacedBy.TRANSFORM and crs is not None and is_same(crs, self.crs)
        return _TURN / degrees_per_unit(crs) if shared and crs is not None and crs.is_geographic else None

    def _sampled(self, piece: Window) -> tuple[Floats, Floats]:
        """Columns and rows in the source of points of the piece; not finite where there is no way."""
        across, down = _points_of(piece)
        x, y = _applied(self.grid, across, down)
        placement = self.placement
        if placement.crs is not None and not is_same(placement.crs, self.crs):
            x, y = transformed_arrays(self.crs, placement.crs, x, y)
        if placement.by is PlacedBy.GCPS:
            with GCPTransformer(placement.points["gcps"]) as way:
                return _back(way, x, y)
        if placement.by is PlacedBy.RPCS:
            options = {name: value for name, value in placement.points.items() if name != "rpcs"}
            with RPCTransformer(placement.points["rpcs"], **options) as way:
                return _back(way, x, y)
        return self._columns_and_rows(x, y)

    def _columns_and_rows(self, x: Floats, y: Floats) -> tuple[Floats, Floats]:
        placement = self.placement
        if placement.crs is not None and placement.crs.is_geographic:
            turn = _TURN / degrees_per_unit(placement.crs)
            middle = (placement.transform @ (placement.width / 2, placement.height / 2))[0]
            x = middle + (x - middle + turn / 2) % turn - turn / 2
        return _applied(~placement.transform, x, y)


def transformed_arrays(source: CRS, target: CRS, x: Floats, y: Floats) -> tuple[Floats, Floats]:
    """Points in another CRS, infinite where they have no place there."""
    try:
        moved: Any = transform(source, target, x, y)
    except (CPLE_BaseError, RasterioError):
        if len(x) <= _FEW:
            return np.full_like(x, np.inf), np.full_like(y, np.inf)
        # One point without a place may fail the whole call.
        half = len(x) // 2
        parts = [
            transformed_arrays(source, target, x[part], y[part]) for part in (np.s_[:half], np.s_[half:])
        ]
        return np.concatenate([part[0] for part in parts]), np.concatenate([part[1] for part in parts])
    return np.asarray(moved[0]), np.asarray(moved[1])


def _applied(terms: Affine, x: Floats, y: Floats) -> tuple[Floats, Floats]:
    with np.errstate(invalid="ignore"):
        return terms.a * x + terms.b * y + terms.c, terms.d * x + terms.e * y + terms.f


def _points_of(piece: Window) -> tuple[Floats, Floats]:
    left, top = float(piece.col_off), float(piece.row_off)
    across = left + np.arange(piece.width + 1.0)
    down = top + np.arange(piece.height + 1.0)
    inner = np.meshgrid(
        np.linspace(left, left + piece.width, _INNER), np.linspace(top, top + piece.height, _INNER)
    )
    columns = [
        across,
        across,
        np.full_like(down, across[0]),
        np.full_like(down, across[-1]),
        inner[0].ravel(),
    ]
    rows = [np.full_like(across, down[0]), np.full_like(across, down[-1]), down, down, inner[1].ravel()]
    return np.concatenate(columns), np.concatenate(rows)


def _back(way: Any, x: Floats, y: Floats) -> tuple[Floats, Floats]:
    rows, columns = way.rowcol(x, y, op=np.positive)
    return np.asarray(columns, np.float64), np.asarray(rows, np.float64)


def _span(places: Floats, pieces: int, spread: float, size: int) -> tuple[int, int]:
    """First and last pixel, cut to the source; ``spread`` in output pixels is how far a place may lie from
    the next that was followed."""
    lowest, highest = float(places.min()), float(places.max())
    scale = max(1.0, (highest - lowest) / pieces)
    margin = (_KERNEL + spread) * scale + _SLACK
    first = max(0.0, lowest - margin)
    last = min(float(size), highest + margin)
    return (0, 0) if first >= last else (math.floor(first), math.ceil(last))


def _moved(control: GroundControlPoint, window: Window, step: int) -> GroundControlPoint:
    row, column = (control.row - window.row_off) / step, (control.col - window.col_off) / step
    return GroundControlPoint(row=row, col=column, x=control.x, y=control.y, z=control.z)


def _moved_rpcs(rpcs: Any, window: Window, step: int) -> Any:
    """RPCs count from the middle of the first pixel."""
    moved = {
        "line_off": (rpcs.line_off - window.row_off + 0.5) / step - 0.5,
        "samp_off": (rpcs.samp_off - window.col_off + 0.5) / step - 0.5,
        "line_scale": rpcs.line_scale / step,
        "samp_scale": rpcs.samp_scale / step,
    }
    return RPC(**(rpcs.to_dict() | moved))
