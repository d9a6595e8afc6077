"""What is to be made of a source: arithmetic on its description, and no raster library."""

from dataclasses import dataclass

from schema.contracts.rasters import RasterOptions, RasterPlan, ValidatedRaster
from services.raster.chunks import chunking_of, overviews_of
from services.raster.estimates import Work, estimated
from services.raster.limits import demand_size
from services.raster.output_encoding import encoding_of
from services.raster.resampling import (
    demand_colors_kept,
    is_categorical,
    overview_resampling_of,
    resampling_of,
)


@dataclass(frozen=True)
class Destination:
    """Where the outputs go; ``folder`` lies in ``container``."""

    collection_id: str
    item_id: str
    container: str
    folder: str


def folder_of(collection_id: str, item_id: str, job_id: str, run: int) -> str:
    """A folder of this run alone, so that no other run's outputs are touched."""
    return f"{collection_id}/{item_id}/{job_id[:16]}-r{run}"


def planned(validated: ValidatedRaster, options: RasterOptions, destination: Destination) -> RasterPlan:
    """The same plan for the same arguments. Raises ``PermanentTaskError`` where the options do not fit the
    raster, or the output would be too large."""
    description, grid = validated.description, validated.grid
    categorical = is_categorical(description, options, validated.source.blob)
    encoding = encoding_of(description, options, warped=validated.warped, categorical=categorical)
    demand_size(grid.width, grid.height, encoding.count, encoding.dtype)
    work = Work(
        source=description.grid,
        grid=grid,
        encoding=encoding,
        warped=validated.warped,
        resampling=resampling_of(description, options, validated.shrinking, categorical=categorical),
    )
    if validated.warped:
        demand_colors_kept(description, work.resampling)
    divisible = not validated.warped or description.grid.crs is not None
    chunking = chunking_of(work, description.block, options.chunk_size, divisible=divisible)
    return RasterPlan(
        source=validated.source,
        description=description,
        options=options,
        acquired=validated.acquired,
        collection_id=destination.collection_id,
        item_id=destination.item_id,
        container=destination.container,
        folder=destination.folder,
        grid=grid,
        warped=validated.warped,
        categorical=categorical,
        resampling=work.resampling,
        overview_resampling=overview_resampling_of(categorical=categorical),
        encoding=encoding,
        overviews=overviews_of(grid),
        chunking=chunking,
        estimate=estimated(work, chunking),
    )
