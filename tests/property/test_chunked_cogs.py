"""Whatever its size, type and chunks: a chunked COG has at every level the pixels of the whole raster."""

import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import rasterio
from hypothesis import given, settings
from hypothesis import strategies as st
from rasterio.transform import Affine

from services.raster.tiff import Tag, read_directories
from tests.support.chunked_cogs import assert_cog, assert_levels_equal, chunked_cog
from tests.support.raster_plans import plan_of

SIDES = st.one_of(st.integers(1, 1500), st.sampled_from([1, 511, 512, 513, 1023, 1024, 1025, 1500]))
FORMS: list[tuple[str, int, float | None, bool]] = [
    ("uint8", 1, None, False),
    ("uint8", 3, None, True),
    ("int16", 1, -1, False),
    ("uint16", 2, None, False),
    ("float32", 1, float("nan"), False),
]
"""Type, bands, nodata, whether there is a mask."""


def write_source(path: Path, width: int, height: int, form: tuple[str, int, float | None, bool]) -> None:
    dtype, bands, nodata, masked = form
    random = np.random.default_rng(width * 1501 + height)
    pixels = random.integers(0, 90, (bands, height, width)).astype(dtype)
    if nodata is not None:
        pixels[:, random.random((height, width)) > 0.6] = nodata
    options: dict[str, Any] = {"crs": "EPSG:32633", "transform": Affine(10, 0, 5e5, 0, -10, 5e6)}
    with (
        rasterio.Env(GDAL_TIFF_INTERNAL_MASK=True),
        rasterio.open(
            path,
            "w",
            driver="GTiff",
            width=width,
            height=height,
            count=bands,
            dtype=dtype,
            nodata=nodata,
            **options,
        ) as dataset,
    ):
        dataset.write(pixels)
        if masked:
            dataset.write_mask(random.random((height, width)) > 0.5)
            dataset.write_mask(np.ones((1, 1), bool), window=((0, 1), (0, 1)))


def assert_tiles_fill_the_file(cog: Path) -> None:
    """Tiles of all levels follow each other without a gap, from the end of the header to that of the file."""
    places: list[tuple[int, int]] = []
    for directory in read_directories(cog):
        offsets, sizes = directory[Tag.TILE_OFFSETS].numbers, directory[Tag.TILE_BYTE_COUNTS].numbers
        places += zip(offsets, sizes, strict=True)
    places.sort()
    ends = [offset + size for offset, size in places]
    assert ends[:-1] == [offset for offset, _ in places[1:]]
    assert ends[-1] == cog.stat().st_size


@settings(max_examples=25, deadline=None)
@given(
    width=SIDES,
    height=SIDES,
    form=st.sampled_from(FORMS),
    method=st.sampled_from(["average", "nearest"]),
    chunk=st.sampled_from([(512, 0), (1024, 0), (1024, 1)]),
)
def test_levels_are_those_of_the_whole_raster(
    width: int, height: int, form: tuple[str, int, float | None, bool], method: Any, chunk: tuple[int, int]
) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        source = folder / "source.tif"
        write_source(source, width, height, form)
        plan = plan_of(source, chunk=chunk[0], levels=chunk[1], overview_resampling=method)
        cog = chunked_cog(source, plan, folder)
        assert_levels_equal(cog, plan, source)
        assert_cog(cog)
        assert_tiles_fill_the_file(cog)
