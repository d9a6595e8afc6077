"""Describing one file."""

import pytest

from schema.contracts.containers import FileItem
from schema.contracts.list_container import ExtractParameters, FileCategory, FileMetadata, MetadataLevel
from schema.errors import PermanentTaskError, ThrottledTaskError
from services.containers import metadata
from tests.fakes.blobs import FakeBlobRepository
from tests.fakes.task_context import FakeTaskContext
from tests.support.rasters import raster_bytes, real_file


@pytest.fixture
def blobs() -> FakeBlobRepository:
    return FakeBlobRepository(containers={"bronze": {}})


def item(blobs: FakeBlobRepository, name: str, data: bytes) -> FileItem:
    info = blobs.put("bronze", name, data, "image/tiff")
    return FileItem(
        name=name,
        size=info.size,
        etag=info.etag,
        last_modified=info.last_modified,
        content_type=info.content_type,
    )


def described(blobs: FakeBlobRepository, file: FileItem, level: MetadataLevel) -> FileMetadata:
    parameters = ExtractParameters(container="bronze", file=file, level=level)
    return metadata.run(parameters, FakeTaskContext(blobs))


def problem_code(blobs: FakeBlobRepository, name: str, data: bytes) -> str | None:
    raster = described(blobs, item(blobs, name, data), MetadataLevel.FULL).raster
    assert raster is not None
    assert raster.readable is (raster.problem is None)
    return raster.problem.code if raster.problem else None


def test_basic_is_what_was_listed_and_reads_nothing(blobs: FakeBlobRepository) -> None:
    file = item(blobs, "a.tif", raster_bytes())
    assert described(blobs, file, MetadataLevel.BASIC) == FileMetadata(
        name="a.tif", size=file.size, last_modified=file.last_modified, etag=file.etag
    )
    assert blobs.reads == []


def test_standard_tells_type_extension_and_category_from_one_small_read(blobs: FakeBlobRepository) -> None:
    found = described(blobs, item(blobs, "a.TIF", raster_bytes(400, 400)), MetadataLevel.STANDARD)
    assert (found.content_type, found.extension, found.category) == (
        "image/tiff",
        ".tif",
        FileCategory.RASTER,
    )
    assert (found.format, found.raster) == ("GeoTIFF", None)
    assert blobs.reads == [(0, 4_096)]


def test_full_reads_the_header_of_a_raster(blobs: FakeBlobRepository) -> None:
    found = described(blobs, item(blobs, "a.tif", raster_bytes(3_000, 3_000)), MetadataLevel.FULL)
    assert found.raster is not None
    assert found.raster.header is not None
    assert (found.raster.header.width, found.raster.header.crs) == (3_000, "EPSG:32633")
    assert sum(length for _, length in blobs.reads) < 300_000


def test_full_asks_no_driver_about_other_files(blobs: FakeBlobRepository) -> None:
    found = described(blobs, item(blobs, "a.csv", b"a,b"), MetadataLevel.FULL)
    assert (found.category, found.raster) == (FileCategory.OTHER, None)


def test_a_raster_by_another_name_is_read_by_its_content(blobs: FakeBlobRepository) -> None:
    assert problem_code(blobs, "a.bin", raster_bytes()) is None


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"", "RASTER_EMPTY"),
        (b"no raster at all", "RASTER_FORMAT_UNKNOWN"),
        (b"<VRTDataset></VRTDataset>", "RASTER_FORMAT_UNSUPPORTED"),
        (b"<html>not found</html>", "RASTER_FORMAT_UNSUPPORTED"),
        (b"\x89HDF\r\n\x1a\n", "RASTER_FORMAT_UNSUPPORTED"),
        (b"II*\0garbage garbage", "RASTER_UNREADABLE"),
    ],
)
def test_a_broken_raster_is_a_finding(blobs: FakeBlobRepository, data: bytes, code: str) -> None:
    assert problem_code(blobs, "a.tif", data) == code


@pytest.mark.parametrize("level", [MetadataLevel.STANDARD, MetadataLevel.FULL])
def test_a_replaced_file_fails(blobs: FakeBlobRepository, level: MetadataLevel) -> None:
    file = item(blobs, "a.tif", raster_bytes())
    blobs.put("bronze", "a.tif", raster_bytes(10, 10))
    with pytest.raises(PermanentTaskError) as caught:
        described(blobs, file, level)
    assert caught.value.error_code == "BLOB_CHANGED"


def test_a_busy_service_is_no_finding(blobs: FakeBlobRepository) -> None:
    file = item(blobs, "a.tif", raster_bytes())
    blobs.failing_with = ThrottledTaskError("busy")
    with pytest.raises(ThrottledTaskError):
        described(blobs, file, MetadataLevel.FULL)


@pytest.mark.filterwarnings("ignore::rasterio.errors.NotGeoreferencedWarning")
@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("empty.tif", "RASTER_EMPTY"),
        ("html_error_page.tif", "RASTER_FORMAT_UNSUPPORTED"),
        ("vrt_ssrf_disguised.tif", "RASTER_FORMAT_UNSUPPORTED"),
        ("truncated_half.tif", "RASTER_TRUNCATED"),
        ("really_a_png.tif", None),
        ("sparse_bomb_1280GB.tif", None),
        ("giant_block_30000.tif", None),
        ("no_crs_no_transform.tif", None),
        ("all_nodata.tif", None),
    ],
)
def test_real_broken_rasters(blobs: FakeBlobRepository, name: str, code: str | None) -> None:
    assert problem_code(blobs, name, real_file(f"broken/{name}").read_bytes()) == code
