"""A window of the source as it is: its pixels, and which of them are valid by mask, alpha, nodata and NaN."""

# rasterio comes without types, and how its Window is called is only known at run time.
# pyright: reportMissingTypeStubs=false, reportUnknownMemberType=false, reportUnknownVariableType=false
# pyright: reportUnknownArgumentType=false, reportUnknownParameterType=false, reportCallIssue=false

from collections.abc import Generator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
from rasterio.errors import RasterioIOError
from rasterio.windows import Window

from schema.contracts.rasters import MaskKind, Number, RasterPlan
from schema.errors import PermanentTaskError
from services.raster.files import RasterFile
from services.raster.masks import Pixels, Valid, has_value, kept_alpha
from services.raster.numbers import pixel_value
from services.raster.reducing import Method, reduce
from services.raster.shortages import shortage_of

_STRIPE_PIXELS = 1 << 23


@dataclass(frozen=True)
class SourcePixels:
    """``pixels`` ``(bands, height, width)``; ``mask`` ``(height, width)`` from a mask or alpha, ``None``
    where the source has neither. ``nodata`` is that of the source, or what the user says it is; ``alpha``
    the band, counted from 0, that is alpha."""

    pixels: Pixels
    mask: Valid | None
    nodata: Number | None
    alpha: int | None

    def valid(self, band: int) -> Valid | None:
        """Where the band, counted from 0, is valid; ``None`` where it is everywhere."""
        if band == self.alpha:
            return None
        found = has_value(self.pixels[band], self.nodata)
        if self.mask is None or bool(self.mask.all()):
            return found
        return self.mask if found is None else found & self.mask

    def valid_anywhere(self) -> Valid:
        """Where any band is valid, alpha itself aside."""
        found = np.zeros(self.pixels.shape[1:], np.bool_)
        for band in range(len(self.pixels)):
            if band == self.alpha:
                continue
            here = self.valid(band)
            if here is None:
                return np.ones_like(found)
            found |= here
        return found

    def part(self, rows: slice, columns: slice) -> "SourcePixels":
        mask = None if self.mask is None else self.mask[rows, columns]
        return SourcePixels(self.pixels[:, rows, columns], mask, self.nodata, self.alpha)


def source_nodata(plan: RasterPlan) -> Number | None:
    """As a pixel has it; ``None`` also where no pixel can."""
    told = plan.description.nodata if plan.options.nodata is None else plan.options.nodata
    return None if told is None else pixel_value(plan.description.dtype, told)


def read_source(dataset: Any, plan: RasterPlan, window: Window) -> SourcePixels:
    """The window of the open source, in the output's bands; alpha that is dropped becomes the mask.

    Raises ``PermanentTaskError`` (``RASTER_UNREADABLE``).
    """
    bands = list(range(1, plan.encoding.count + 1))
    alpha = kept_alpha(plan)
    mask: Valid | None = None
    with _telling():
        pixels: Pixels = dataset.read(bands, window=window)
        if alpha is not None:
            mask = pixels[alpha] != 0
        elif plan.description.mask is MaskKind.ALPHA:
            mask = dataset.read(plan.encoding.count + 1, window=window) != 0
        elif plan.description.mask is MaskKind.INTERNAL:
            mask = dataset.read_masks(1, window=window) != 0
    return SourcePixels(pixels, mask, source_nodata(plan), alpha)


def read_reduced(
    dataset: Any, plan: RasterPlan, window: Window, halvings: int, method: Method
) -> SourcePixels:
    """The window halved several times, read in stripes so that memory only holds what comes of it.

    The window starts on a multiple of ``2 ** halvings`` or is cut as if it did.
    """
    step = 1 << halvings
    height = max(step, _STRIPE_PIXELS // window.width // step * step)
    parts: list[SourcePixels] = []
    for top in range(0, window.height, height):
        rows = min(height, window.height - top)
        part = read_source(dataset, plan, Window(window.col_off, window.row_off + top, window.width, rows))
        parts.append(_halved(part, halvings, method))
    masks = [part.mask for part in parts if part.mask is not None]
    return SourcePixels(
        np.concatenate([part.pixels for part in parts], axis=1),
        np.concatenate(masks) if masks else None,
        parts[0].nodata,
        parts[0].alpha,
    )


def _halved(part: SourcePixels, halvings: int, method: Method) -> SourcePixels:
    pixels, mask = part.pixels, part.mask
    for _ in range(halvings):
        pixels, mask = reduce(pixels, mask, part.nodata, method, alpha=part.alpha)
    return SourcePixels(pixels, mask, part.nodata, part.alpha)


@contextmanager
def opened(raster: RasterFile) -> Generator[Any]:
    """The open source; raises ``PermanentTaskError`` (``RASTER_UNREADABLE``) where GDAL cannot open it."""
    with ExitStack() as stack:
        with _telling():
            dataset = stack.enter_context(raster.open())
        yield dataset


@contextmanager
def _telling() -> Generator[None]:
    try:
        yield
    except RasterioIOError as exc:
        if shortage_of(exc):
            raise
        raise PermanentTaskError("pixels of the raster cannot be read", "RASTER_UNREADABLE") from exc
