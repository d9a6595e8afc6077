"""What kind of file it is."""

import pytest

from schema.contracts.list_container import FileCategory
from services.raster.formats import category_of, sniffed
from tests.support.rasters import cog_bytes, raster_bytes, real_file


@pytest.mark.parametrize(
    ("head", "name"),
    [
        (b"II*\0rest", "GeoTIFF"),
        (b"MM\0+rest", "BigTIFF"),
        (b"\x89PNG\r\n\x1a\nrest", "PNG"),
        (b"\xef\xbb\xbf\n <VRTDataset rasterXSize='1'>", "VRT"),
        (b"<?xml version='1.0'?><!-- x --><OGRVRTDataSource>", "VRT"),
        (b"<!DOCTYPE html><title>404</title>", "HTML"),
        (b"<Error>", "XML"),
        (b'{"type": "FeatureCollection", "features": []}', "GeoJSON"),
        (b'{"type": "config"}', None),
        (b"", None),
        (b"name,lon,lat", None),
    ],
)
def test_first_bytes(head: bytes, name: str | None) -> None:
    found = sniffed(head)
    assert (found.name if found else None) == name


@pytest.mark.parametrize("made", [raster_bytes(), cog_bytes(), raster_bytes(BIGTIFF="YES")])
def test_what_gdal_writes_is_read_with_its_own_driver(made: bytes) -> None:
    found = sniffed(made)
    assert found is not None
    assert found.driver == "GTiff"


@pytest.mark.parametrize(
    ("extension", "head", "category"),
    [
        (".tif", b"", FileCategory.RASTER),
        (".tif", b"<VRTDataset>", FileCategory.OTHER),
        (".bin", b"II*\0", FileCategory.RASTER),
        (".gpkg", b"SQLite format 3\0", FileCategory.VECTOR),
        (".zip", b"PK\x03\x04", FileCategory.OTHER),
        (".json", b'{"type":"Feature"}', FileCategory.VECTOR),
        (".csv", b"a,b", FileCategory.OTHER),
        (None, b"", FileCategory.OTHER),
    ],
)
def test_bytes_count_more_than_the_name(extension: str | None, head: bytes, category: FileCategory) -> None:
    assert category_of(extension, sniffed(head)) is category


def test_the_real_rasters_and_vectors_are_told_apart() -> None:
    for kind in ("raster", "vector"):
        for path in real_file(kind).iterdir():
            category = category_of(path.suffix, sniffed(path.read_bytes()[:4_096]))
            if path.suffix not in (".zip", ".csv"):
                assert category.value == kind, path.name
