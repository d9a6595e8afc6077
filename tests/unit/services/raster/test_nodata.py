"""What the user says is nodata, beside what the raster says itself, from the header to the checks."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
from rasterio.enums import ColorInterp

from services.raster.cog import make_cog
from services.raster.files import RasterFile
from tests.support.cogs import inspected
from tests.support.raster_headers import plan_file

WIDTH, HEIGHT = 40, 30
OWN, USER = (slice(0, 5), slice(0, 8)), (slice(5, 10), slice(0, 8))
"""Rows and columns of the pixels that have the raster's own value, and the user's."""


def source(folder: Path, dtype: str, own: float | None, user: float, bands: int = 1) -> Path:
    path = folder / "source.tif"
    pixels = np.full((bands, HEIGHT, WIDTH), 100, dtype)
    if own is not None:
        pixels[:, *OWN] = own
    pixels[:, *USER] = user
    with rasterio.open(
        path, "w", driver="GTiff", width=WIDTH, height=HEIGHT, count=bands, dtype=dtype, nodata=own,
        photometric="RGB" if bands >= 3 else None, crs="EPSG:32633",
        transform=rasterio.Affine(10, 0, 500_000, 0, -10, 5_000_000),
    ) as target:  # fmt: skip
        target.write(pixels)
    return path


def valid_percent(path: Path, **options: Any) -> float:
    """Of the first band of the COG, which passed all checks."""
    plan = plan_file(path, **options)
    cog = path.with_name("cog.tif")
    make_cog(RasterFile(str(path), "GTiff"), plan, cog)
    return inspected(cog, path, plan).bands[0].valid_percent


@pytest.mark.parametrize("own", [None, "other", "same"])
@pytest.mark.parametrize(
    ("dtype", "other", "user"),
    [
        ("uint8", 5, 0),
        ("int8", 5, -128),
        ("int16", -99, 0),
        ("uint16", 65_535, 0),
        ("uint32", 2**32 - 1, 0),
        ("int32", -(2**31), 2**31 - 1),
        ("float32", -9_999, "nan"),
        ("float32", "nan", -9_999),
        ("float64", -9_999, 0.1),
    ],
)
def test_the_users_goes_before_the_rasters_own(
    tmp_path: Path, dtype: str, other: Any, user: Any, own: str | None
) -> None:
    given = {None: None, "other": float(other), "same": float(user)}[own]
    path = source(tmp_path, dtype, given, float(user))
    own_too = own == "same" or (own == "other" and other == "nan")
    invalid = 80 if own_too else 40
    assert valid_percent(path, nodata=user) == pytest.approx(100 - 100 * invalid / (WIDTH * HEIGHT))


@pytest.mark.parametrize("user", [0.1, -9_999.9, 1e20, -3.4028235e38])
def test_a_float32_takes_the_nearest_value_that_it_has(tmp_path: Path, user: float) -> None:
    path = source(tmp_path, "float32", None, user)
    assert valid_percent(path, nodata=user) == pytest.approx(100 - 100 * 40 / 1_200)


@pytest.mark.parametrize("bands", [1, 3])
def test_the_mask_of_a_jpeg_is_that_of_the_users(tmp_path: Path, bands: int) -> None:
    path = source(tmp_path, "uint8", 105, 0, bands)
    assert valid_percent(path, nodata=0, profile="visual") == pytest.approx(100 - 100 * 40 / 1_200)


@pytest.mark.filterwarnings("ignore::rasterio.errors.NodataShadowWarning")
@pytest.mark.parametrize("own", [None, 5])
def test_what_alpha_hides_stays_hidden_beside_it(tmp_path: Path, own: float | None) -> None:
    path = source(tmp_path, "uint8", own, 0, 4)
    with rasterio.open(path, "r+") as target:
        target.colorinterp = (ColorInterp.red, ColorInterp.green, ColorInterp.blue, ColorInterp.alpha)
        alpha = np.full((HEIGHT, WIDTH), 255, "uint8")
        alpha[20:, :] = 0
        target.write(alpha, 4)
    assert valid_percent(path, nodata=0) == pytest.approx(100 * 760 / 1_200)
