"""A COG is held to its plan, to its source and to itself; what fails is named."""

import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
from rasterio.control import GroundControlPoint
from rasterio.errors import NotGeoreferencedWarning

from schema.contracts.rasters import RasterPlan
from schema.errors import PermanentTaskError
from services.raster.comparing import JPEG_MEAN_DIFFERENCE
from services.raster.files import RasterFile
from services.raster.inspect import run
from services.raster.inspections import InspectRequest
from tests.support.cogs import inspected, make_cog
from tests.support.raster_plans import plan_of
from tests.support.rasters import raster_bytes, real_file


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path


def _source(folder: Path, **options: Any) -> Path:
    path = folder / "source.tif"
    path.write_bytes(raster_bytes(**{"width": 700, "height": 600, "dtype": "int16", **options}))
    return path


def _refused(cog: Path, source: Path, plan: RasterPlan) -> str:
    """The message of the refusal, by the one code there is for it."""
    with pytest.raises(PermanentTaskError) as refused:
        inspected(cog, source, plan)
    assert refused.value.error_code == "RASTER_OUTPUT_INVALID"
    return str(refused.value)


def _encoded(plan: RasterPlan, **changes: Any) -> RasterPlan:
    return plan.model_copy(update={"encoding": plan.encoding.model_copy(update=changes)})


class TestWhole:
    def test_a_whole_cog_passes_every_check(self, folder: Path) -> None:
        source = _source(folder, nodata=5)
        found = inspected(make_cog(source, folder / "cog.tif"), source, plan_of(source))
        assert {"cog", "tiles", "overviews", "bounds", "nodata", "blocks", "pixels"} <= set(found.checks)
        assert found.comparison is not None
        assert found.comparison.equal

    @pytest.mark.parametrize(("width", "height"), [(512, 700), (1024, 1536), (1, 700)])
    def test_a_cog_whose_level_is_one_tile_or_one_pixel_wide_passes(
        self, folder: Path, width: int, height: int
    ) -> None:
        source = _source(folder, width=width, height=height)
        found = inspected(make_cog(source, folder / "cog.tif"), source, plan_of(source))
        assert {"cog", "tiles"} <= set(found.checks)

    def test_its_statistics_are_those_of_all_pixels_but_nodata(self, folder: Path) -> None:
        source = _source(folder, nodata=5)
        found = inspected(make_cog(source, folder / "cog.tif"), source, plan_of(source))
        with rasterio.open(source) as dataset:
            pixels = dataset.read(1, masked=True)
        band = found.bands[0]
        assert (band.minimum, band.maximum) == (pixels.min(), pixels.max())
        assert band.count == pixels.count()
        assert band.mean == pytest.approx(pixels.mean())
        assert band.stddev == pytest.approx(pixels.std())

    def test_the_operation_answers_through_its_box(self, folder: Path) -> None:
        source = _source(folder)
        cog = make_cog(source, folder / "cog.tif")

        class Files:
            def __init__(self) -> None:
                self.folder = folder
                self.told: list[float] = []

            def source(self, name: str, driver: str = "GTiff") -> RasterFile:
                return RasterFile(str({"cog": cog, "source": source}[name]), driver)

            def head(self, name: str, length: int) -> bytes:
                raise NotImplementedError

            def size(self, name: str) -> int:
                raise NotImplementedError

            def progress(self, fraction: float) -> None:
                self.told.append(fraction)

        box = Files()
        found = run(InspectRequest(plan=plan_of(source)), box)
        assert (folder / found.overview).exists()
        assert (folder / found.thumbnail).exists()
        assert box.told == sorted(box.told)
        assert 0 < box.told[-1] < 1

    def test_a_cog_without_georeference_but_points_lies_between_them(self, folder: Path) -> None:
        points = [
            GroundControlPoint(row, column, 10 + column / 100, 50 - row / 100)
            for row in (0, 600)
            for column in (0, 700)
        ]
        source = folder / "source.tif"
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", NotGeoreferencedWarning)
            with rasterio.open(
                source, "w", driver="GTiff", width=700, height=600, count=1, dtype="uint8"
            ) as target:
                target.gcps = points, rasterio.CRS.from_epsg(4326)
                target.write(np.ones((1, 600, 700), "uint8"))
        plan = plan_of(source)
        found = inspected(make_cog(source, folder / "cog.tif"), source, plan)
        assert found.place is not None
        assert found.place.bbox == pytest.approx((10, 44, 17, 50))
        assert found.place.code is None


