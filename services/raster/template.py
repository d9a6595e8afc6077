"""The directories of an output as GDAL writes them, with all metadata and without any pixels."""

# rasterio comes without types.
# pyright: reportMissingTypeStubs=false, reportUnknownMemberType=false, reportUnknownVariableType=false

import warnings
from pathlib import Path
from typing import Any

import numpy as np
import rasterio
from rasterio.errors import NotGeoreferencedWarning

from schema.contracts.rasters import BLOCK, RasterPlan
from services.raster.encoding import creation_options
from services.raster.header import Template
from services.raster.metadata_copy import copy_metadata, refuse_sidecar
from services.raster.tiff import read_directories


def make_template(source: Any, plan: RasterPlan, folder: Path) -> Template:
    """Have GDAL write a raster of one tile with the metadata of the plan's output, and take its directories.

    Nothing in them but size and tiles depends on the raster's size. ``source`` is an open
    ``DatasetReader``. Raises ``PermanentTaskError`` (``RASTER_METADATA_UNREPRESENTABLE``) where GDAL needs
    a file beside the TIFF for what the header cannot hold.
    """
    path = folder / "template.tif"
    encoding = plan.encoding
    shape: dict[str, Any] = {"count": encoding.count, "dtype": encoding.dtype}
    options: dict[str, Any] = creation_options(encoding) | {"bigtiff": "YES", "sparse_ok": "TRUE"}
    with warnings.catch_warnings(), rasterio.Env(GDAL_TIFF_INTERNAL_MASK=True, GDAL_PAM_ENABLED=True):
        warnings.simplefilter("ignore", NotGeoreferencedWarning)
        with rasterio.open(path, "w", width=BLOCK, height=BLOCK, **shape, **options) as target:
            copy_metadata(source, target, plan)
            if encoding.mask:
                target.write_mask(np.zeros((BLOCK, BLOCK), np.bool_))
    refuse_sidecar(path)
    directories = read_directories(path)
    path.unlink()
    return Template(directories[0], directories[1] if encoding.mask else None)
