"""Small files for trying the app: the same bytes at every run. Runs in the virtual environment.

``python -m tools.samples CONTAINER`` uploads them; the account is that of ``AzureWebJobsStorage``.
"""

# pyright: reportMissingTypeStubs=false, reportUnknownMemberType=false, reportUnknownVariableType=false
# rasterio has no types

import json
import sys

import numpy as np
from rasterio.io import MemoryFile
from rasterio.shutil import copy as copy_raster
from rasterio.transform import Affine

from tools.containers import connect, make, upload

_ELEVATION_SIDE, _IMAGE_SIDE = 600, 512
_CITIES = {"Lisbon": (-9.14, 38.72), "Nairobi": (36.82, -1.29), "Quito": (-78.47, -0.18)}


def samples() -> dict[str, bytes]:
    """Contents by blob name."""
    return {
        "rasters/elevation.tif": elevation(),
        "rasters/image_cog.tif": image_cog(),
        "vectors/cities.geojson": cities_geojson(),
        "tables/cities.csv": cities_csv(),
        "notes/readme.txt": b"Sample files, made by tools/samples.py.\n",
    }


def elevation() -> bytes:
    """One band of int16 in UTM 33N, in strips, with nodata: a smooth hill, not cloud optimized."""
    side = _ELEVATION_SIDE
    y, x = np.mgrid[-1 : 1 : side * 1j, -1 : 1 : side * 1j]
    heights = np.round(900 * np.exp(-3 * (x**2 + y**2))).astype("int16")
    heights[:16, :16] = -9999
    with MemoryFile() as memory:
        with memory.open(
            driver="GTiff",
            width=side,
            height=side,
            count=1,
            dtype="int16",
            crs="EPSG:32633",
            transform=Affine(10, 0, 500_000, 0, -10, 4_506_000),
            nodata=-9999,
            compress="deflate",
            predictor=2,
        ) as dataset:
            dataset.write(heights, 1)
        return memory.read()


def image_cog() -> bytes:
    """Three bands of bytes in EPSG:4326, a Cloud Optimized GeoTIFF."""
    side = _IMAGE_SIDE
    across = np.tile(np.linspace(0, 255, side).astype("uint8"), (side, 1))
    with MemoryFile() as plain, MemoryFile() as cog:
        with plain.open(
            driver="GTiff",
            width=side,
            height=side,
            count=3,
            dtype="uint8",
            crs="EPSG:4326",
            transform=Affine(1 / side, 0, 10, 0, -1 / side, 51),
        ) as dataset:
            dataset.write(np.stack([across, across.T, 255 - across]))
        copy_raster(plain.name, cog.name, driver="COG", blocksize=256, compress="deflate")
        return cog.read()


def cities_geojson() -> bytes:
    features = [
        {
            "type": "Feature",
            "properties": {"name": name},
            "geometry": {"type": "Point", "coordinates": [lon, lat]},
        }
        for name, (lon, lat) in _CITIES.items()
    ]
    return json.dumps({"type": "FeatureCollection", "features": features}, indent=1).encode()


def cities_csv() -> bytes:
    lines = ["name,lon,lat", *(f"{name},{lon},{lat}" for name, (lon, lat) in _CITIES.items())]
    return ("\n".join(lines) + "\n").encode()


if __name__ == "__main__":
    with connect() as client:
        make(client, sys.argv[1:2])
        for sent in upload(client.get_container_client(sys.argv[1]), samples()):
            print(sent)
