"""What first bytes say, before any driver sees them."""

import pytest

from schema.errors import PermanentTaskError
from services.raster.content import driver_of


def refused(head: bytes, name: str = "a.tif") -> str:
    with pytest.raises(PermanentTaskError) as caught:
        driver_of(head, name)
    return caught.value.error_code


@pytest.mark.parametrize(
    ("head", "driver"),
    [
        (b"II*\0\x08\0\0\0", "GTiff"),
        (b"MM\0*\0\0\0\x08", "GTiff"),
        (b"II+\0\x08\0\0\0", "GTiff"),
        (b"\0\0\0\x0cjP  \r\n\x87\n", "JP2OpenJPEG"),
        (b"\xffO\xffQ\0\0", "JP2OpenJPEG"),
    ],
)
def test_geotiff_and_jpeg_2000_are_processed(head: bytes, driver: str) -> None:
    assert driver_of(head, "whatever.bin") == driver


@pytest.mark.parametrize(
    ("head", "code"),
    [
        (b"", "RASTER_EMPTY"),
        (b"<!DOCTYPE html><html>", "RASTER_IS_HTML"),
        (b'<?xml version="1.0"?><Error><Code>BlobNotFound</Code>', "RASTER_IS_XML"),
        (b"<GDAL_WMS>", "RASTER_IS_XML"),
        (b"<VRTDataset rasterXSize='1'>", "RASTER_IS_VRT"),
        (b"PK\x03\x04", "RASTER_IS_ARCHIVE"),
        (b"\x1f\x8b\x08", "RASTER_IS_ARCHIVE"),
        (b'{"type": "FeatureCollection"}', "RASTER_IS_VECTOR"),
        (b"fgb\x03", "RASTER_IS_VECTOR"),
        (b"PAR1", "RASTER_IS_VECTOR"),
        (b"\x89HDF\r\n\x1a\n", "RASTER_FORMAT_UNSUPPORTED"),
        (b"%PDF-1.7", "RASTER_FORMAT_UNSUPPORTED"),
        (b"id,lat,lon\n", "RASTER_FORMAT_UNKNOWN"),
    ],
)
def test_each_kind_of_other_content_has_its_code(head: bytes, code: str) -> None:
    assert refused(head) == code


def test_a_picture_under_another_name_is_a_mismatch() -> None:
    assert refused(b"\x89PNG\r\n\x1a\n", "really.tif") == "RASTER_FORMAT_MISMATCH"


def test_a_plain_picture_lacks_a_place() -> None:
    with pytest.raises(PermanentTaskError, match="does not say where it lies") as caught:
        driver_of(b"\xff\xd8\xff\xe0", "photo.JPG")
    assert caught.value.error_code == "RASTER_FORMAT_UNSUPPORTED"