class TestRefused:
    def test_missing_overviews_are_named(self, folder: Path) -> None:
        source = _source(folder)
        cog = make_cog(source, folder / "cog.tif", overviews="NONE")
        assert "'overviews'" in _refused(cog, source, plan_of(source))

    def test_stripes_are_named(self, folder: Path) -> None:
        source = _source(folder, width=64, height=64, compress="DEFLATE")
        assert "'tiles'" in _refused(source, source, plan_of(source))

    def test_a_layout_that_is_no_cog_is_named(self, folder: Path) -> None:
        source = _source(folder)
        cog = folder / "cog.tif"
        with rasterio.open(source) as dataset:
            options = {**dataset.profile, "tiled": True, "blockxsize": 512, "blockysize": 512}
            pixels = dataset.read()
        with rasterio.open(cog, "w", **options, compress="DEFLATE") as target:
            target.write(pixels)
        with rasterio.open(cog, "r+") as target:
            target.build_overviews([2])
        assert "'cog'" in _refused(cog, source, plan_of(source))

    @pytest.mark.parametrize(
        ("check", "change"),
        [
            ("nodata", lambda plan: _encoded(plan, nodata=7.0)),
            ("mask", lambda plan: _encoded(plan, nodata=5.0, mask=True)),
            ("dtype", lambda plan: _encoded(plan, dtype="uint16")),
            ("count", lambda plan: _encoded(plan, count=3)),
            ("compression", lambda plan: _encoded(plan, compression="JPEG")),
        ],
    )
    def test_an_encoding_other_than_planned_is_named(
        self, folder: Path, check: str, change: Callable[[RasterPlan], RasterPlan]
    ) -> None:
        source = _source(folder, nodata=5)
        cog = make_cog(source, folder / "cog.tif")
        assert f"{check!r}" in _refused(cog, source, change(plan_of(source)))

    @pytest.mark.parametrize(
        ("check", "change"),
        [
            ("size", {"width": 701}),
            ("crs", {"crs": "EPSG:32634"}),
            ("bounds", {"transform": (10.0, 0.0, 500_006.0, 0.0, -10.0, 5_000_000.0)}),
        ],
    )
    def test_a_place_other_than_planned_is_named(
        self, folder: Path, check: str, change: dict[str, Any]
    ) -> None:
        source = _source(folder)
        plan = plan_of(source)
        wrong = plan.model_copy(update={"grid": plan.grid.model_copy(update=change)})
        assert f"{check!r}" in _refused(make_cog(source, folder / "cog.tif"), source, wrong)

    def test_bounds_may_be_off_by_less_than_half_a_pixel(self, folder: Path) -> None:
        source = _source(folder)
        plan = plan_of(source)
        near = plan.grid.model_copy(update={"transform": (10.0, 0.0, 500_004.0, 0.0, -10.0, 5_000_000.0)})
        near_plan = plan.model_copy(update={"grid": near})
        assert "bounds" in inspected(make_cog(source, folder / "cog.tif"), source, near_plan).checks

    def test_lost_scales_are_named(self, folder: Path) -> None:
        source = _source(folder)
        cog = make_cog(source, folder / "cog.tif")
        with rasterio.open(source, "r+") as dataset:
            dataset.scales, dataset.offsets = (0.1,), (-3.0,)
        assert "'scales'" in _refused(cog, source, plan_of(source))

    def test_a_lost_color_table_is_named(self, folder: Path) -> None:
        source = _source(folder, dtype="uint8")
        cog = make_cog(source, folder / "cog.tif")
        with rasterio.open(source, "r+") as dataset:
            dataset.write_colormap(1, {value: (value, 0, 0, 255) for value in range(256)})
        assert "'color_table'" in _refused(cog, source, plan_of(source))

    def test_one_pixel_that_differs_is_named(self, folder: Path) -> None:
        source = _source(folder)
        cog = make_cog(source, folder / "cog.tif")
        with rasterio.open(source, "r+") as dataset:
            pixels = dataset.read()
            pixels[0, 599, 699] += 1
            dataset.write(pixels)
        message = _refused(cog, source, plan_of(source))
        assert "'pixels'" in message
        assert "1 that differ, by 1 at most" in message

    @pytest.mark.parametrize("level", [None, 0])
    def test_a_corrupt_tile_of_any_level_is_found(self, folder: Path, level: int | None) -> None:
        source = _source(folder)
        cog = make_cog(source, folder / "cog.tif")
        with rasterio.open(cog) as dataset:
            offset = int(dataset.get_tag_item("BLOCK_OFFSET_0_0", "TIFF", bidx=1, ovr=level))
        damaged = bytearray(cog.read_bytes())
        damaged[offset + 50 : offset + 90] = bytes(40)
        cog.write_bytes(damaged)
        assert "'blocks'" in _refused(cog, source, plan_of(source))

    def test_a_cog_that_ends_too_early_is_found(self, folder: Path) -> None:
        source = _source(folder)
        cog = make_cog(source, folder / "cog.tif")
        cog.write_bytes(cog.read_bytes()[:-5_000])
        assert "'blocks'" in _refused(cog, source, plan_of(source))


