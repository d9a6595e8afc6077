"""A raster as GDAL is to open it: by one named driver, from a path or through ranges."""

# rasterio comes without types.
# pyright: reportMissingTypeStubs=false, reportUnknownMemberType=false, reportUnknownVariableType=false

from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import rasterio

from services.raster.drivers import OPTIONS


@dataclass(frozen=True)
class RasterFile:
    """``driver`` is GDAL's, and no other is tried. With an ``opener`` the path is only a name for it."""

    path: str
    driver: str = "GTiff"
    opener: Callable[..., Any] | None = None

    @contextmanager
    def open(self, level: int | None = None) -> Generator[Any]:
        """A ``rasterio.DatasetReader``, of an overview where its ``level`` is given, from 0; raises
        ``RasterioIOError``."""
        options: dict[str, Any] = {} if self.opener is None else {"opener": self.opener}
        if level is not None:
            options["overview_level"] = level
        with (
            rasterio.Env(**OPTIONS),
            rasterio.open(self.path, driver=self.driver, sharing=False, **options) as dataset,
        ):
            yield dataset


class Box(Protocol):
    """What an operation in the child has to work with."""

    @property
    def folder(self) -> Path: ...

    def source(self, name: str, driver: str = "GTiff") -> RasterFile:
        """A source that was passed under this name."""
        ...

    def head(self, name: str, length: int) -> bytes:
        """The first bytes of a source."""
        ...

    def size(self, name: str) -> int:
        """The size of a source in bytes."""
        ...

    def progress(self, fraction: float) -> None: ...
