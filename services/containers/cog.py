"""Whether an open GeoTIFF is laid out as a Cloud Optimized GeoTIFF, told from its header alone.

The rules are those of OGC 21-026: tiled with overviews where it is larger than one tile, and every
directory before every pixel.
"""

from typing import Any

_SMALL = 512
_TILE_UNIT = 16


def is_cog(dataset: Any) -> bool:
    if dataset.driver != "GTiff":
        return False
    levels = [None, *range(len(dataset.overviews(1)))]
    is_small = max(dataset.width, dataset.height) <= _SMALL
    if not is_small and not (_is_tiled(dataset) and len(levels) > 1):
        return False
    directories = [_tag(dataset, "IFD_OFFSET", level) for level in levels]
    pixels = [offset for level in levels if (offset := _tag(dataset, "BLOCK_OFFSET_0_0", level))]
    in_order = directories == sorted(directories) and pixels == sorted(pixels, reverse=True)
    return in_order and (not pixels or directories[-1] < min(pixels))


def is_truncated(dataset: Any, size: int) -> bool:
    """Whether the last block of a GeoTIFF would end beyond the file's ``size`` in bytes."""
    if dataset.driver != "GTiff":
        return False
    height, width = dataset.block_shapes[0]
    last = f"{(dataset.width - 1) // width}_{(dataset.height - 1) // height}"
    offset = _tag(dataset, f"BLOCK_OFFSET_{last}", None)
    return offset + _tag(dataset, f"BLOCK_SIZE_{last}", None) > size


def _is_tiled(dataset: Any) -> bool:
    height, width = dataset.block_shapes[0]
    return width != dataset.width or (height == width and width % _TILE_UNIT == 0)


def _tag(dataset: Any, name: str, overview: int | None) -> int:
    """The offset or size that GDAL tells under this name; 0 for a block that is not stored."""
    return int(dataset.get_tag_item(name, "TIFF", bidx=1, ovr=overview) or 0)
