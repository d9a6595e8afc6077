"""The benchmark of rasters runs, on one that is small, and finds all outputs to be whole."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.architecture.source import ROOT


@pytest.mark.skipif(
    shutil.which("gdal_translate") is None, reason="no gdal_translate here: ./dev bench raster"
)
def test_every_way_makes_the_same_cog(tmp_path: Path) -> None:
    small = ["--picture", "1100", "--elevations", "0", "--chunk", "512", "--workers", "1"]
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.raster", *small, "--folder", str(tmp_path)],
        cwd=ROOT,
        env={**os.environ, "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"},
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    rows = json.loads(done.stdout)["rows"]
    assert [row["way"] for row in rows] == ["gdal_translate -of COG", "rio cogeo create", "chunks, 1 worker"]
    assert all(row["is_valid"] and row["pixels_equal"] for row in rows)
    assert list(tmp_path.iterdir()) == []
