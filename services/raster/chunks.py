"""Whether a raster is made in one pass or in chunks, and how large those are."""

from collections.abc import Iterator

from schema.contracts.rasters import BLOCK, MAX_CHUNKS, Chunking, Grid
from schema.errors import PermanentTaskError
from services.raster.estimates import DISK_BUDGET, MEMORY_BUDGET, Work
from services.raster.limits import MAX_CHUNK_BYTES

ONE_PASS_BYTES = 256 * 1024**2
ONE_PASS_CHUNKS = 4
MAX_LEVELS = 3
_GB = 1e9
_FLAT_HEIGHTS = (4 * BLOCK, 2 * BLOCK, BLOCK)


def overviews_of(grid: Grid) -> int:
    """How often the grid is halved until both sides fit one tile."""
    side, levels = max(grid.width, grid.height), 0
    while side > BLOCK:
        side, levels = -(-side // 2), levels + 1
    return levels


def chunking_of(work: Work, block: tuple[int, int], chunk_size: int, *, divisible: bool) -> Chunking | None:
    """``None`` for one pass. ``block`` is the shape of the source's blocks, ``(height, width)``.

    Chunks are squares of ``chunk_size``, halved until they fit the limits, or doubled where they would be too
    many or leave too much for the upper overviews. Where the source has strips across all of a wide raster,
    chunks are as wide as that, or a half, a quarter, so that no strip is read by every chunk of a row. Raises
    ``PermanentTaskError``: ``RASTER_TOO_LARGE_TO_WARP`` where the raster must be made in one pass (not
    ``divisible``) and cannot, ``RASTER_SHRINKS_TOO_MUCH``, ``RASTER_TOO_MANY_CHUNKS``,
    ``RASTER_TOO_LARGE_TO_ASSEMBLE``.
    """
    grid = work.grid
    fits = work.pixel_bytes <= ONE_PASS_BYTES and work.memory_of(None) <= MEMORY_BUDGET
    if fits and (not divisible or grid.width * grid.height <= ONE_PASS_CHUNKS * chunk_size**2):
        return None
    if not divisible:
        raise PermanentTaskError(
            "a raster placed by ground control points or RPCs is warped in one pass, and this one is too"
            " large for that",
            "RASTER_TOO_LARGE_TO_WARP",
        )
    flat = _flat(grid, chunk_size) if block[1] == work.source.width else ()
    return next((each for each in flat if _suits(work, each)), None) or _square(work, chunk_size)


def levels_of(width: int, height: int, overviews: int) -> int:
    """How many overviews a chunk of this size can make without its neighbours."""
    levels = 0
    while (
        levels < min(MAX_LEVELS, overviews)
        and width % (BLOCK << levels + 1) == height % (BLOCK << levels + 1) == 0
    ):
        levels += 1
    return levels


def _flat(grid: Grid, chunk_size: int) -> Iterator[Chunking]:
    """Few beside each other first, as that is how often a strip is read."""
    parts = 1
    while grid.width > parts * chunk_size:
        for height in (each for each in _FLAT_HEIGHTS if each <= chunk_size):
            unit = BLOCK << levels_of(0, height, overviews_of(grid))
            yield _cut(grid, -(-grid.width // (parts * unit)) * unit, height)
        parts *= 2


def _square(work: Work, size: int) -> Chunking:
    while size > BLOCK and not _fits(work, _cut(work.grid, size, size)):
        size //= 2
    made = _cut(work.grid, size, size)
    if not _fits(work, made):
        raise PermanentTaskError(
            "a tile of the output would be made of more pixels than fit memory: ask for a finer resolution",
            "RASTER_SHRINKS_TOO_MUCH",
        )
    while not _suits(work, made):
        larger = _cut(work.grid, 2 * made.width, 2 * made.height)
        if not _fits(work, larger):
            raise _too_large(work, made)
        made = larger
    return made


def _too_large(work: Work, chunking: Chunking) -> PermanentTaskError:
    """Why no larger chunks than these are not enough."""
    if chunking.count > MAX_CHUNKS:
        return PermanentTaskError(
            f"the output would be made in more than {MAX_CHUNKS} chunks", "RASTER_TOO_MANY_CHUNKS"
        )
    return PermanentTaskError(
        f"putting the chunks together would take {work.temporary_of(chunking) / _GB:,.1f} GB of disk, and "
        f"{DISK_BUDGET / _GB:,.1f} GB may be taken: give its bands, or its parts, as several rasters",
        "RASTER_TOO_LARGE_TO_ASSEMBLE",
    )


def _suits(work: Work, chunking: Chunking) -> bool:
    few = chunking.count <= MAX_CHUNKS
    return few and _fits(work, chunking) and work.temporary_of(chunking) <= DISK_BUDGET


def _fits(work: Work, chunking: Chunking) -> bool:
    pixels = work.bytes_of(chunking.width, chunking.height)
    return pixels <= MAX_CHUNK_BYTES and work.memory_of(chunking) <= MEMORY_BUDGET


def _cut(grid: Grid, width: int, height: int) -> Chunking:
    return Chunking(
        width=width,
        height=height,
        levels=levels_of(width, height, overviews_of(grid)),
        columns=-(-grid.width // width),
        rows=-(-grid.height // height),
    )