class TestJpeg:
    def _made(self, folder: Path, **encoding: Any) -> tuple[Path, Path, RasterPlan]:
        source = folder / "source.tif"
        rows, columns = np.mgrid[0:600, 0:700]
        picture = np.stack([rows // 3, columns // 4, (rows + columns) // 6]).astype("uint8")
        with rasterio.open(
            source, "w", driver="GTiff", width=700, height=600, count=3, dtype="uint8", photometric="RGB",
            crs="EPSG:32633", transform=rasterio.Affine(10, 0, 500_000, 0, -10, 5_000_000),
        ) as target:  # fmt: skip
            target.write(picture)
        plan = plan_of(source, compression="JPEG", quality=90, predictor=1, **encoding)
        return source, make_cog(source, folder / "cog.tif", compress="JPEG", predictor="NO", quality=90), plan

    def test_a_picture_may_differ_a_little(self, folder: Path) -> None:
        source, cog, plan = self._made(folder)
        found = inspected(cog, source, plan)
        assert found.comparison is not None
        assert not found.comparison.equal
        assert 0 < found.comparison.mean_difference < JPEG_MEAN_DIFFERENCE / 4

    def test_another_picture_is_not_taken_for_it(self, folder: Path) -> None:
        source, cog, plan = self._made(folder)
        with rasterio.open(source, "r+") as dataset:
            dataset.write(dataset.read()[::-1])
        assert "'pixels'" in _refused(cog, source, plan)

    def test_a_corrupt_tile_is_found(self, folder: Path) -> None:
        source, cog, plan = self._made(folder)
        with rasterio.open(cog) as dataset:
            offset = int(dataset.get_tag_item("BLOCK_OFFSET_0_0", "TIFF", bidx=1))
            size = int(dataset.get_tag_item("BLOCK_SIZE_0_0", "TIFF", bidx=1))
        damaged = bytearray(cog.read_bytes())
        damaged[offset + size // 2 : offset + size - 2] = bytes(size - 2 - size // 2)
        cog.write_bytes(damaged)
        assert "'blocks'" in _refused(cog, source, plan)


class TestRealFiles:
    @pytest.mark.parametrize(
        "name",
        [
            "cog_float_nan.tif",
            "cog_cmap.tif",
            "cog_dateline.tif",
            "cog_gcps.tif",
            "rc_image_geos.tif",
            "rpcs.tif",
            "naip_m_4112001_sw_10.tif",
            "world_byte_4326.tif",
        ],
    )
    def test_a_cog_of_it_passes(self, folder: Path, name: str) -> None:
        source = real_file(f"raster/{name}")
        found = inspected(make_cog(source, folder / "cog.tif"), source, plan_of(source))
        assert found.comparison is not None
        assert found.comparison.equal
        assert found.place is not None
