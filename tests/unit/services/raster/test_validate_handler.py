"""The handler of ``validate_raster``: what it asks of the sandbox, and when a raster was acquired."""

from datetime import UTC, datetime, timedelta, timezone

import pytest

from schema.contracts.process_raster import ValidateRasterParameters
from schema.contracts.rasters import RasterOptions, ValidatedRaster
from schema.errors import PermanentTaskError
from services.raster.tasks.validate import LIMITS, run
from tests.fakes.blobs import FakeBlobRepository
from tests.fakes.sandbox import FakeSandbox
from tests.fakes.task_context import FakeTaskContext
from tests.support.rasters import raster_bytes

DATED = "scene_20240501T103000.tif"


def validated(
    data: bytes,
    name: str = DATED,
    etag: str | None = None,
    sandbox: FakeSandbox | None = None,
    **options: object,
) -> ValidatedRaster:
    blobs = FakeBlobRepository()
    blobs.put("bronze", name, data)
    parameters = ValidateRasterParameters(
        container="bronze", blob=name, etag=etag, options=RasterOptions.model_validate(options)
    )
    return run(parameters, FakeTaskContext(blobs, sandbox=sandbox or FakeSandbox()))


def code_of(data: bytes, name: str = DATED, etag: str | None = None) -> str:
    with pytest.raises(PermanentTaskError) as caught:
        validated(data, name, etag)
    return caught.value.error_code


def test_the_source_is_pinned_to_what_was_looked_at() -> None:
    data = raster_bytes()
    found = validated(data)
    assert (found.source.blob, found.source.size, found.source.etag) == (DATED, len(data), '"0x1"')


def test_the_header_is_read_under_tight_limits() -> None:
    sandbox = FakeSandbox()
    validated(raster_bytes(), sandbox=sandbox)
    assert [(call.operation, call.limits) for call in sandbox.calls] == [("describe", LIMITS)]
    assert (LIMITS.memory_bytes, LIMITS.seconds) == (512_000_000, 60)


def test_a_version_other_than_the_listed_one_is_refused() -> None:
    assert code_of(raster_bytes(), etag='"0x9"') == "BLOB_CHANGED"


def test_a_file_without_bytes_is_refused_without_a_child() -> None:
    assert code_of(b"") == "RASTER_EMPTY"


def test_what_the_child_refuses_is_refused() -> None:
    assert code_of(b"<html>") == "RASTER_IS_HTML"


def test_the_time_given_goes_before_all_and_is_told_in_utc() -> None:
    given = datetime(2020, 1, 1, 2, tzinfo=timezone(timedelta(hours=2)))
    assert validated(raster_bytes(), datetime=given).acquired.isoformat() == "2020-01-01T00:00:00+00:00"


def test_the_name_tells_the_time_where_no_tag_does() -> None:
    assert validated(raster_bytes()).acquired == datetime(2024, 5, 1, 10, 30, tzinfo=UTC)


def test_a_raster_without_any_time_is_refused_and_the_way_out_is_told() -> None:
    with pytest.raises(PermanentTaskError, match="give datetime") as caught:
        validated(raster_bytes(), "dem.tif")
    assert caught.value.error_code == "RASTER_DATETIME_MISSING"


def test_the_grid_of_the_output_is_told() -> None:
    found = validated(raster_bytes(), profile="web")
    assert (found.grid.crs, found.warped) == ("EPSG:3857", True)
