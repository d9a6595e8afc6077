"""Whether a raster is made in one pass or in chunks, and how large those are."""

from collections.abc import Iterator

from schema.contracts.rasters import BLOCK, MAX_CHUNKS, Chunking, Grid
from schema.errors import PermanentTaskError
from services.raster.estimates import MEMORY_BUDGET, Work
from services.raster.limits import MAX_CHUNK_BYTES

ONE_PASS_BYTES = 256 * 1024**2
ONE_PASS_CHUNKS = 4
MAX_LEVELS = 3
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
    many. Where the source has strips across all of a wide raster, chunks are as wide as that, so that no
    strip is read by every chunk of a row. Raises ``PermanentTaskError``: ``RASTER_TOO_LARGE_TO_WARP`` where
    the raster must be made in one pass (not ``divisible``) and cannot, ``RASTER_SHRINKS_TOO_MUCH``,
    ``RASTER_TOO_MANY_CHUNKS``.
    """
    grid = work.grid
    fits = work.pixel_bytes <= ONE_PASS_BYTES and work.memory_of(grid.width, grid.height) <= MEMORY_BUDGET
    if fits and (not divisible or grid.width * grid.height <= ONE_PASS_CHUNKS * chunk_size**2):
        return None
    if not divisible:
        raise PermanentTaskError(
            "a raster placed by ground control points or RPCs is warped in one pass, and this one is too"
            " large for that",
            "RASTER_TOO_LARGE_TO_WARP",
        )
    width, height = next(_candidates(work, block, chunk_size), (0, 0))
    if not width:
        raise PermanentTaskError(
            "a tile of the output would be made of more pixels than fit memory: ask for a finer resolution",
            "RASTER_SHRINKS_TOO_MUCH",
        )
    return _cut(grid, width, height)


def levels_of(width: int, height: int, overviews: int) -> int:
    """How many overviews a chunk of this size can make without its neighbours."""
    levels = 0
    while (
        levels < min(MAX_LEVELS, overviews)
        and width % (BLOCK << levels + 1) == height % (BLOCK << levels + 1) == 0
    ):
        levels += 1
    return levels


def _candidates(work: Work, block: tuple[int, int], chunk_size: int) -> Iterator[tuple[int, int]]:
    if block[1] == work.source.width and block[1] > chunk_size:
        yield from (shape for shape in _flat(work.grid, chunk_size) if _fits(work, *shape))
    size = chunk_size
    while size > BLOCK and not _fits(work, size, size):
        size //= 2
    if _fits(work, size, size):
        yield _enough(work, size)


def _flat(grid: Grid, chunk_size: int) -> Iterator[tuple[int, int]]:
    for height in (each for each in _FLAT_HEIGHTS if each <= chunk_size):
        unit = BLOCK << levels_of(0, height, overviews_of(grid))
        yield -(-grid.width // unit) * unit, height


def _enough(work: Work, size: int) -> tuple[int, int]:
    """The size, doubled until the chunks are not too many."""
    while _cut(work.grid, size, size).count > MAX_CHUNKS:
        size *= 2
        if not _fits(work, size, size):
            raise PermanentTaskError(
                f"the output would be made in more than {MAX_CHUNKS} chunks", "RASTER_TOO_MANY_CHUNKS"
            )
    return size, size


def _fits(work: Work, width: int, height: int) -> bool:
    return work.bytes_of(width, height) <= MAX_CHUNK_BYTES and work.memory_of(width, height) <= MEMORY_BUDGET


def _cut(grid: Grid, width: int, height: int) -> Chunking:
    return Chunking(
        width=width,
        height=height,
        levels=levels_of(width, height, overviews_of(grid)),
        columns=-(-grid.width // width),
        rows=-(-grid.height // height),
    )
