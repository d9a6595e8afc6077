"""Counting a container."""

import tracemalloc
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from interfaces.blobs import BlobInfo
from schema.contracts.containers import Tally
from schema.contracts.summarize_container import ContainerSummary, SummarizeParameters
from schema.errors import TaskCancelledError
from services.containers import summarize
from services.containers.tallies import size_class
from tests.fakes.blobs import FakeBlobRepository
from tests.fakes.task_context import FakeTaskContext

MAY = datetime(2024, 5, 1, tzinfo=UTC)
JUNE = datetime(2024, 6, 1, tzinfo=UTC)


@pytest.fixture
def blobs() -> FakeBlobRepository:
    return FakeBlobRepository(containers={"bronze": {}})


def summary(blobs: FakeBlobRepository, prefix: str = "", max_files: int | None = None) -> ContainerSummary:
    parameters = SummarizeParameters(container="bronze", prefix=prefix, max_files=max_files)
    return summarize.run(parameters, FakeTaskContext(blobs))


def test_an_empty_container_counts_zero(blobs: FakeBlobRepository) -> None:
    found = summary(blobs)
    assert (found.files, found.bytes, found.truncated, found.folder_count) == (0, 0, False, 0)
    assert (found.by_extension, found.largest, found.unreadable_names.count) == ({}, (), 0)


def test_counts_by_extension_size_and_month(blobs: FakeBlobRepository) -> None:
    blobs.put("bronze", "a.tif", b"12", last_modified=MAY)
    blobs.put("bronze", "b.TIF", b"345", last_modified=JUNE)
    blobs.put("bronze", "readme", b"", last_modified=JUNE)
    found = summary(blobs)
    assert found.by_extension == {".tif": Tally(files=2, bytes=5), "(none)": Tally(files=1, bytes=0)}
    assert found.by_size == {"up_to_1_mib": Tally(files=2, bytes=5), "empty": Tally(files=1, bytes=0)}
    assert found.by_month == {"2024-05": Tally(files=1, bytes=2), "2024-06": Tally(files=2, bytes=3)}


def test_names_the_largest_and_the_newest(blobs: FakeBlobRepository) -> None:
    for number in range(20):
        blobs.put("bronze", f"{number:02d}", bytes(number), last_modified=MAY if number else JUNE)
    found = summary(blobs)
    assert [file.name for file in found.largest] == [f"{number:02d}" for number in range(19, 9, -1)]
    assert [file.name for file in found.newest][:3] == ["00", "01", "02"]


def test_folders_come_with_counts_the_largest_first(blobs: FakeBlobRepository) -> None:
    for name, size in (("a/1", 1), ("a/in/2", 2), ("b/1", 9), ("c", 4)):
        blobs.put("bronze", name, bytes(size))
    found = summary(blobs)
    assert [(folder.folder, folder.files, folder.bytes) for folder in found.folders] == [
        ("b/", 1, 9),
        ("a/", 2, 3),
    ]
    assert (found.folder_count, found.outside_folders) == (2, Tally(files=1, bytes=4))


def test_folders_are_those_below_the_prefix(blobs: FakeBlobRepository) -> None:
    for name in ("in/a/1", "in/b/1", "out/1"):
        blobs.put("bronze", name)
    assert [folder.folder for folder in summary(blobs, "in/").folders] == ["in/a/", "in/b/"]


def test_unreadable_names_are_counted_and_the_first_are_shown(blobs: FakeBlobRepository) -> None:
    for number in range(30):
        blobs.put("bronze", f"bad\n{number:02d}")
    blobs.put("bronze", "good.tif")
    names = summary(blobs).unreadable_names
    assert (names.count, names.by_reason, len(names.examples)) == (30, {"control_character": 30}, 10)
    assert names.examples[0].name == r"bad\n00"


def test_stops_at_max_files_and_says_so(blobs: FakeBlobRepository) -> None:
    for number in range(5):
        blobs.put("bronze", str(number))
    cut, whole = summary(blobs, max_files=3), summary(blobs, max_files=5)
    assert (cut.files, cut.truncated) == (3, True)
    assert (whole.files, whole.truncated) == (5, False)


@pytest.mark.parametrize(
    ("size", "expected"),
    [
        (0, "empty"),
        (1, "up_to_1_mib"),
        (1024**2, "up_to_1_mib"),
        (1024**2 + 1, "up_to_10_mib"),
        (10 * 1024**3 + 1, "over_10_gib"),
    ],
)
def test_size_classes(size: int, expected: str) -> None:
    assert size_class(size) == expected


class EndlessBlobs(FakeBlobRepository):
    """Lists as many blobs as asked for, each with an extension and a folder of its own."""

    total = 60_000

    def list_blobs(self, container: str, prefix: str = "") -> Iterator[BlobInfo]:
        assert container == "bronze"
        for number in range(self.total):
            yield BlobInfo(f"{prefix}f{number:08d}/a\n.e{number}", number, MAY, '"0x1"')


def test_memory_stays_bounded_however_many_blobs_there_are() -> None:
    tracemalloc.start()
    try:
        found = summarize.run(SummarizeParameters(container="bronze"), FakeTaskContext(EndlessBlobs()))
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert (found.files, found.folder_count, len(found.folders)) == (60_000, 60_000, 100)
    assert found.by_extension["(other)"].files == 60_000 - 300
    assert peak < 2 * 1024**2


def test_progress_grows_and_stays_below_one() -> None:
    context = FakeTaskContext(EndlessBlobs())
    summarize.run(SummarizeParameters(container="bronze"), context)
    assert context.progress == sorted(context.progress)
    assert 0 < context.progress[-1] < 1


def test_stops_when_told_to() -> None:
    context = FakeTaskContext(EndlessBlobs(), stop_after=2)
    with pytest.raises(TaskCancelledError):
        summarize.run(SummarizeParameters(container="bronze"), context)
    assert context.checks == 3
