"""GDAL writes the directories; what does not fit into them is not lost silently."""

from pathlib import Path
from typing import Any

import pytest
import rasterio

from schema.errors import PermanentTaskError
from services.raster import template
from services.raster.metadata_copy import copy_metadata
from services.raster.template import make_template
from tests.support.raster_plans import plan_of
from tests.support.rasters import raster_bytes


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "source.tif"
    path.write_bytes(raster_bytes(200, 100, bands=3))
    return path


def test_nothing_but_the_directories_is_left(path: Path, tmp_path: Path) -> None:
    with rasterio.open(path) as source:
        made = make_template(source, plan_of(path, mask=True), tmp_path)

    assert made.mask is not None
    assert [each.name for each in tmp_path.iterdir()] == ["source.tif"]


def test_metadata_that_needs_a_file_beside_is_refused(
    path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def copy_with_histogram(source: Any, target: Any, plan: Any) -> None:
        copy_metadata(source, target, plan)
        Path(f"{target.name}.aux.xml").write_text("<PAMDataset/>")

    monkeypatch.setattr(template, "copy_metadata", copy_with_histogram)

    with rasterio.open(path) as source, pytest.raises(PermanentTaskError) as failure:
        make_template(source, plan_of(path), tmp_path)

    assert failure.value.error_code == "RASTER_METADATA_UNREPRESENTABLE"
