"""Compares COGs made in chunks with GDAL's and rio-cogeo's: time, processor, memory, disk; prints JSON.

./dev bench raster                              16,384 x 16,384 RGB and 12,288 x 12,288 float32
./dev bench raster --picture 2048 --elevations 0 --chunk 512

Debian's ``gdal_translate`` is installed where it is absent. All files are made for the run, and deleted.
"""

# rasterio and rio-cogeo come without types.
# pyright: reportMissingTypeStubs=false, reportUnknownMemberType=false, reportUnknownVariableType=false

import argparse
import json
import os
import platform
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import rasterio
from rasterio.windows import Window
from rio_cogeo.cogeo import cog_validate

from benchmarks.raster_sources import BLOCK, Scene, elevations, make, picture
from benchmarks.usage import Usage, measure
from tools.packages import Need, satisfy
from tools.shell import run

_SECONDS = 1_800.0
_ROOT = Path(__file__).parent.parent


@dataclass(frozen=True)
class Way:
    """One way to make ``out.tif`` in the folder that the command runs in."""

    name: str
    command: Callable[[Scene, Path], Sequence[str | Path]]
    is_rival: bool = False


@dataclass(frozen=True)
class Row:
    """``to_fastest`` is the wall time over that of the fastest of the others' tools, and so on."""

    scene: str
    way: str
    usage: Usage
    output_bytes: int
    is_valid: bool
    pixels_equal: bool
    wall_to_fastest: float | None = None
    cpu_to_fastest: float | None = None
    temporary_to_fastest: float | None = None
    stages: dict[str, float] | None = None


def gdal(scene: Scene, source: Path) -> list[str | Path]:
    options = {
        "COMPRESS": "DEFLATE",
        "PREDICTOR": "FLOATING_POINT" if scene.predictor == 3 else "STANDARD",  # noqa: PLR2004 -- TIFF's number
        "LEVEL": "6",
        "BLOCKSIZE": str(BLOCK),
        "NUM_THREADS": "ALL_CPUS",
        "OVERVIEW_RESAMPLING": "AVERAGE",
        "BIGTIFF": "IF_SAFER",
    }
    told = [part for name, value in options.items() for part in ("-co", f"{name}={value}")]
    return ["gdal_translate", "-q", "-of", "COG", *told, source, "out.tif"]


def rio_cogeo(scene: Scene, source: Path) -> list[str | Path]:
    options = ["--cog-profile", "deflate", "--co", f"PREDICTOR={scene.predictor}", "--co", "ZLEVEL=6"]
    options += ["--blocksize", str(BLOCK), "--overview-resampling", "average"]
    return [
        "rio",
        "cogeo",
        "create",
        "--quiet",
        "--no-in-memory",
        "--threads",
        "ALL_CPUS",
        *options,
        source,
        "out.tif",
    ]


def chunked(workers: int, chunk_size: int) -> Callable[[Scene, Path], Sequence[str | Path]]:
    def command(_: Scene, source: Path) -> list[str | Path]:
        told = ["--workers", str(workers), "--chunk", str(chunk_size)]
        return [sys.executable, "-m", "benchmarks.raster_chunks", source, "out.tif", *told]

    return command


def main() -> None:
    arguments = _arguments()
    satisfy(None if shutil.which("gdal_translate") else Need("gdal_translate not found", ("gdal-bin",)))
    ways = [
        Way("gdal_translate -of COG", gdal, is_rival=True),
        Way("rio cogeo create", rio_cogeo, is_rival=True),
    ]
    ways += [
        Way(f"chunks, {workers} worker{'s' if workers > 1 else ''}", chunked(workers, arguments.chunk))
        for workers in arguments.workers
    ]
    scenes = [
        kind(side)
        for kind, side in ((picture, arguments.picture), (elevations, arguments.elevations))
        if side
    ]
    with tempfile.TemporaryDirectory(prefix="geojobs-bench-raster-", dir=arguments.folder) as folder:
        rows = [row for scene in scenes for row in _compared(scene, ways, Path(folder))]
    print(json.dumps(_report(scenes, rows, arguments.chunk), indent=2))
    if not all(row.is_valid and row.pixels_equal for row in rows):
        sys.exit("an output is no valid COG or has other pixels than its source")


