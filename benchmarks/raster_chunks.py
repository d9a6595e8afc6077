"""Makes a COG of a file in chunks, with the handlers and the child processes of the workers; prints seconds.

Storage is a folder, queue and database are left out; ``benchmarks.raster`` measures it.
"""

import argparse
import json
import time
from collections.abc import Mapping
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from multiprocessing import get_context
from pathlib import Path

from benchmarks.folder_blobs import READABLE, FolderBlobs
from repositories.sandbox import ChildSandbox
from schema.contracts.process_raster import (
    AssembleCogParameters,
    CreateChunkParameters,
    CreatedChunk,
    PlanRasterParameters,
    ValidateCogParameters,
    ValidateRasterParameters,
)
from schema.contracts.rasters import RasterOptions, RasterPlan
from schema.json_types import JSONObject
from services.raster.tasks import assemble, create_chunk, plan, validate, validate_cog
from tests.fakes.task_context import FakeTaskContext

_PREFIX, _STAGE = "chunk-", 3
_MOMENT = "2024-05-01T10:00:00Z"


def main() -> None:
    arguments = _arguments()
    folder = Path.cwd()
    watch = _Stages()
    planned = _planned(arguments.source, arguments.chunk, folder)
    watch.lap("plan")
    chunks = _chunks(planned, folder, arguments.workers)
    watch.lap("chunks")
    results: Mapping[int, dict[str, JSONObject]] = {
        _STAGE: {f"{_PREFIX}{chunk.chunk:06d}": chunk.model_dump(mode="json") for chunk in chunks}
    }
    parameters = AssembleCogParameters(plan=planned, stage=_STAGE, prefix=_PREFIX)
    made = assemble.run(parameters, _context(folder, results))
    watch.lap("assembly")
    if arguments.check:
        validate_cog.run(ValidateCogParameters(created=made), _context(folder))
        watch.lap("check")
    (folder / made.cog.container / made.cog.blob).rename(arguments.output)
    print(json.dumps(watch.seconds))


@dataclass
class _Stages:
    seconds: dict[str, float] = field(default_factory=dict)
    _since: float = field(default_factory=time.monotonic)

    def lap(self, name: str) -> None:
        now = time.monotonic()
        self.seconds[name], self._since = round(now - self._since, 2), now


def _planned(source: Path, chunk_size: int, folder: Path) -> RasterPlan:
    options = RasterOptions.model_validate({"chunk_size": chunk_size, "datetime": _MOMENT})
    blob = str(source.resolve()).lstrip("/")
    context = _context(folder)
    found = validate.run(ValidateRasterParameters(container=READABLE, blob=blob, options=options), context)
    asked = PlanRasterParameters(validated=found, options=options, collection_id="bench", item_id="out")
    return plan.run(asked, context)


def _chunks(planned: RasterPlan, folder: Path, workers: int) -> list[CreatedChunk]:
    """Each worker is a process that has one child at a time, as a host that is told so."""
    if planned.chunking is None:
        raise ValueError("the raster is too small for chunks of this size")
    with ProcessPoolExecutor(workers, get_context("spawn")) as pool:
        waiting = [pool.submit(_chunk, planned, number, folder) for number in range(planned.chunking.count)]
        return [each.result() for each in waiting]


def _chunk(planned: RasterPlan, number: int, folder: Path) -> CreatedChunk:
    return create_chunk.run(CreateChunkParameters(plan=planned, chunk=number), _context(folder))


def _context(folder: Path, results: Mapping[int, dict[str, JSONObject]] | None = None) -> FakeTaskContext:
    return FakeTaskContext(
        blobs=FolderBlobs(folder), sandbox=ChildSandbox(1), stages=dict(results or {}), job_id="0" * 64
    )


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("source", type=Path)
    parser.add_argument("output", type=Path)
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--chunk", type=int, default=4_096)
    parser.add_argument("--check", action="store_true", help="as the stage after the assembly does")
    return parser.parse_args()


if __name__ == "__main__":
    main()
