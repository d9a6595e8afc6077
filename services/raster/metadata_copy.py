"""What a raster's header says besides its pixels, carried over from the source to what is made of it."""

# rasterio comes without types.
# pyright: reportMissingTypeStubs=false, reportUnknownMemberType=false, reportUnknownVariableType=false

from pathlib import Path
from typing import Any

from rasterio.crs import CRS
from rasterio.enums import ColorInterp
from rasterio.transform import Affine

from schema.contracts.rasters import Encoding, RasterPlan, ResamplingMethod
from schema.errors import PermanentTaskError

# Written by GDAL as the file needs it, or as the RPCs; ``rio_creation_kwds`` is rasterio's note to itself,
# and ``GEOLOCATION`` names other files, which nobody is to open for a stranger's header.
_LEFT_OUT = {
    "IMAGE_STRUCTURE",
    "DERIVED_SUBDATASETS",
    "SUBDATASETS",
    "RPC",
    "GEOLOCATION",
    "rio_creation_kwds",
}
_OF_OLD_OVERVIEWS = "OVR_RESAMPLING_ALG"
_STATISTICS = "STATISTICS_"
_COLORS = (ColorInterp.red, ColorInterp.green, ColorInterp.blue)


def copy_metadata(source: Any, target: Any, plan: RasterPlan) -> None:
    """Give the open target all that the plan's output says besides pixels, masks and overviews.

    ``source`` is a ``DatasetReader``, ``target`` a ``DatasetWriter`` of the output's size, type and count
    that has no pixels yet. Carried over: CRS and transform, nodata, scales, offsets, units, descriptions,
    tags of the raster and its bands in all domains, colour interpretation, colour table, GCPs and RPCs (not
    after a warp, which used them up) and ``AREA_OR_POINT``. Statistics go only with pixels that stay as they
    are. Texts in ``xml:`` domains are left out: rasterio cannot write them.
    """
    _copy_place(source, target, plan)
    _copy_bands(source, target, plan)
    _copy_tags(source, target, plan)


def refuse_sidecar(path: Path) -> None:
    """Remove the file that GDAL wrote beside a GeoTIFF for what its header cannot hold, where there is one,
    and raise ``PermanentTaskError`` (``RASTER_METADATA_UNREPRESENTABLE``). GDAL must be allowed to write it
    (``GDAL_PAM_ENABLED``), else it says nothing."""
    beside = path.with_name(f"{path.name}.aux.xml")
    if beside.exists():
        beside.unlink()
        raise PermanentTaskError(
            "the raster has metadata that a GeoTIFF's header cannot hold", "RASTER_METADATA_UNREPRESENTABLE"
        )


def _copy_place(source: Any, target: Any, plan: RasterPlan) -> None:
    controls, controls_crs = source.gcps
    if not plan.warped and controls and source.transform.is_identity:
        target.gcps = (controls, controls_crs or CRS())
    else:
        target.transform = Affine(*plan.grid.transform)
        crs = _crs(source, plan)
        if crs is not None:
            target.crs = crs
    if not plan.warped and source.rpcs is not None:
        target.rpcs = source.rpcs


def _crs(source: Any, plan: RasterPlan) -> Any:
    """The source's own where it stays: a code or text made of it says less than the header."""
    if not plan.warped and plan.options.source_crs is None and source.crs:
        return source.crs
    return None if plan.grid.crs is None else CRS.from_user_input(plan.grid.crs)


def _copy_bands(source: Any, target: Any, plan: RasterPlan) -> None:
    count = plan.encoding.count
    palette = plan.description.has_color_table and _keeps_values(plan)
    interpretation = _interpretation(source, plan.encoding, palette=palette)
    if tuple(target.colorinterp) != interpretation:
        target.colorinterp = interpretation
    if plan.encoding.nodata is not None:
        target.nodata = float(plan.encoding.nodata)
    if any(scale != 1.0 for scale in source.scales[:count]):
        target.scales = source.scales[:count]
    if any(offset != 0.0 for offset in source.offsets[:count]):
        target.offsets = source.offsets[:count]
    if palette:
        target.write_colormap(1, source.colormap(1))
    _copy_texts(source, target, count)


def _interpretation(source: Any, encoding: Encoding, *, palette: bool) -> tuple[ColorInterp, ...]:
    """The source's. Three bands of a JPEG are colours, whatever they were: it holds them as YCbCr."""
    if encoding.compression == "JPEG" and encoding.count == len(_COLORS):
        return _COLORS
    return tuple(
        ColorInterp.gray if color is ColorInterp.palette and not palette else color
        for color in source.colorinterp[: encoding.count]
    )


def _copy_texts(source: Any, target: Any, count: int) -> None:
    for band in range(1, count + 1):
        unit, name = source.units[band - 1], source.descriptions[band - 1]
        if unit:
            target.set_band_unit(band, unit)
        if name:
            target.set_band_description(band, name)


def _keeps_values(plan: RasterPlan) -> bool:
    """Whether every value of the output is one of the source's."""
    return not plan.warped or plan.resampling in {ResamplingMethod.NEAREST, ResamplingMethod.MODE}


def _copy_tags(source: Any, target: Any, plan: RasterPlan) -> None:
    for band in range(plan.encoding.count + 1):
        for domain in (None, *source.tag_namespaces(band)):
            if domain in _LEFT_OUT or (domain or "").startswith("xml:"):
                continue
            tags = {
                name: value for name, value in source.tags(band, ns=domain).items() if _is_kept(name, plan)
            }
            if tags:
                target.update_tags(band, ns=domain, **tags)


def _is_kept(name: str, plan: RasterPlan) -> bool:
    if name.startswith(_STATISTICS):
        changed = plan.warped or plan.encoding.compression == "JPEG" or plan.options.nodata is not None
        return not changed
    return name != _OF_OLD_OVERVIEWS