def _compared(scene: Scene, ways: Sequence[Way], folder: Path) -> Iterator[Row]:
    source = folder / f"{scene.name}.tif"
    _say(f"making {scene.name}, {scene.side} x {scene.side}")
    make(scene, source)
    rows = [(way, _measured(scene, way, source, folder / "run")) for way in ways]
    fastest = min((row.usage for way, row in rows if way.is_rival), key=lambda usage: usage.wall_seconds)
    for _, row in rows:
        yield _related(row, fastest)
    source.unlink()


def _measured(scene: Scene, way: Way, source: Path, folder: Path) -> Row:
    _say(f"{way.name}: {scene.name}")
    shutil.rmtree(folder, ignore_errors=True)
    environment = {**os.environ, "PYTHONPATH": str(_ROOT)}
    usage, printed = measure(way.command(scene, source), folder, _is_output, environment, _SECONDS)
    output = folder / "out.tif"
    row = Row(
        scene=scene.name,
        way=way.name,
        usage=usage,
        output_bytes=output.stat().st_size,
        is_valid=bool(cog_validate(output, strict=True, quiet=True)[0]),
        pixels_equal=_are_equal(source, output),
        stages=json.loads(printed) if printed.strip().startswith("{") else None,
    )
    _say(f"{way.name}: {usage.wall_seconds} s, {usage.cpu_seconds} s of processor")
    shutil.rmtree(folder)
    return row


def _is_output(path: Path) -> bool:
    """The file itself, what our workers stage of it as blocks, and what ``measure`` keeps."""
    return path.name in ("out.tif", "printed", "said") or path.parent.name == "blocks"


def _related(row: Row, fastest: Usage) -> Row:
    return Row(
        **{
            **row.__dict__,
            "wall_to_fastest": round(row.usage.wall_seconds / fastest.wall_seconds, 2),
            "cpu_to_fastest": round(row.usage.cpu_seconds / fastest.cpu_seconds, 2),
            "temporary_to_fastest": round(row.usage.temporary_bytes / max(1, fastest.temporary_bytes), 2),
        }
    )


def _are_equal(source: Path, output: Path) -> bool:
    with rasterio.open(source) as one, rasterio.open(output) as other:
        if (one.shape, one.count, one.dtypes) != (other.shape, other.count, other.dtypes):
            return False
        windows = (
            Window(0, top, one.width, min(BLOCK, one.height - top)) for top in range(0, one.height, BLOCK)
        )
        return all(np.array_equal(one.read(window=window), other.read(window=window)) for window in windows)


def _report(scenes: Sequence[Scene], rows: Sequence[Row], chunk_size: int) -> dict[str, Any]:
    return {
        "scenes": [{**asdict(scene), "pixel_bytes": scene.pixel_bytes} for scene in scenes],
        "chunk_size": chunk_size,
        "rows": [asdict(row) for row in rows],
        "gdal_translate": run(["gdal_translate", "--version"], seconds=30).strip(),
        "gdal_of_rasterio": rasterio.__gdal_version__,
        "cores": os.cpu_count(),
        "python": platform.python_version(),
    }


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument(
        "--picture", type=int, default=16_384, help="side of the RGB image in pixels; 0: none"
    )
    parser.add_argument("--elevations", type=int, default=12_288, help="side of the float32 raster; 0: none")
    parser.add_argument("--chunk", type=int, default=4_096, help="side of a chunk in pixels")
    parser.add_argument("--workers", type=int, nargs="*", default=[1, 2])
    parser.add_argument("--folder", type=Path, default=None, help="where some GB of disk are free")
    return parser.parse_args()


if __name__ == "__main__":
    main()
