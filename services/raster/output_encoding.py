"""How the pixels of the output are stored, and how it says which of them are valid."""

from typing import Literal

from schema.contracts.rasters import Encoding, MaskKind, Number, RasterDescription, RasterOptions
from schema.errors import PermanentTaskError
from services.raster.numbers import is_float, pixel_value
from services.raster.profiles import PROFILES

_PICTURE_BANDS = (1, 3)


def encoding_of(
    description: RasterDescription, options: RasterOptions, *, warped: bool, categorical: bool
) -> Encoding:
    """By the profile. Raises ``PermanentTaskError``: ``RASTER_PROFILE_UNSUITABLE``,
    ``RASTER_NODATA_UNREPRESENTABLE``."""
    nodata = _nodata(description, options)
    profile = PROFILES[options.profile]
    if profile.jpeg_quality is not None:
        reason = _no_picture(description, categorical=categorical)
        if reason is None:
            return _jpeg(description, profile.jpeg_quality, nodata, warped=warped)
        if not profile.lossless_else:
            raise PermanentTaskError(
                f"the profile {options.profile} stores pictures: {reason}", "RASTER_PROFILE_UNSUITABLE"
            )
    return _deflate(description, nodata, warped=warped, categorical=categorical)


def _nodata(description: RasterDescription, options: RasterOptions) -> Number | None:
    """The user's value goes before the raster's own, both as pixels have them. One of its own that no pixel
    can have says nothing."""
    told = description.nodata if options.nodata is None else options.nodata
    nodata = None if told is None else pixel_value(description.dtype, told)
    if nodata is None and options.nodata is not None:
        raise PermanentTaskError(
            f"no pixel of {description.dtype} can be {options.nodata}", "RASTER_NODATA_UNREPRESENTABLE"
        )
    return nodata


def _no_picture(description: RasterDescription, *, categorical: bool) -> str | None:
    """Why JPEG would do the raster harm; ``None`` where it would not."""
    if description.dtype != "uint8":
        return f"its pixels are {description.dtype}, not uint8"
    if categorical or description.has_color_table:
        return "its pixels are classes"
    if _color_bands(description) not in _PICTURE_BANDS:
        return f"it has {description.count} bands, not one or three, with or without alpha after them"
    return None


def _color_bands(description: RasterDescription) -> int:
    return description.count - _ends_in_alpha(description)


def _ends_in_alpha(description: RasterDescription) -> bool:
    return description.mask is MaskKind.ALPHA and description.color_interpretation[-1] == "alpha"


def _jpeg(description: RasterDescription, quality: int, nodata: Number | None, *, warped: bool) -> Encoding:
    """JPEG keeps no single value exactly, so nodata and alpha become a mask."""
    return Encoding(
        compression="JPEG",
        quality=quality,
        dtype=description.dtype,
        count=_color_bands(description),
        nodata=None,
        mask=warped or nodata is not None or description.mask is not MaskKind.NONE,
        drop_alpha=_ends_in_alpha(description),
    )


def _deflate(
    description: RasterDescription, nodata: Number | None, *, warped: bool, categorical: bool
) -> Encoding:
    """What a warp leaves empty needs a sign: nodata, alpha or a mask; NaN where floats had none of them."""
    mask = description.mask is MaskKind.INTERNAL
    if warped and nodata is None and description.mask in (MaskKind.NONE, MaskKind.NODATA):
        nodata, mask = ("nan", False) if is_float(description.dtype) else (None, True)
    return Encoding(
        compression="DEFLATE",
        predictor=_predictor(description, categorical=categorical),
        dtype=description.dtype,
        count=description.count,
        nodata=nodata,
        mask=mask,
    )


def _predictor(description: RasterDescription, *, categorical: bool) -> Literal[1, 2, 3]:
    """Differences of neighbours say nothing of classes that fit a byte."""
    if is_float(description.dtype):
        return 3
    return 1 if categorical and description.dtype in ("uint8", "int8") else 2
