"""Makes large rasters that compress as images and elevations do: hills of all sizes, texture, noise."""

# rasterio comes without types.
# pyright: reportMissingTypeStubs=false, reportUnknownMemberType=false, reportUnknownVariableType=false

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import rasterio
from rasterio.transform import Affine
from rasterio.windows import Window

Array = npt.NDArray[Any]

BLOCK = 512
_CELLS = (1024, 256, 64, 16, 4)
"""Sizes of the hills in pixels; each size has half the height of the one before, as terrain has."""

_PIXEL_METRES = 10.0
_CORNER = (399_960.0, 5_100_000.0)


@dataclass(frozen=True)
class Scene:
    """What is to be made. ``noise`` and ``height`` are in units of the pixels' values."""

    name: str
    side: int
    bands: int
    dtype: str
    height: float
    noise: float

    @property
    def pixel_bytes(self) -> int:
        return self.side**2 * self.bands * np.dtype(self.dtype).itemsize

    @property
    def predictor(self) -> int:
        return 3 if np.dtype(self.dtype).kind == "f" else 2


def picture(side: int) -> Scene:
    """An aerial image of three bands that have much in common."""
    return Scene("rgb_uint8", side, bands=3, dtype="uint8", height=220.0, noise=2.0)


def elevations(side: int) -> Scene:
    """Metres above the sea, with centimetres of noise."""
    return Scene("elevation_float32", side, bands=1, dtype="float32", height=2_400.0, noise=0.05)


def make(scene: Scene, path: Path) -> None:
    """Write it as a tiled GeoTIFF in DEFLATE without overviews: a source as they come."""
    profile: dict[str, Any] = {
        "driver": "GTiff",
        "width": scene.side,
        "height": scene.side,
        "count": scene.bands,
        "dtype": scene.dtype,
        "crs": "EPSG:32633",
        "transform": Affine(_PIXEL_METRES, 0, _CORNER[0], 0, -_PIXEL_METRES, _CORNER[1]),
        "tiled": True,
        "blockxsize": BLOCK,
        "blockysize": BLOCK,
        "interleave": "pixel",
        "compress": "deflate",
        "predictor": scene.predictor,
        "bigtiff": "if_safer",
        "num_threads": "all_cpus",
    }
    with rasterio.open(path, "w", **profile) as target:
        for top, rows in _stripes(scene):
            target.write(rows, window=Window(0, top, scene.side, rows.shape[1]))


def _stripes(scene: Scene) -> Iterator[tuple[int, Array]]:
    """The pixels from the top, a row of blocks at a time, of shape ``(bands, rows, side)``."""
    random = np.random.default_rng(5)
    grids = [_grid(random, scene.side, cell) for cell in _CELLS]
    own = [_grid(random, scene.side, _CELLS[0]) for _ in range(scene.bands)]
    for top in range(0, scene.side, BLOCK):
        rows = min(BLOCK, scene.side - top)
        shape = np.zeros((rows, scene.side), np.float32)
        for number, (grid, cell) in enumerate(zip(grids, _CELLS, strict=True)):
            shape += _interpolated(grid, cell, top, rows, scene.side) / np.float32(2 ** (number + 1))
        made = np.empty((scene.bands, rows, scene.side), scene.dtype)
        for band in range(scene.bands):
            tint = _interpolated(own[band], _CELLS[0], top, rows, scene.side)
            values = (0.85 * shape + 0.15 * tint) * np.float32(scene.height)
            values += random.standard_normal(values.shape, np.float32) * np.float32(scene.noise)
            made[band] = values if made.dtype.kind == "f" else np.clip(values, 0, 255)
        yield top, made


def _grid(random: np.random.Generator, side: int, cell: int) -> Array:
    points = side // cell + 2
    return random.random((points, points), np.float32)


def _interpolated(grid: Array, cell: int, top: int, rows: int, side: int) -> Array:
    """Bilinearly between the grid's points, which lie ``cell`` pixels apart."""
    down, right = (
        np.arange(first, first + count, dtype=np.float32) / cell for first, count in ((top, rows), (0, side))
    )
    row, column = down.astype(np.intp), right.astype(np.intp)
    below, beside = (down - row)[:, None], right - column
    lines = grid[row] + (grid[row + 1] - grid[row]) * below
    return lines[:, column] + (lines[:, column + 1] - lines[:, column]) * beside
