"""Small rasters for tests that must run anywhere, and the way to the real ones."""

import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from rasterio.errors import NotGeoreferencedWarning
from rasterio.io import MemoryFile
from rasterio.shutil import copy
from rasterio.transform import Affine

TESTDATA = Path(__file__).parents[3] / "shared" / "testdata"


def real_file(name: str) -> Path:
    """A file of the shared test data, such as ``raster/cog_int16.tif``; without it the test is skipped."""
    path = TESTDATA / name
    if not path.exists():
        pytest.skip(f"no shared test data here: {name}")
    return path


def raster_bytes(
    width: int = 64, height: int = 48, bands: int = 1, dtype: str = "uint8", **options: Any
) -> bytes:
    """A GeoTIFF in EPSG:32633 with pixels of 10 m, unless the options say otherwise."""
    profile: dict[str, Any] = {
        "driver": "GTiff",
        "crs": "EPSG:32633",
        "transform": Affine(10, 0, 500_000, 0, -10, 5_000_000),
        **options,
    }
    shape = (bands, height, width)
    pixels = np.random.default_rng(1).integers(0, 100, shape).astype(dtype)
    with warnings.catch_warnings(), MemoryFile() as memory:
        warnings.simplefilter("ignore", NotGeoreferencedWarning)
        with memory.open(width=width, height=height, count=bands, dtype=dtype, **profile) as dataset:
            dataset.write(pixels)
        return memory.read()


def cog_bytes(**options: Any) -> bytes:
    """A Cloud Optimized GeoTIFF of 1,024 x 1,024 pixels with overviews."""
    made = raster_bytes(1_024, 1_024, **options)
    with MemoryFile(made) as source, source.open() as dataset, MemoryFile() as target:
        copy(dataset, target.name, driver="COG", blocksize=256)
        return target.read()
