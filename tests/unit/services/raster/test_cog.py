"""COGs made in one pass have the planned pixels, masks, levels and metadata."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
from rasterio.enums import ColorInterp, MaskFlags
from rasterio.transform import Affine
from rio_cogeo.cogeo import cog_validate

from schema.contracts.rasters import RasterOptions, RasterPlan, ResamplingMethod
from schema.errors import PermanentTaskError
from services.raster.cog import make_cog, run
from services.raster.files import RasterFile
from services.raster.products import CogRequest
from tests.support.chunked_cogs import FolderBox, assert_levels_equal, chunked_cog
from tests.support.raster_plans import plan_of, warped_grid
from tests.support.rasters import raster_bytes, real_file
from tests.unit.services.raster.test_metadata_copy import REAL, header

pytestmark = pytest.mark.filterwarnings("ignore::rasterio.errors.NotGeoreferencedWarning")


def made(tmp_path: Path, plan: RasterPlan, source: Path) -> Path:
    target = tmp_path / "cog.tif"
    make_cog(RasterFile(str(source), plan.description.driver), plan, target)
    assert [path.name for path in tmp_path.iterdir() if path != source] == ["cog.tif"]
    return target


def written(path: Path, pixels: np.ndarray, **options: Any) -> Path:
    mask = options.pop("mask", None)
    profile: dict[str, Any] = {"crs": "EPSG:32633", "transform": Affine(10, 0, 500_000, 0, -10, 5_000_000)}
    shape = dict(zip(("count", "height", "width"), pixels.shape, strict=True))
    with (
        rasterio.Env(GDAL_TIFF_INTERNAL_MASK=True),
        rasterio.open(path, "w", "GTiff", dtype=pixels.dtype, **shape, **(profile | options)) as dataset,
    ):
        dataset.write(pixels)
        if mask is not None:
            dataset.write_mask(mask)
    return path


def smooth(count: int, height: int, width: int) -> np.ndarray:
    rows, columns = np.mgrid[:height, :width]
    return np.stack([(rows // 4 + columns // 5 * (band + 1)) % 200 + 20 for band in range(count)]).astype(
        np.uint8
    )


SKIPPED = {"worldcover_2021_N00E006.tif", "cog_cmap.tif", "inverted_lat.tif"}


@pytest.mark.parametrize("name", sorted({*REAL, "s2_B01_R60m.jp2"} - SKIPPED))
def test_a_real_raster_keeps_its_pixels_and_what_its_header_says(name: str, tmp_path: Path) -> None:
    path = real_file(f"raster/{name}")
    plan = plan_of(path)
    cog = made(tmp_path, plan, path)
    said, found = header(path), header(cog)
    said["gcps"] = said["gcps"] if said["gcps"][0] else ([], None)
    for tags in (*said["tags"], *found["tags"]):
        tags.pop("OVR_RESAMPLING_ALG", None)
    assert found == said
    with rasterio.open(path) as source, rasterio.open(cog) as dataset:
        np.testing.assert_array_equal(dataset.read(), source.read())
        np.testing.assert_array_equal(dataset.dataset_mask(), source.dataset_mask())
        assert len(dataset.overviews(1)) == plan.overviews
    assert cog_validate(cog, strict=True, quiet=True) == (True, [], [])


@pytest.mark.parametrize(
    "dtype", ["uint8", "int8", "uint16", "int16", "uint32", "int32", "float32", "float64"]
)
def test_every_type_is_kept(dtype: str, tmp_path: Path) -> None:
    pixels = np.random.default_rng(5).normal(scale=100, size=(2, 70, 530)).astype(dtype)
    source = written(tmp_path / "a.tif", pixels)
    with rasterio.open(made(tmp_path, plan_of(source), source)) as dataset:
        np.testing.assert_array_equal(dataset.read(), pixels)
        assert dataset.dtypes == (dtype, dtype)


@pytest.mark.parametrize("nodata", [-9999.0, float("nan"), float("inf"), float("-inf")])
def test_nodata_of_every_kind_is_told(nodata: float, tmp_path: Path) -> None:
    pixels = np.ones((1, 20, 30), np.float32)
    pixels[0, :5] = nodata
    source = written(tmp_path / "a.tif", pixels, nodata=nodata)
    plan = plan_of(source)
    assert make_cog(RasterFile(str(source)), plan, tmp_path / "cog.tif") == 15 * 30
    with rasterio.open(tmp_path / "cog.tif") as dataset:
        assert repr(dataset.nodata) == repr(nodata)


def test_an_odd_side_is_rounded_up_in_every_overview(tmp_path: Path) -> None:
    source = written(tmp_path / "a.tif", smooth(1, 517, 1_025))
    cog = made(tmp_path, plan_of(source), source)
    sizes = []
    for level in range(2):
        with rasterio.open(cog, overview_level=level) as dataset:
            sizes.append(dataset.shape)
    assert sizes == [(259, 513), (130, 257)]


def test_a_mask_is_internal_at_every_level(tmp_path: Path) -> None:
    mask = np.ones((600, 700), np.bool_)
    mask[:, :350] = False
    source = written(tmp_path / "a.tif", smooth(1, 600, 700), mask=mask)
    cog = made(tmp_path, plan_of(source), source)
    with rasterio.open(cog) as dataset, rasterio.open(cog, overview_level=0) as small:
        assert dataset.mask_flag_enums[0] == small.mask_flag_enums[0] == [MaskFlags.per_dataset]
        np.testing.assert_array_equal(dataset.dataset_mask() > 0, mask)
        np.testing.assert_array_equal(small.dataset_mask() > 0, mask[::2, ::2])


def test_a_picture_becomes_jpeg_with_its_alpha_as_mask(tmp_path: Path) -> None:
    pixels = np.concatenate([smooth(3, 600, 700), np.full((1, 600, 700), 255, np.uint8)])
    pixels[3, :, :256] = 0
    source = written(tmp_path / "a.tif", pixels, photometric="RGB", alpha="YES")
    jpeg = {"compression": "JPEG", "quality": 90, "predictor": 1}
    plan = plan_of(source, **jpeg, nodata=None, count=3, mask=True, drop_alpha=True)
    with rasterio.open(made(tmp_path, plan, source)) as dataset:
        assert dataset.tags(ns="IMAGE_STRUCTURE")["COMPRESSION"] == "YCbCr JPEG"
        assert [each.name for each in dataset.colorinterp] == ["red", "green", "blue"]
        np.testing.assert_array_equal(dataset.dataset_mask() > 0, pixels[3] > 0)
        found = dataset.read()[:, :, 272:].astype(int)
        assert np.abs(found - pixels[:3, :, 272:]).mean() < 4


@pytest.mark.filterwarnings("ignore::rasterio.errors.NodataShadowWarning")
@pytest.mark.parametrize("nodata", [None, 0, 255])
@pytest.mark.parametrize("method", ["average", "nearest"])
def test_alpha_in_overviews_is_that_of_chunks(nodata: int | None, method: Any, tmp_path: Path) -> None:
    pixels = np.random.default_rng(8).choice(np.array([0, 40, 255], np.uint8), (4, 1_030, 1_101))
    source = written(tmp_path / "a.tif", pixels, photometric="RGB", alpha="YES")
    plan = plan_of(source, options=RasterOptions(nodata=nodata), overview_resampling=method)
    cog = made(tmp_path, plan, source)
    assert plan.overviews == 2
    assert_levels_equal(cog, plan, source)
    assert cog_validate(cog, strict=True, quiet=True) == (True, [], [])


@pytest.mark.parametrize("colors", [["gray", "undefined", "undefined"], ["blue", "green", "red"]])
@pytest.mark.parametrize("chunk", [None, 512])
def test_three_bands_of_any_kind_are_colors_of_a_jpeg(
    colors: list[str], chunk: int | None, tmp_path: Path
) -> None:
    pixels = smooth(3, 530, 600)
    source = written(tmp_path / "a.tif", pixels, photometric="MINISBLACK")
    with rasterio.open(source, "r+") as dataset:
        dataset.colorinterp = [ColorInterp[color] for color in colors]
    plan = plan_of(source, chunk=chunk, compression="JPEG", quality=90, predictor=1)
    cog = made(tmp_path, plan, source) if chunk is None else chunked_cog(source, plan, tmp_path)
    with rasterio.open(cog) as dataset:
        assert dataset.tags(ns="IMAGE_STRUCTURE")["COMPRESSION"] == "YCbCr JPEG"
        assert [each.name for each in dataset.colorinterp] == ["red", "green", "blue"]
        assert np.abs(dataset.read().astype(int) - pixels).mean() < 4


def test_a_warp_goes_on_the_planned_grid(tmp_path: Path) -> None:
    source = written(tmp_path / "a.tif", smooth(3, 300, 400), photometric="RGB")
    grid = warped_grid(source, "EPSG:32632")
    plan = plan_of(source, grid=grid, resampling=ResamplingMethod.CUBIC, mask=True)
    with rasterio.open(made(tmp_path, plan, source)) as dataset:
        assert dataset.crs.to_epsg() == 32632
        assert tuple(dataset.transform)[:6] == pytest.approx(grid.transform)
        assert dataset.shape == (grid.height, grid.width)
        valid = dataset.dataset_mask() > 0
        assert 0.5 < valid.mean() < 1


def test_statistics_do_not_outlive_their_pixels(tmp_path: Path) -> None:
    source = tmp_path / "a.tif"
    source.write_bytes(raster_bytes())
    with rasterio.open(source, "r+") as dataset:
        dataset.update_tags(1, STATISTICS_MEAN="7")
    with rasterio.open(made(tmp_path, plan_of(source, options=RasterOptions(nodata=5)), source)) as dataset:
        assert "STATISTICS_MEAN" not in dataset.tags(1)


def test_windows_do_not_show_in_the_pixels(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("services.raster.cog._WINDOW_BYTES", 512 * 512 * 8)
    pixels = np.random.default_rng(6).integers(0, 255, (1, 600, 1_100), np.uint8)
    source = written(tmp_path / "a.tif", pixels)
    with rasterio.open(made(tmp_path, plan_of(source), source)) as dataset:
        np.testing.assert_array_equal(dataset.read(), pixels)


def test_a_single_pixel_becomes_a_cog(tmp_path: Path) -> None:
    source = written(tmp_path / "a.tif", np.full((1, 1, 1), 9, np.uint8))
    with rasterio.open(made(tmp_path, plan_of(source), source)) as dataset:
        assert dataset.read().tolist() == [[[9]]]


def test_nothing_but_nodata_is_refused(tmp_path: Path) -> None:
    source = written(tmp_path / "a.tif", np.zeros((1, 20, 20), np.uint8), nodata=0)
    request = CogRequest(source="source", plan=plan_of(source))
    with pytest.raises(PermanentTaskError) as refused:
        run(request, FolderBox(tmp_path, source))
    assert refused.value.error_code == "RASTER_ALL_NODATA"


def test_metadata_that_no_header_holds_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = written(tmp_path / "a.tif", smooth(1, 20, 20))

    def beside(_source: Any, target: Any, _plan: RasterPlan) -> None:
        Path(f"{target.name}.aux.xml").write_text("<PAMDataset/>")

    monkeypatch.setattr("services.raster.cog.copy_metadata", beside)
    with pytest.raises(PermanentTaskError) as refused:
        run(CogRequest(source="source", plan=plan_of(source)), FolderBox(tmp_path, source))
    assert refused.value.error_code == "RASTER_METADATA_UNREPRESENTABLE"


def test_pixels_that_cannot_be_read_are_the_rasters_fault(tmp_path: Path) -> None:
    source = written(tmp_path / "a.tif", smooth(1, 600, 700), compress="deflate")
    plan = plan_of(source)
    whole = source.read_bytes()
    source.write_bytes(whole[: len(whole) // 2] + bytes(len(whole) // 2))
    with pytest.raises(PermanentTaskError) as refused:
        run(CogRequest(source="source", plan=plan), FolderBox(tmp_path, source))
    assert refused.value.error_code == "RASTER_UNREADABLE"


def test_progress_ends_at_one(tmp_path: Path) -> None:
    source = written(tmp_path / "a.tif", smooth(1, 600, 700))
    box = FolderBox(tmp_path, source)
    result = run(CogRequest(source="source", plan=plan_of(source)), box)
    assert (result.file, result.valid_pixels) == ("cog.tif", 600 * 700)
    assert box.told == sorted(box.told)
    assert box.told[-1] == 1
