import json

import pytest
from rasterio.io import MemoryFile

from tools import samples


@pytest.fixture(scope="module")
def blobs() -> dict[str, bytes]:
    return samples.samples()


def test_samples_are_the_same_at_every_run(blobs: dict[str, bytes]) -> None:
    assert samples.samples() == blobs


def test_samples_are_small(blobs: dict[str, bytes]) -> None:
    assert max(map(len, blobs.values())) < 1024 * 1024


def test_the_elevation_is_no_cog(blobs: dict[str, bytes]) -> None:
    with MemoryFile(blobs["rasters/elevation.tif"]) as memory, memory.open() as dataset:
        assert (dataset.crs.to_epsg(), dataset.dtypes, dataset.nodata) == (32633, ("int16",), -9999)
        assert dataset.overviews(1) == []
        assert dataset.block_shapes[0][1] == dataset.width


def test_the_image_is_a_cog(blobs: dict[str, bytes]) -> None:
    with MemoryFile(blobs["rasters/image_cog.tif"]) as memory, memory.open() as dataset:
        assert dataset.tags(ns="IMAGE_STRUCTURE")["LAYOUT"] == "COG"
        assert (dataset.crs.to_epsg(), dataset.count, dataset.overviews(1)) == (4326, 3, [2])


def test_table_and_vector_have_the_same_cities(blobs: dict[str, bytes]) -> None:
    features = json.loads(blobs["vectors/cities.geojson"])["features"]
    rows = blobs["tables/cities.csv"].decode().splitlines()[1:]

    assert [feature["properties"]["name"] for feature in features] == [row.split(",")[0] for row in rows]
