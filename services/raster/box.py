"""What an operation works with, in the child and in tests: its folder, its sources, its progress."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from schema.errors import GeojobsError, PermanentTaskError
from schema.sandbox_messages import SourceFacts
from services.containers.ranges import RangeFile
from services.raster.files import RasterFile
from services.raster.ranges import CachedRanges

ReadSource = Callable[[str, int, int], bytes]


class SourceBox:
    """Implements ``services.raster.files.Box``; ``read`` takes a source's name, an offset and a length."""

    def __init__(
        self,
        folder: Path,
        sources: Mapping[str, SourceFacts],
        read: ReadSource,
        tell: Callable[[float], None],
    ) -> None:
        self._folder = folder
        self._sources = sources
        self._read = read
        self._tell = tell
        self._ranges: dict[str, CachedRanges] = {}
        self._openers: dict[str, Callable[..., Any]] = {}

    @property
    def folder(self) -> Path:
        return self._folder

    @property
    def failure(self) -> GeojobsError | None:
        """What reading a source met and GDAL could not be told."""
        return next((ranges.failure for ranges in self._ranges.values() if ranges.failure), None)

    def source(self, name: str, driver: str = "GTiff") -> RasterFile:
        path = self._facts(name).path
        if path is not None:
            return RasterFile(str(self._folder / path), driver)
        return RasterFile(_shown(name), driver, self._opener(name))

    def head(self, name: str, length: int) -> bytes:
        path = self._facts(name).path
        if path is not None:
            with (self._folder / path).open("rb") as file:
                return file.read(length)
        head = self._ranges_of(name).at(0, length)
        if self.failure is not None:
            raise self.failure
        return head

    def size(self, name: str) -> int:
        return self._facts(name).size

    def progress(self, fraction: float) -> None:
        self._tell(min(1.0, max(0.0, fraction)))

    def _facts(self, name: str) -> SourceFacts:
        try:
            return self._sources[name]
        except KeyError:
            raise PermanentTaskError(f"there is no source {name!r}", "RASTER_SOURCE_UNKNOWN") from None

    def _ranges_of(self, name: str) -> CachedRanges:
        if name not in self._ranges:
            self._ranges[name] = CachedRanges(
                lambda offset, length: self._read(name, offset, length), self.size(name)
            )
        return self._ranges[name]

    def _opener(self, name: str) -> Callable[..., Any]:
        """The same one each time: rasterio refuses a second one for a path that is open."""
        if name not in self._openers:
            ranges, shown = self._ranges_of(name), _shown(name)

            def opener(path: str, mode: str = "rb") -> RangeFile:  # noqa: ARG001 -- passed by this name
                if path != shown:
                    raise FileNotFoundError(path)
                return RangeFile(ranges)

            self._openers[name] = opener
        return self._openers[name]


def _shown(name: str) -> str:
    """What GDAL knows the source by; without an extension, which it might make something of."""
    return f"source-{name}"
