"""A raster of 20 GB that takes a megabyte, what would be made of it, and the memory that children take."""

import threading
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import rasterio
from rasterio.transform import Affine
from rasterio.windows import Window

from tests.support.processes import family_of, memory_of

SIDE = 83_000
BANDS = 3
TILE = 512


def write_sparse(path: Path, side: int = SIDE, windows: tuple[tuple[int, int], ...] = ()) -> None:
    """An RGB image none of whose tiles is stored, except for noise of 4,096 x 4,096 pixels at each place
    (row, column)."""
    profile: dict[str, Any] = {
        "driver": "GTiff",
        "width": side,
        "height": side,
        "count": BANDS,
        "dtype": "uint8",
        "crs": "EPSG:32633",
        "transform": Affine(1, 0, 400_000, 0, -1, 5_100_000),
        "tiled": True,
        "blockxsize": TILE,
        "blockysize": TILE,
        "interleave": "pixel",
        "compress": "deflate",
        "predictor": 2,
        "zlevel": 1,
        "bigtiff": "yes",
        "sparse_ok": True,
    }
    random = np.random.default_rng(1)
    with rasterio.open(path, "w", **profile) as target:
        for row, column in windows:
            height, width = min(4_096, side - row), min(4_096, side - column)
            noise = random.integers(0, 40, (BANDS, height, width), dtype="uint8")
            target.write(noise, window=Window(column, row, width, height))


@dataclass
class Peak:
    """Bytes: of the largest child at any time, and how much this process has grown."""

    child: int = 0
    parent: int = 0


@contextmanager
def measured(pid: int) -> Generator[Peak]:
    """The memory of the process and of its children meanwhile, looked at every 10 ms.

    The kernel keeps each process's highest figure, so that nothing before the last look is missed.
    """
    found, done = Peak(), threading.Event()
    before = memory_of(pid)[0]

    def look() -> None:
        while not done.wait(0.01):
            own, *children = family_of(pid)
            found.parent = max(found.parent, memory_of(own)[0] - before)
            found.child = max([found.child, *(memory_of(child)[1] for child in children)])

    thread = threading.Thread(target=look)
    thread.start()
    try:
        yield found
    finally:
        done.set()
        thread.join()
