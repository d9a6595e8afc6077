"""Whatever the raster: its chunks cover the grid once, fit the limits, and make the levels they promise."""

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from schema.contracts.rasters import BLOCK, MAX_CHUNKS, Chunking, RasterDescription, RasterPlan
from schema.errors import PermanentTaskError
from services.raster.limits import MAX_CHUNK_BYTES
from services.raster.numbers import itemsize
from tests.support.raster_headers import description, grid, plan

SIDES = st.integers(1, 200_000)
DTYPES = st.sampled_from(["uint8", "int16", "float32", "float64"])
CHUNK_SIZES = st.sampled_from([BLOCK << power for power in range(6)])


@st.composite
def sources(draw: st.DrawFn) -> RasterDescription:
    width, height = draw(SIDES), draw(SIDES)
    strips = draw(st.booleans())
    block = (draw(st.integers(1, 64)), width) if strips else (256, 256)
    return description(width, height, dtype=draw(DTYPES), count=draw(st.integers(1, 12)), block=block)


@st.composite
def plans(draw: st.DrawFn) -> RasterPlan | None:
    """``None`` where the raster is refused."""
    output = draw(st.none() | st.builds(grid, SIDES, SIDES))
    options: dict[str, Any] = {"chunk_size": draw(CHUNK_SIZES)}
    try:
        return plan(draw(sources()), output, **options)
    except PermanentTaskError as refusal:
        assert refusal.error_code in {  # noqa: PT017 -- nothing else may be why
            "RASTER_TOO_LARGE",
            "RASTER_SHRINKS_TOO_MUCH",
            "RASTER_TOO_MANY_CHUNKS",
            "RASTER_TOO_LARGE_TO_ASSEMBLE",
        }
        return None


def whole_tiles(side: int) -> int:
    return -(-side // BLOCK) * BLOCK


def covered(side: int, step: int, parts: int) -> list[tuple[int, int]]:
    return [(index * step, min(side, (index + 1) * step)) for index in range(parts)]


def tile_exactly(side: int, step: int, parts: int) -> bool:
    spans = covered(side, step, parts)
    starts, ends = [start for start, _ in spans], [end for _, end in spans]
    return starts[0] == 0 and ends[-1] == side and ends[:-1] == starts[1:] and starts < ends


@settings(deadline=None)
@given(plans())
def test_chunks_cover_the_grid_exactly_once(made: RasterPlan | None) -> None:
    if made is None or made.chunking is None:
        return
    chunking = made.chunking
    assert tile_exactly(made.grid.width, chunking.width, chunking.columns)
    assert tile_exactly(made.grid.height, chunking.height, chunking.rows)
    assert chunking.count <= MAX_CHUNKS


@settings(deadline=None)
@given(plans())
def test_a_chunk_fits_the_limits(made: RasterPlan | None) -> None:
    if made is None or made.chunking is None:
        return
    chunking: Chunking = made.chunking
    pixels = whole_tiles(min(chunking.width, made.grid.width)) * whole_tiles(
        min(chunking.height, made.grid.height)
    )
    assert pixels * made.encoding.count * itemsize(made.encoding.dtype) <= MAX_CHUNK_BYTES
    assert made.estimate.memory_bytes <= 1_000_000_000
    assert made.estimate.temporary_bytes <= 20_000_000_000


@settings(deadline=None)
@given(plans())
def test_levels_divide_chunks_and_are_overviews(made: RasterPlan | None) -> None:
    if made is None or made.chunking is None:
        return
    unit = BLOCK << made.chunking.levels
    assert made.chunking.width % unit == made.chunking.height % unit == 0
    assert made.chunking.levels <= min(3, made.overviews)


@settings(deadline=None)
@given(sources(), CHUNK_SIZES)
def test_the_same_raster_has_the_same_plan(source: RasterDescription, chunk_size: int) -> None:
    outcomes: list[RasterPlan | str] = []
    for _ in range(2):
        try:
            outcomes.append(plan(source, chunk_size=chunk_size))
        except PermanentTaskError as refusal:
            outcomes.append(refusal.error_code)
    assert outcomes[0] == outcomes[1]


@settings(deadline=None)
@given(SIDES, SIDES)
def test_overviews_halve_to_one_tile_and_no_further(width: int, height: int) -> None:
    side = max(width, height)
    levels = plan(description(width, height)).overviews
    sizes = [-(-side // 2**level) for level in range(levels + 1)]
    assert sizes[-1] <= BLOCK
    assert all(size > BLOCK for size in sizes[:-1])
