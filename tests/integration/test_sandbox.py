"""Real children: what they are kept from, how they end, and that nothing of them is left."""

import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from time import monotonic

import numpy as np
import pytest
import rasterio

from interfaces.sandbox import ByteSource, Limits, LocalFile
from repositories.sandbox import ChildSandbox
from schema.contracts.rasters import BlobVersion
from schema.errors import (
    LeaseLostError,
    PermanentTaskError,
    RetryableTaskError,
    TaskCancelledError,
    TaskDeferredError,
    TaskError,
    TaskTimedOutError,
)
from services.raster.transfer import BlobSource, version_of
from tests.architecture.source import ROOT
from tests.fakes.blobs import FakeBlobRepository
from tests.support.child_operations import Text, Texts
from tests.support.rasters import raster_bytes

OPERATIONS = "tests.support.child_operations"


@dataclass
class StoppableWatch:
    """``stop_with`` is raised by each check once ``stopped`` is set, or as soon as progress was told."""

    stop_with: Exception | None = None
    stop_at_progress: bool = False
    stopped: threading.Event = field(default_factory=threading.Event)
    progress: list[float] = field(default_factory=list)
    stopped_at: float = 0.0

    def report_progress(self, fraction: float) -> None:
        self.progress.append(fraction)
        if self.stop_at_progress:
            self.stopped_at = monotonic()
            self.stopped.set()

    def raise_if_stopped(self) -> None:
        if self.stop_with is not None and self.stopped.is_set():
            raise self.stop_with


@dataclass
class BytesSource:
    data: bytes
    reads: list[tuple[int, int]] = field(default_factory=list)

    @property
    def size(self) -> int:
        return len(self.data)

    def read(self, offset: int, length: int) -> bytes:
        self.reads.append((offset, length))
        return self.data[offset : offset + length]


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "root").mkdir()
    return tmp_path / "root"


@pytest.fixture
def sandbox(root: Path) -> Iterator[ChildSandbox]:
    sandbox = ChildSandbox(2, root, operations=OPERATIONS)
    yield sandbox
    sandbox.close()


@pytest.fixture(autouse=True)
def nothing_is_left(root: Path) -> Iterator[None]:
    yield
    assert list(root.iterdir()) == []


def run(
    sandbox: ChildSandbox,
    operation: str,
    text: str = "",
    *,
    watch: StoppableWatch | None = None,
    sources: dict[str, ByteSource] | None = None,
    limits: Limits | None = None,
) -> str:
    with sandbox.workspace(watch or StoppableWatch()) as workspace:
        return workspace.run(operation, Text(text=text), Text, sources, limits).text


def error_of(sandbox: ChildSandbox, operation: str, limits: Limits | None = None) -> TaskError:
    with pytest.raises(TaskError) as raised:
        run(sandbox, operation, limits=limits)
    return raised.value


