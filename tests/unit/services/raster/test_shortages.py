"""Too little memory or disk is told apart from faults of a raster, whoever names it and how deep it lies."""

import errno
import resource
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
from rasterio._err import CPLE_AppDefinedError, CPLE_OutOfMemoryError
from rasterio.errors import RasterioIOError
from rasterio.windows import Window

from schema.errors import PermanentTaskError
from services.raster import checking, inspect, source_pixels
from services.raster.files import RasterFile
from services.raster.shortages import shortage_of
from tests.support.raster_plans import plan_of
from tests.support.rasters import raster_bytes

ALLOCATION = CPLE_AppDefinedError(
    3, 1, "a.tif, band 1: IReadBlock failed at X offset 0, Y offset 0: cannot allocate 1x199229440 bytes"
)


def caused(error: Exception, cause: Exception) -> Exception:
    error.__cause__ = cause
    return error


def failed_read(cause: Exception) -> Exception:
    return caused(RasterioIOError("Read failed. See previous exception for details."), cause)


@pytest.mark.parametrize(
    ("error", "shortage"),
    [
        (MemoryError(), "memory"),
        (np._core._exceptions._ArrayMemoryError((1 << 40,), np.dtype("uint8")), "memory"),
        (OSError(errno.ENOMEM, "none"), "memory"),
        (CPLE_OutOfMemoryError(3, 2, "no words that are known"), "memory"),
        (failed_read(ALLOCATION), "memory"),
        (failed_read(CPLE_AppDefinedError(3, 1, "TIFFReadBufferSetup:No space for data buffer")), "memory"),
        (caused(ValueError("could not read"), MemoryError()), "memory"),
        (OSError(errno.ENOSPC, "full"), "disk"),
        (OSError(errno.EDQUOT, "full"), "disk"),
        (failed_read(CPLE_AppDefinedError(3, 1, "TIFFAppendToStrip:Write error at scanline 160")), "disk"),
        (RasterioIOError("_tiffWriteProc: No space left on device"), "disk"),
        (OSError(errno.EFBIG, "large"), "file"),
        (OSError(errno.ENOENT, "absent"), None),
        (failed_read(CPLE_AppDefinedError(3, 1, "ZIPDecode:Decoding error at scanline 0")), None),
        (ValueError("out of memory, says a stranger's tag"), None),
    ],
)
def test_an_error_tells_what_there_was_too_little_of(error: Exception, shortage: str | None) -> None:
    assert shortage_of(error) == shortage


def test_what_was_dealt_with_before_an_error_is_not_its_cause() -> None:
    error = ValueError("another")
    error.__context__ = MemoryError()
    assert shortage_of(error) == "memory"
    error.__suppress_context__ = True
    assert shortage_of(error) is None


class Failing:
    """An open raster of which nothing can be read."""

    def read(self, *_: Any, **__: Any) -> Any:
        raise failed_read(ALLOCATION)


def test_a_block_that_memory_is_short_for_does_not_condemn_the_cog() -> None:
    with pytest.raises(RasterioIOError):
        inspect._read(Failing(), Window(0, 0, 1, 1))


def test_an_overview_that_memory_is_short_for_does_not_condemn_the_cog(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "source.tif"
    path.write_bytes(raster_bytes(700, 600))

    def fail(*_: object) -> None:
        raise failed_read(ALLOCATION)

    monkeypatch.setattr(checking, "_read_level", fail)
    with pytest.raises(RasterioIOError):
        checking.check_levels(RasterFile(str(path), "GTiff"), plan_of(path), lambda _: None)


def test_pixels_that_memory_is_short_for_are_not_unreadable(tmp_path: Path) -> None:
    path = tmp_path / "source.tif"
    path.write_bytes(raster_bytes())
    with pytest.raises(RasterioIOError):
        source_pixels.read_source(Failing(), plan_of(path), Window(0, 0, 1, 1))


@pytest.fixture
def small_files() -> Iterator[None]:
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, hard))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@pytest.mark.usefixtures("small_files")
def test_a_file_that_gdal_cannot_write_on_is_told_of(tmp_path: Path) -> None:
    """Really by GDAL, so that a version that says it otherwise is noticed."""
    path, pixels = tmp_path / "made.tif", np.ones((1, 1024, 1024), np.uint8)
    shape = {"count": 1, "dtype": "uint8", "width": 1024, "height": 1024, "crs": 32633}
    transform = rasterio.Affine.scale(10)
    with (
        pytest.raises(RasterioIOError) as raised,
        rasterio.open(path, "w", driver="GTiff", transform=transform, **shape) as target,
    ):
        target.write(pixels)
    assert shortage_of(raised.value) == "disk"


def test_a_refusal_that_a_shortage_led_to_is_told_as_the_shortage() -> None:
    refusal = caused(PermanentTaskError("no sense", "RASTER_UNREADABLE"), failed_read(ALLOCATION))
    assert shortage_of(refusal) == "memory"
