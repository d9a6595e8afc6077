"""Items are held to STAC's schemas, and nobody is asked for one."""

import socket
from datetime import UTC, datetime
from typing import Any

import pytest

from services.stac.item import Origin, item_of
from services.stac.validation import problems_of
from tests.fakes.blobs import FakeBlobRepository
from tests.support.raster_results import checked


@pytest.fixture
def item() -> dict[str, Any]:
    origin = Origin(job_id="ab" * 32, run=1, created=datetime(2026, 1, 1, tzinfo=UTC))
    return dict(item_of(checked(), origin, FakeBlobRepository().address_of))


@pytest.fixture(autouse=True)
def _no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise AssertionError("a connection was asked for")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)


def test_a_good_item_has_no_problems(item: dict[str, Any]) -> None:
    assert problems_of(item) == []


@pytest.mark.parametrize("member", ["id", "links", "assets", "properties", "geometry", "stac_version"])
def test_what_the_core_demands_is_missed(item: dict[str, Any], member: str) -> None:
    del item[member]
    assert any(member in problem for problem in problems_of(item))


@pytest.mark.parametrize(
    ("pointer", "field", "value"),
    [
        ("properties", "datetime", None),
        ("properties", "proj:shape", [1, 2, 3]),
        ("properties", "proj:epsg", 4326),
        ("properties", "processing:software", {"GDAL": 3}),
        ("data", "file:checksum", "1220XYZ"),
        ("data", "file:size", -1),
        ("data", "raster:sampling", "line"),
        ("band", "raster:scale", "0.1"),
        ("band", "raster:sclae", 0.1),
        ("band", "data_type", "byte"),
        ("band", "nodata", "none"),
    ],
)
def test_a_field_that_is_not_as_defined_is_a_problem(
    item: dict[str, Any], pointer: str, field: str, value: object
) -> None:
    data = item["assets"]["data"]
    {"properties": item["properties"], "data": data, "band": data["bands"][0]}[pointer][field] = value
    assert problems_of(item) != []


def test_an_extension_whose_schema_is_not_kept_is_a_problem(item: dict[str, Any]) -> None:
    item["stac_extensions"].append("https://example.com/other/v1.0.0/schema.json")
    assert problems_of(item) == [
        "no schema is kept for the extension https://example.com/other/v1.0.0/schema.json"
    ]


def test_a_projjson_is_checked_by_the_kept_schema(item: dict[str, Any]) -> None:
    item["properties"]["proj:projjson"] = {"type": "nonsense"}
    assert problems_of(item) != []