class TestWhatItGets:
    def test_nothing_of_the_environment(self, sandbox: ChildSandbox, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("POSTGRES_PASSWORD", "secret")
        monkeypatch.setenv("PYTHONPATH", "/elsewhere")
        with sandbox.workspace(StoppableWatch()) as workspace:
            found = workspace.run("environment", Text(), Texts).texts
            assert found["CWD"] == found["TMPDIR"] == str(workspace.folder)
        assert {name for name in found if not name.startswith(("GDAL_", "OGR_", "CPL_", "PROJ_"))} == {
            "PATH", "LANG", "HOME", "TMPDIR", "OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "LD_LIBRARY_PATH",
            "CWD",
        }  # fmt: skip

    def test_the_bytes_of_a_source(self, sandbox: ChildSandbox) -> None:
        source = BytesSource(os.urandom(9_000_001))
        assert bytes.fromhex(run(sandbox, "digest", sources={"raster": source})) == source.data

    def test_a_raster_through_ranges(self, sandbox: ChildSandbox) -> None:
        source = BytesSource(raster_bytes(300, 200))
        assert int(run(sandbox, "pixels", sources={"raster": source})) > 0
        assert len(source.reads) == 1

    def test_a_file_that_lies_in_its_folder(self, sandbox: ChildSandbox) -> None:
        data = raster_bytes(300, 200)
        with sandbox.workspace(StoppableWatch()) as workspace:
            path = workspace.folder / "staged"
            path.write_bytes(data)
            told = workspace.run("local", Text(), Text, {"raster": LocalFile(path)}).text
        assert told == f"None 300 {len(data)}"

    def test_a_file_elsewhere_only_through_ranges(self, sandbox: ChildSandbox, tmp_path: Path) -> None:
        path = tmp_path / "elsewhere"
        path.write_bytes(raster_bytes(300, 200))
        assert int(run(sandbox, "pixels", sources={"raster": LocalFile(path)})) > 0

    def test_its_progress_is_told(self, sandbox: ChildSandbox) -> None:
        watch = StoppableWatch()
        run(sandbox, "report", watch=watch)
        assert watch.progress == [tenth / 10 for tenth in range(1, 11)]

    def test_it_may_print_as_much_as_it_likes(self, sandbox: ChildSandbox) -> None:
        assert run(sandbox, "print_much") == "printed"

    def test_several_operations_share_a_folder(self, sandbox: ChildSandbox) -> None:
        with sandbox.workspace(StoppableWatch()) as workspace:
            path = str(workspace.folder / "kept")
            assert workspace.run("write_elsewhere", Text(text=path), Text).text == "written"
            workspace.run("environment", Text(), Texts)
            assert Path(path).read_text() == "written"


class TestWhatItIsKeptFrom:
    def test_the_network(self, sandbox: ChildSandbox) -> None:
        with socket.create_server(("127.0.0.1", 0)) as server:
            port = server.getsockname()[1]
            assert run(sandbox, "connect", f"127.0.0.1:{port}") != "connected"

    def test_the_workers_environment(self, sandbox: ChildSandbox) -> None:
        assert run(sandbox, "spy") == "PermissionError"

    def test_writing_outside_of_its_folder(self, sandbox: ChildSandbox, tmp_path: Path) -> None:
        assert run(sandbox, "write_elsewhere", str(tmp_path / "written")) == "PermissionError"

    @pytest.mark.parametrize("operation", ["allocate", "hold"])
    def test_memory_beyond_its_limit(self, sandbox: ChildSandbox, operation: str) -> None:
        error = error_of(sandbox, operation)
        assert (type(error), error.error_code) == (PermanentTaskError, "RASTER_OUT_OF_MEMORY")

    def test_a_block_beyond_its_memory(self, sandbox: ChildSandbox, tmp_path: Path) -> None:
        path = tmp_path / "wide.tif"
        shape = {"count": 190, "width": 512, "height": 512, "dtype": "float32"}
        tiles = {"tiled": True, "blockxsize": 512, "blockysize": 512, "interleave": "pixel"}
        place = {"crs": 32633, "transform": rasterio.Affine.scale(10)}
        with rasterio.open(path, "w", "GTiff", compress="deflate", **shape, **tiles, **place) as target:
            target.write(np.zeros((190, 512, 512), np.float32))
        limits = Limits(memory_bytes=230_000_000)
        with pytest.raises(PermanentTaskError) as raised:
            run(sandbox, "peek", sources={"raster": BytesSource(path.read_bytes())}, limits=limits)
        assert raised.value.error_code == "RASTER_OUT_OF_MEMORY"

    def test_space_beyond_its_limit(self, sandbox: ChildSandbox) -> None:
        error = error_of(sandbox, "fill", Limits(disk_bytes=20_000_000))
        assert (type(error), error.error_code) == (PermanentTaskError, "RASTER_DISK_FULL")

    def test_a_full_disk_is_not_its_limit_but_the_workers(self, sandbox: ChildSandbox) -> None:
        error = error_of(sandbox, "find_full")
        assert (type(error), error.error_code) == (RetryableTaskError, "WORKER_DISK_FULL")

    @pytest.mark.parametrize("operation", ["wait", "spin"])
    def test_time_beyond_its_limit(self, sandbox: ChildSandbox, operation: str) -> None:
        started = monotonic()
        error = error_of(sandbox, operation, Limits(seconds=1.0))
        assert (type(error), error.error_code) == (TaskTimedOutError, "RASTER_TOOK_TOO_LONG")
        assert monotonic() - started < 10

    def test_running_programs(self, sandbox: ChildSandbox) -> None:
        assert run(sandbox, "execute") == "PermissionError"

    def test_leaving_processes_behind(self, sandbox: ChildSandbox) -> None:
        pid = int(run(sandbox, "spawn"))
        demand_gone(pid)


class TestHowItFails:
    def test_a_refusal_keeps_its_code(self, sandbox: ChildSandbox) -> None:
        error = error_of(sandbox, "refuse")
        assert (type(error), error.error_code) == (PermanentTaskError, "RASTER_REFUSED")
        assert str(error) == "this raster is refused"

    def test_of_an_unexpected_error_only_its_type_is_shown(
        self, sandbox: ChildSandbox, caplog: pytest.LogCaptureFixture
    ) -> None:
        error = error_of(sandbox, "stumble")
        assert (type(error), error.error_code) == (RetryableTaskError, "RASTER_PROCESS_FAILED")
        assert "ZeroDivisionError" in str(error)
        assert "secret" not in str(error)
        (record,) = caplog.records
        assert "ZeroDivisionError: secret detail" in record.__dict__["output"]

    @pytest.mark.parametrize(("operation", "cause"), [("crash", "SIGSEGV"), ("leave", "status 7")])
    def test_a_crash_is_the_childs_alone(
        self, sandbox: ChildSandbox, operation: str, cause: str, caplog: pytest.LogCaptureFixture
    ) -> None:
        error = error_of(sandbox, operation)
        assert (type(error), error.error_code) == (RetryableTaskError, "RASTER_PROCESS_DIED")
        assert [record.__dict__["cause"] for record in caplog.records] == [cause]

    @pytest.mark.parametrize("operation", ["nonsense", "unknown"])
    def test_nonsense_is_not_believed(self, sandbox: ChildSandbox, operation: str) -> None:
        error = error_of(sandbox, operation, Limits(seconds=20))
        assert (type(error), error.error_code) == (RetryableTaskError, "RASTER_PROCESS_FAILED")

    def test_a_result_of_another_kind_is_not_believed(self, sandbox: ChildSandbox) -> None:
        with (
            sandbox.workspace(StoppableWatch()) as workspace,
            pytest.raises(RetryableTaskError, match="gave no BlobVersion"),
        ):
            workspace.run("report", Text(), BlobVersion)

    def test_a_source_that_was_replaced_ends_it(self, sandbox: ChildSandbox) -> None:
        blobs = FakeBlobRepository()
        version = version_of("bronze", blobs.put("bronze", "a.tif", raster_bytes()))
        blobs.put("bronze", "a.tif", raster_bytes(bands=3))
        with pytest.raises(PermanentTaskError) as raised:
            run(sandbox, "pixels", sources={"raster": BlobSource(blobs, version)})
        assert raised.value.error_code == "BLOB_CHANGED"

    @pytest.mark.parametrize("error", [TaskCancelledError("stop"), LeaseLostError("lost")])
    def test_whoever_waits_for_it_may_stop_it(self, sandbox: ChildSandbox, error: Exception) -> None:
        watch = StoppableWatch(error, stop_at_progress=True)
        with pytest.raises(type(error)):
            run(sandbox, "wait", watch=watch)
        assert monotonic() - watch.stopped_at < 1.0


class TestSeveral:
    def test_a_workspace_waits_for_its_turn(self, root: Path) -> None:
        sandbox = ChildSandbox(1, root, operations=OPERATIONS, patience_seconds=0.1)
        with sandbox.workspace(StoppableWatch()), pytest.raises(TaskDeferredError) as raised:
            run(sandbox, "refuse")
        assert raised.value.error_code == "SANDBOX_BUSY"
        assert raised.value.retry_after
        with pytest.raises(PermanentTaskError):
            run(sandbox, "refuse")

    def test_whoever_waits_for_a_turn_may_be_stopped(self, root: Path) -> None:
        sandbox = ChildSandbox(1, root, operations=OPERATIONS)
        stopped = StoppableWatch(TaskCancelledError("stop"))
        stopped.stopped.set()
        with sandbox.workspace(StoppableWatch()), pytest.raises(TaskCancelledError):
            run(sandbox, "refuse", watch=stopped)

    def test_closing_ends_what_runs(self, sandbox: ChildSandbox) -> None:
        watch = StoppableWatch(stop_at_progress=True)
        failures: list[TaskError] = []

        def work() -> None:
            try:
                run(sandbox, "wait", watch=watch)
            except TaskError as exc:
                failures.append(exc)

        thread = threading.Thread(target=work)
        thread.start()
        assert watch.stopped.wait(30)
        sandbox.close()
        thread.join(10)
        assert [failure.error_code for failure in failures] in (["SANDBOX_CLOSED"], ["RASTER_PROCESS_DIED"])
        with pytest.raises(TaskDeferredError):
            run(sandbox, "refuse")


WORKER = """
import sys
from pathlib import Path
from repositories.sandbox import ChildSandbox
from tests.support.child_operations import Text

class Watch:
    def report_progress(self, fraction):
        threads = Path("/proc/self/task").glob("*/children")
        (child,) = [pid for children in threads for pid in children.read_text().split()]
        print(child, flush=True)
    def raise_if_stopped(self):
        pass

sandbox = ChildSandbox(1, Path(sys.argv[1]), operations="tests.support.child_operations")
with sandbox.workspace(Watch()) as workspace:
    workspace.run("wait", Text(), Text)
"""


def test_a_killed_worker_takes_its_child_along_and_the_next_one_tidies_up(root: Path) -> None:
    worker = subprocess.Popen(
        [sys.executable, "-c", WORKER, str(root)], cwd=ROOT, stdout=subprocess.PIPE, text=True
    )
    with worker:
        assert worker.stdout is not None
        child = int(worker.stdout.readline())
        assert Path(f"/proc/{child}").exists()
        worker.send_signal(signal.SIGKILL)
    demand_gone(child)
    assert len(list(root.iterdir())) == 1
    with ChildSandbox(1, root).workspace(StoppableWatch()) as workspace:
        assert list(root.iterdir()) == [workspace.folder]


def demand_gone(pid: int) -> None:
    """Wait for a process to end; a zombie that its new parent has not reaped has ended."""
    end = monotonic() + 10
    while is_running(pid):
        assert monotonic() < end, f"process {pid} still runs"


def is_running(pid: int) -> bool:
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return False
    return stat.rpartition(")")[2].split()[0] != "Z"
