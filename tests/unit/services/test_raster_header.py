"""Rasters' headers: what they say, how little is read, and what never reaches a driver."""

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from schema.contracts.list_container import RasterHeader, RasterInfo
from schema.errors import PermanentTaskError
from services.containers.ranges import BLOCK_BYTES, RangeSource
from services.containers.raster_header import read_header
from tests.support.rasters import cog_bytes, raster_bytes, real_file

pytestmark = pytest.mark.filterwarnings("ignore::rasterio.errors.NotGeoreferencedWarning")


def source_of(data: bytes, **limits: Any) -> RangeSource:
    return RangeSource(
        lambda offset, length: data[offset : offset + length], len(data), data[:BLOCK_BYTES], **limits
    )


def read(data: bytes, driver: str = "GTiff") -> RasterInfo:
    return read_header(source_of(data), driver)


def header(data: bytes, driver: str = "GTiff") -> RasterHeader:
    info = read(data, driver)
    assert info.header is not None, info.problem
    return info.header


def problem_code(info: RasterInfo) -> str | None:
    assert not info.readable
    return info.problem.code if info.problem else None


def test_a_header_tells_size_type_place_and_nodata() -> None:
    found = header(raster_bytes(64, 48, 3, "int16", nodata=-1))
    assert found == RasterHeader(
        driver="GTiff",
        width=64,
        height=48,
        bands=3,
        dtypes=("int16",),
        crs="EPSG:32633",
        bounds=(500_000, 4_999_520, 500_640, 5_000_000),
        nodata=-1.0,
        is_cog=True,
    )


def test_a_crs_that_merely_looks_like_a_known_one_is_told_as_wkt() -> None:
    """rasterio takes this one for EPSG:32000, which is another."""
    found = header(real_file("raster/olinda_dem_utm25s.tif").read_bytes())
    assert (found.crs or "").startswith('BOUNDCRS[SOURCECRS[PROJCRS["UTM Zone 25, Southern Hemisphere"')


def test_a_raster_without_a_place_has_no_bounds() -> None:
    found = header(raster_bytes(crs=None, transform=None))
    assert (found.crs, found.bounds) == (None, None)


def test_nodata_that_json_cannot_say_is_text() -> None:
    assert header(raster_bytes(dtype="float32", nodata=float("nan"))).nodata == "nan"


def test_a_bigtiff_is_read() -> None:
    assert header(raster_bytes(BIGTIFF="YES")).width == 64


@pytest.mark.parametrize(
    ("made", "expected"),
    [
        (cog_bytes(), True),
        (raster_bytes(1_024, 1_024), False),
        (raster_bytes(1_024, 1_024, tiled=True, blockxsize=256, blockysize=256), False),
    ],
    ids=["cog", "strips", "tiles_without_overviews"],
)
def test_is_cog(made: bytes, expected: bool) -> None:
    assert header(made).is_cog is expected


def test_only_the_header_of_a_large_raster_is_read() -> None:
    data = raster_bytes(4_000, 4_000)
    source = source_of(data)
    read_header(source, "GTiff")
    assert len(data) > 15_000_000
    assert source.fetched <= 3 * BLOCK_BYTES


