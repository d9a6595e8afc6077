"""The drivers that are left in a process that reads nothing but rasters."""

import subprocess
import sys

from services.raster.drivers import NEEDED, UNNEEDED

PROBE = """
from services.raster.drivers import UNNEEDED, skip
skip(UNNEEDED)
import rasterio
with rasterio.Env() as env:
    print(*env.drivers(), sep=",")
"""


def test_only_the_needed_drivers_are_registered() -> None:
    found = subprocess.run(
        [sys.executable, "-c", PROBE],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    assert set(found.stdout.strip().split(",")) == NEEDED
    assert found.stderr == ""


def test_no_needed_driver_is_skipped() -> None:
    assert not NEEDED & set(UNNEEDED)
