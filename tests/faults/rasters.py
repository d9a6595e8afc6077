"""What the trials of rasters share: a raster of nine chunks, and a look at what was left behind."""

from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from uuid import uuid4

import numpy as np
from azure.core.exceptions import ResourceNotFoundError
from azure.storage.blob import BlobServiceClient, ContainerClient
from rasterio.io import MemoryFile
from rio_cogeo.cogeo import cog_validate

from controllers import process_raster
from schema.identity import job_id_of
from tests.acceptance.hosting import eventually
from tests.faults.trial import Trial
from tests.support.rasters import raster_bytes

JOB_TYPE = "process_raster"
COLLECTION = "trial"
CHUNKS = 9

_TILED: dict[str, Any] = {"dtype": "int16", "tiled": True, "blockxsize": 256, "blockysize": 256}
RASTER = raster_bytes(1_500, 1_100, nodata=-9_999, **_TILED)
SMALL = raster_bytes(600, 500, nodata=-9_999, **_TILED)
OTHER = raster_bytes(1_500, 1_100, nodata=-9_998, **_TILED)

_FILES = {"overview.png", "thumbnail.png", "item.json"}
_CHILD = b"services.raster.child"


class RasterTrial:
    """One raster and its job on a trial's host; nothing else is to run there."""

    def __init__(self, trial: Trial, data: bytes = RASTER, chunk_size: int = 512) -> None:
        self.trial = trial
        self.data = data
        self.blob = f"{uuid4().hex}.tif"
        self.body: dict[str, Any] = {
            "container": "bronze",
            "blob": self.blob,
            "collection_id": COLLECTION,
            "item_id": "item",
            "datetime": "2024-05-01T10:00:00Z",
            "chunk_size": chunk_size,
        }
        model = process_raster.REGISTRATION_INFO.parameters.model_validate(self.body)
        self.job_id = job_id_of(JOB_TYPE, model.model_dump(mode="json"))
        self.folder = f"{COLLECTION}/item/{self.job_id[:16]}-r1"
        with self._container("bronze") as container:
            container.upload_blob(self.blob, data)

    def submit(self) -> None:
        answer = self.trial.http.post(f"jobs/submit/{JOB_TYPE}", json=self.body)
        assert answer.status_code == 202, answer.text
        assert answer.json()["job_id"] == self.job_id

    def replace_source(self, data: bytes = OTHER) -> None:
        with self._container("bronze") as container:
            container.upload_blob(self.blob, data, overwrite=True)

    def outputs(self) -> set[str]:
        """The names of all blobs that the job has made."""
        with self._container("silver") as container:
            found = container.list_blob_names(name_starts_with=f"{self.folder}/")
            return {name.removeprefix(f"{self.folder}/") for name in found}

    def cog(self) -> bytes | None:
        """The output as a reader finds it; ``None`` where it finds nothing."""
        with self._container("silver") as container:
            try:
                return container.download_blob(f"{self.folder}/item.tif").readall()
            except ResourceNotFoundError:
                return None

    def attempts(self, stage: int) -> list[int]:
        return [task["attempt"] for task in self.trial.tasks(self.job_id) if task["stage"] == stage]

    def started(self, stage: int) -> bool:
        """Whether a task of the stage is in work, in a child of this host."""
        working = any(
            task["stage"] == stage and task["status"] == "processing"
            for task in self.trial.tasks(self.job_id)
        )
        return working and bool(children_in(self.trial.raster_folder))

    def error_code(self) -> str | None:
        error = self.trial.value("select error from app.jobs where job_id = %s", self.job_id)
        return None if error is None else error["code"]

    def assert_whole(self, folder: Path, *, left_by_zombies: frozenset[str] = frozenset()) -> None:
        """The job completed, its COG is valid and equal to the source, and nothing else is left but at most
        the parts of these names, which a worker wrote that did not know yet that it had lost its leases."""
        assert self.trial.wait(self.job_id, 120) == "completed", self.trial.described(self.job_id)
        made = self.cog()
        assert made is not None
        path = folder / "cog.tif"
        path.write_bytes(made)
        assert cog_validate(path, strict=True, quiet=True)[0]
        np.testing.assert_array_equal(_pixels(made), _pixels(self.data))
        assert self.outputs() - left_by_zombies == {"item.tif", *_FILES}
        assert_nothing_runs(self.trial)

    def assert_absent(self, status: str) -> None:
        """The job came to this end, and no reader finds an output."""
        assert self.trial.wait(self.job_id, 120) == status, self.trial.described(self.job_id)
        assert self.cog() is None
        assert not {name for name in self.outputs() if not name.startswith("parts/")}
        assert_nothing_runs(self.trial)

    @contextmanager
    def _container(self, name: str) -> Generator[ContainerClient]:
        with BlobServiceClient.from_connection_string(self.trial.account.connection_string) as service:
            yield service.get_container_client(name)


def make_containers(trial: Trial) -> None:
    with BlobServiceClient.from_connection_string(trial.account.connection_string) as service:
        for name in ("bronze", "silver"):
            service.create_container(name)


def children_in(folder: Path) -> list[int]:
    """The raster processes, of whichever host, that work in a folder."""
    found: list[int] = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            command = (process / "cmdline").read_bytes()
            place = (process / "cwd").readlink()
        except (FileNotFoundError, ProcessLookupError, PermissionError):
            continue
        if _CHILD in command and place.is_relative_to(folder):
            found.append(int(process.name))
    return found


def assert_nothing_runs(trial: Trial) -> None:
    """Neither a process nor a folder of it is left on the host."""
    eventually(lambda: not children_in(trial.raster_folder), 20)
    eventually(lambda: not list(trial.raster_folder.iterdir()), 20)


def _pixels(data: bytes) -> Any:
    with MemoryFile(data) as memory, memory.open(driver="GTiff") as dataset:
        return dataset.read()