def test_a_truncated_raster_is_told() -> None:
    data = raster_bytes(1_000, 1_000)
    assert problem_code(read(data[: len(data) // 2])) == "RASTER_TRUNCATED"


def test_a_broken_header_is_told() -> None:
    assert problem_code(read(b"II*\0\xff\xff\xff\x7f" + bytes(100))) == "RASTER_UNREADABLE"


def test_a_header_beyond_the_limit_is_told() -> None:
    data = cog_bytes()
    source = RangeSource(lambda offset, length: data[offset : offset + length], len(data), max_bytes=0)
    assert problem_code(read_header(source, "GTiff")) == "RASTER_HEADER_TOO_LARGE"


def test_what_storage_fails_with_is_no_fault_of_the_raster() -> None:
    def changed(_offset: int, _length: int) -> bytes:
        raise PermanentTaskError("replaced", "BLOB_CHANGED")

    with pytest.raises(PermanentTaskError) as caught:
        read_header(RangeSource(changed, 1_000_000), "GTiff")
    assert caught.value.error_code == "BLOB_CHANGED"


def test_headers_are_read_in_many_threads_at_once() -> None:
    made = {width: raster_bytes(width) for width in range(10, 26)}

    def width_of(width: int) -> int:
        return header(made[width]).width

    wanted = list(made) * 8
    with ThreadPoolExecutor(16) as pool:
        assert list(pool.map(width_of, wanted)) == wanted


def test_drivers_that_reach_elsewhere_are_not_there() -> None:
    script = (
        "import registration, rasterio\n"
        "with rasterio.Env() as env:\n"
        "    print(*sorted(env.drivers()), sep=',')\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
        cwd=Path(__file__).parents[3],
    )
    drivers = set(done.stdout.strip().split(","))
    assert {"GTiff", "JP2OpenJPEG", "PNG", "JPEG"} <= drivers
    assert not {"VRT", "WMS", "WCS", "WMTS", "HTTP", "STACIT", "EEDA", "GTI", "MRF"} & drivers


class _Recorder(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.server.asked.append(self.path)  # type: ignore[attr-defined]
        self.send_error(404)

    do_HEAD = do_GET  # noqa: N815 -- the names that the server calls

    def log_message(self, *_: object) -> None: ...


def test_vrt_in_disguise_fetches_nothing() -> None:
    with ThreadingHTTPServer(("127.0.0.1", 0), _Recorder) as server:
        server.asked = []  # type: ignore[attr-defined]
        server.timeout = 0.2
        address = f"http://127.0.0.1:{server.server_port}/secret.tif"
        vrt = (
            '<VRTDataset rasterXSize="1" rasterYSize="1"><VRTRasterBand dataType="Byte" band="1">'
            "<SimpleSource>"
            f"<SourceFilename>/vsicurl/{address}</SourceFilename><SourceBand>1</SourceBand>"
            "</SimpleSource></VRTRasterBand></VRTDataset>"
        )
        for driver in ("GTiff", "JP2OpenJPEG", "PNG", "JPEG"):
            assert problem_code(read(vrt.encode(), driver)) == "RASTER_UNREADABLE"
        server.handle_request()
        assert server.asked == []  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("name", "width", "crs", "cog"),
    [
        ("cog_int16.tif", 2_658, "EPSG:32621", True),
        ("nocog_uint16.tif", 2_658, "EPSG:32621", False),
        ("rc_image_no_overview.tif", 1_024, "EPSG:3857", False),
        ("rgb_byte_utm18n.tif", 791, "EPSG:32618", False),
        ("mosaic_cog1.tif", 779, "EPSG:32618", True),
        ("worldcover_2021_N00E006.tif", 36_000, "EPSG:4326", True),
    ],
)
def test_real_rasters(name: str, width: int, crs: str, cog: bool) -> None:
    found = header(real_file(f"raster/{name}").read_bytes())
    assert (found.width, found.crs, found.is_cog) == (width, crs, cog)


def test_every_real_raster_is_readable_by_its_header() -> None:
    for path in real_file("raster").iterdir():
        driver = "JP2OpenJPEG" if path.suffix == ".jp2" else "GTiff"
        source = source_of(path.read_bytes())
        assert read_header(source, driver).readable, path.name
        assert source.fetched <= 512 * 1024, path.name


@pytest.mark.parametrize(
    ("name", "driver", "code"),
    [
        ("truncated_half.tif", "GTiff", "RASTER_TRUNCATED"),
        ("really_a_png.tif", "GTiff", "RASTER_UNREADABLE"),
        ("really_a_png.tif", "PNG", None),
        ("sparse_bomb_1280GB.tif", "GTiff", None),
        ("giant_block_30000.tif", "GTiff", None),
        ("vrt_ssrf_disguised.tif", "GTiff", "RASTER_UNREADABLE"),
    ],
)
def test_broken_files(name: str, driver: str, code: str | None) -> None:
    info = read(real_file(f"broken/{name}").read_bytes(), driver)
    assert (info.problem.code if info.problem else None) == code
