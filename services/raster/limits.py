"""How large a raster may be, in every respect that its header tells."""

from schema.contracts.rasters import BLOCK
from schema.errors import PermanentTaskError
from services.raster.numbers import DTYPES, itemsize

MAX_PIXEL_BYTES = 40 * 1024**3
"""What one task can check in its 25 minutes: it read 63 MB of pixels in a second of a processor, and 36 MB in
one of a clock where the machine was busy."""

MAX_BLOCK_BYTES = 64 * 1024**2
MAX_CHUNK_BYTES = 200_000_000
MAX_TILE_BYTES = 128 * 1024**2
"""Of a tile in all bands, which is held as a whole. 190 bands of float32 (199 MB) of noise took 1.1 GB
where a chunk was made, and where the COG was checked."""

MAX_BANDS = 256
MAX_DIRECTORIES = 128

_GIB = 1024**3
_MIB = 1024**2


def demand_type(dtypes: tuple[str, ...]) -> str:
    """The one type of all bands. Raises ``PermanentTaskError``."""
    if any(dtype.startswith("complex") for dtype in dtypes):
        raise PermanentTaskError("complex pixels are not processed", "RASTER_COMPLEX")
    found = sorted(set(dtypes))
    if len(found) != 1:
        raise PermanentTaskError(
            f"the bands have different types: {', '.join(found) or 'none'}", "RASTER_MIXED_TYPES"
        )
    if found[0] not in DTYPES:
        raise PermanentTaskError(
            f"pixels of {found[0]} are not processed, only {', '.join(sorted(DTYPES))}",
            "RASTER_TYPE_UNSUPPORTED",
        )
    return found[0]


def demand_size(width: int, height: int, bands: int, dtype: str) -> int:
    """Bytes of all pixels. Raises ``PermanentTaskError`` where they are too many."""
    size = width * height * bands * itemsize(dtype)
    if size > MAX_PIXEL_BYTES:
        raise PermanentTaskError(
            f"{width} x {height} pixels in {bands} bands of {dtype} have {size / _GIB:,.0f} GiB: more than "
            f"the {MAX_PIXEL_BYTES // _GIB} GiB that are processed",
            "RASTER_TOO_LARGE",
        )
    return size


def demand_bands(bands: int, dtype: str) -> None:
    """Raises ``PermanentTaskError`` where a tile of all bands would be too large: it is held as a whole."""
    most = min(MAX_BANDS, MAX_TILE_BYTES // (BLOCK * BLOCK * itemsize(dtype)))
    if not 1 <= bands <= most:
        raise PermanentTaskError(
            f"there are {bands} bands, and at most {most} of {dtype} are processed", "RASTER_TOO_MANY_BANDS"
        )


def demand_block(shape: tuple[int, int], bands: int, dtype: str) -> None:
    """``shape`` is ``(height, width)``, ``bands`` how many bands one block holds. Raises
    ``PermanentTaskError``: a block is read whole, however few of its pixels are wanted."""
    height, width = shape
    size = height * width * bands * itemsize(dtype)
    if size > MAX_BLOCK_BYTES:
        raise PermanentTaskError(
            f"a block of {width} x {height} pixels has {size / _MIB:,.0f} MiB, more than the "
            f"{MAX_BLOCK_BYTES // _MIB} MiB that are read at once",
            "RASTER_BLOCK_TOO_LARGE",
        )
