"""What ``assemble`` is asked and answers: no raster library is needed to speak of it."""

from schema.contracts.process_raster import CreatedChunk
from schema.contracts.rasters import RasterPlan
from schema.results import Contract


class AssembleRequest(Contract):
    """``source`` is the name under which the child may read the source, of which it takes the header.

    ``chunks`` are all of them in their order. ``parts`` are the names of their reduced pixels in the child's
    folder, in the same order; none where the chunks make all overviews. They are deleted.
    """

    source: str
    plan: RasterPlan
    chunks: tuple[CreatedChunk, ...]
    parts: tuple[str, ...]


class LevelFile(Contract):
    """A level's tiles in a file of the child's folder; ``size`` in bytes."""

    level: int
    name: str
    size: int


class AssembleResult(Contract):
    """The COG is the file ``header``, then ``upper_levels``, the smallest first, then the blocks that the
    chunks staged, in the order of ``block_ids``."""

    header: str
    upper_levels: tuple[LevelFile, ...]
    block_ids: tuple[str, ...]
