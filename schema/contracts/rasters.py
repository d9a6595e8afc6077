"""The values that the raster jobs share: sources, grids, what a raster is, what is to be made of it."""

from datetime import datetime as DateTime  # noqa: N812 -- fields are called datetime
from enum import StrEnum
from typing import Annotated, Literal

from pydantic import Field

from schema.contracts.containers import ContainerName
from schema.results import Contract

BLOCK = 512
"""Width and height of a tile of every COG made here, in pixels."""

MAX_CHUNKS = 10_000
"""Of one raster. A block blob has at most 50,000 blocks, and a chunk stages up to four; the assembly has one
file of each chunk in its folder."""

Number = float | Literal["nan", "inf", "-inf"]
"""A number, as text where JSON has no such number."""

Box = tuple[float, float, float, float]
"""``minx, miny, maxx, maxy``."""

Terms = tuple[float, float, float, float, float, float]
"""An affine transform ``a, b, c, d, e, f``: ``x = a*column + b*row + c``, ``y = d*column + e*row + f``."""


class OutputProfile(StrEnum):
    """``lossless``: pixels as they are, or as warped, in DEFLATE. ``visual``: JPEG for pictures. ``web``: as
    ``visual``, in Web Mercator on the zoom levels' grid."""

    LOSSLESS = "lossless"
    VISUAL = "visual"
    WEB = "web"


class ResamplingMethod(StrEnum):
    """``auto``: by the kind of data. The others as GDAL has them."""

    AUTO = "auto"
    NEAREST = "nearest"
    BILINEAR = "bilinear"
    CUBIC = "cubic"
    AVERAGE = "average"
    MODE = "mode"


class MaskKind(StrEnum):
    """How a raster says which of its pixels are valid."""

    NONE = "none"
    NODATA = "nodata"
    ALPHA = "alpha"
    INTERNAL = "internal"


class RasterOptions(Contract):
    """What a user may ask for. ``resolution`` is in units of the CRS of the output."""

    target_crs: str | None = None
    resolution: float | None = None
    resampling: ResamplingMethod = ResamplingMethod.AUTO
    profile: OutputProfile = OutputProfile.LOSSLESS
    nodata: Number | None = None
    categorical: bool | None = None
    source_crs: str | None = None
    chunk_size: int = 4096
    datetime: DateTime | None = None


class BlobVersion(Contract):
    """One version of a blob: ``etag`` pins it. ``size`` in bytes."""

    container: ContainerName
    blob: str
    etag: str
    size: int


class Grid(Contract):
    """Where pixels lie. ``crs`` is an authority's code where there is one, else WKT; ``None`` where only
    ground control points or RPCs say where the raster is."""

    crs: str | None
    transform: Terms
    width: int
    height: int


class RasterDescription(Contract):
    """What a raster's header says. ``nodata``, ``scales`` and the like are by band, in their order.

    ``bits`` of a pixel are told where they are fewer than its type has. ``block`` is the shape of a block,
    ``(height, width)``; ``bounds`` are in EPSG:4326, ``None`` where the raster is only placed by ground
    control points or RPCs that were not asked to be used.
    """

    driver: str
    grid: Grid
    count: int
    dtype: str
    bits: int | None = None
    nodata: Number | None
    mask: MaskKind
    color_interpretation: tuple[str, ...]
    has_color_table: bool
    scales: tuple[float, ...]
    offsets: tuple[float, ...]
    units: tuple[str | None, ...]
    names: tuple[str | None, ...]
    gcps: int
    has_rpcs: bool
    area_or_point: Literal["Area", "Point"]
    block: tuple[int, int]
    compression: str | None
    overviews: int
    bounds: Box | None
    pixel_bytes: Annotated[int, Field(description="bytes of all pixels, uncompressed")]


class ValidatedRaster(Contract):
    """A source that can be processed, pinned to the version that was looked at.

    ``grid`` is that of the output, by the options; ``warped`` says whether pixels must be resampled to it,
    ``shrinking`` how many of the source lie along one of the output.
    """

    source: BlobVersion
    description: RasterDescription
    grid: Grid
    warped: bool
    shrinking: float = 1.0
    acquired: DateTime
    processed_items: int = 1


class Encoding(Contract):
    """How the pixels of the output are stored. ``quality`` only with JPEG; ``predictor`` as in TIFF.

    ``mask``: the validity of pixels is kept in an internal mask. ``drop_alpha``: the source's last band is
    alpha and becomes that mask.
    """

    compression: Literal["DEFLATE", "JPEG"]
    quality: int | None = None
    predictor: Literal[1, 2, 3] = 1
    dtype: str
    count: int
    nodata: Number | None
    mask: bool
    drop_alpha: bool = False


class Chunking(Contract):
    """The output grid cut into chunks of ``width`` x ``height`` pixels, row by row from the upper left.

    ``levels`` overviews (2, 4, ...) are made by the chunks themselves: both sides divide by
    ``BLOCK * 2 ** levels``.
    """

    width: int
    height: int
    levels: int
    columns: int
    rows: int

    @property
    def count(self) -> int:
        return self.columns * self.rows


class RasterEstimate(Contract):
    """``memory_bytes`` is the peak of one process, ``temporary_bytes`` what lies on its disk; ``seconds`` is
    the work of one worker that does all of it."""

    pixel_bytes: int
    memory_bytes: int
    temporary_bytes: int
    seconds: float


class RasterPlan(Contract):
    """What is to be made of a source, fixed for all tasks. ``chunking`` is ``None`` for one pass.

    ``overviews`` counts the reduced levels of the output, each half the one before. ``warped``: the pixels
    are resampled to ``grid``, else they are those of the source. ``folder`` (in ``container``) is where all
    outputs go, each named after ``item_id``.
    """

    source: BlobVersion
    description: RasterDescription
    options: RasterOptions
    acquired: DateTime
    collection_id: str
    item_id: str
    container: str
    folder: str
    grid: Grid
    warped: bool
    categorical: bool
    resampling: ResamplingMethod
    overview_resampling: Literal["average", "nearest"]
    encoding: Encoding
    overviews: int
    chunking: Chunking | None
    estimate: RasterEstimate
    processed_items: int = 1

    @property
    def cog_name(self) -> str:
        return f"{self.folder}/{self.item_id}.tif"
