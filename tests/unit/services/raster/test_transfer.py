"""Moving bytes between blobs and files."""

import hashlib
from pathlib import Path

import pytest

from schema.errors import PermanentTaskError, RetryableTaskError, TaskCancelledError
from services.raster import transfer
from services.raster.transfer import BlobSource, sha256_of, staged, upload, version_of
from tests.fakes.blobs import FakeBlobRepository
from tests.fakes.task_context import FakeTaskContext

CONTENT = bytes(range(256)) * 10


@pytest.fixture(autouse=True)
def small_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transfer, "PIECE_BYTES", 1_000)


@pytest.fixture
def blobs() -> FakeBlobRepository:
    return FakeBlobRepository(containers={"bronze": {}, "silver": {}})


@pytest.fixture
def context(blobs: FakeBlobRepository) -> FakeTaskContext:
    return FakeTaskContext(blobs)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "made.tif"
    path.write_bytes(CONTENT)
    return path


def test_a_source_reads_ranges_of_its_version(blobs: FakeBlobRepository) -> None:
    source = BlobSource(blobs, version_of("bronze", blobs.put("bronze", "a.tif", CONTENT)))
    assert source.size == len(CONTENT)
    assert source.read(255, 3) == CONTENT[255:258]


def test_a_source_that_was_replaced_is_not_read(blobs: FakeBlobRepository) -> None:
    source = BlobSource(blobs, version_of("bronze", blobs.put("bronze", "a.tif", CONTENT)))
    blobs.put("bronze", "a.tif", CONTENT)
    with pytest.raises(PermanentTaskError) as raised:
        source.read(0, 1)
    assert raised.value.error_code == "BLOB_CHANGED"


@pytest.mark.parametrize("size", [0, 1, 999, 1_000, 1_001, 2_560])
def test_a_staged_file_has_the_blobs_bytes(
    blobs: FakeBlobRepository, context: FakeTaskContext, tmp_path: Path, size: int
) -> None:
    version = version_of("bronze", blobs.put("bronze", "../a.tif", CONTENT[:size]))
    path = staged(blobs, version, tmp_path, context)
    assert path.parent == tmp_path
    assert path.read_bytes() == CONTENT[:size]


def test_staging_stops_between_pieces(blobs: FakeBlobRepository, tmp_path: Path) -> None:
    version = version_of("bronze", blobs.put("bronze", "a.tif", CONTENT))
    with pytest.raises(TaskCancelledError):
        staged(blobs, version, tmp_path, FakeTaskContext(blobs, stop_after=1))
    assert len(blobs.reads) == 1


def test_a_blob_that_is_read_in_part_is_no_file(
    blobs: FakeBlobRepository, context: FakeTaskContext, tmp_path: Path
) -> None:
    version = version_of("bronze", blobs.put("bronze", "a.tif", CONTENT))
    longer = version.model_copy(update={"size": version.size + 1})
    with pytest.raises(RetryableTaskError):
        staged(blobs, longer, tmp_path, context)


def test_the_checksum_is_that_of_all_bytes(blobs: FakeBlobRepository, context: FakeTaskContext) -> None:
    version = version_of("bronze", blobs.put("bronze", "a.tif", CONTENT))
    assert sha256_of(blobs, version, context) == hashlib.sha256(CONTENT).hexdigest()


def test_a_file_becomes_a_blob_of_blocks(
    blobs: FakeBlobRepository, context: FakeTaskContext, file: Path
) -> None:
    made = upload(blobs, "silver", "a.tif", file, "image/tiff", "r1-a1", context)
    assert (made.size, made.content_type) == (len(CONTENT), "image/tiff")
    assert blobs.read_range("silver", "a.tif", 0, 10_000) == CONTENT
    assert blobs.blocks("silver", "a.tif") == {
        "r1-a1-000000": 1_000,
        "r1-a1-000001": 1_000,
        "r1-a1-000002": 560,
    }


def test_an_empty_file_becomes_an_empty_blob(
    blobs: FakeBlobRepository, context: FakeTaskContext, tmp_path: Path
) -> None:
    (tmp_path / "empty").touch()
    assert upload(blobs, "silver", "e", tmp_path / "empty", "x/y", "r1-a1", context).size == 0


def test_an_equal_blob_that_is_there_already_is_the_result(
    blobs: FakeBlobRepository, context: FakeTaskContext, file: Path
) -> None:
    first = upload(blobs, "silver", "a.tif", file, "image/tiff", "r1-a1", context)
    assert upload(blobs, "silver", "a.tif", file, "image/tiff", "r1-a2", context) == first


@pytest.mark.parametrize("present", [CONTENT[:-1], CONTENT[:-1] + b"x"])
def test_another_blob_is_not_replaced(
    blobs: FakeBlobRepository, context: FakeTaskContext, file: Path, present: bytes
) -> None:
    blobs.put("silver", "a.tif", present)
    with pytest.raises(PermanentTaskError) as raised:
        upload(blobs, "silver", "a.tif", file, "image/tiff", "r1-a1", context)
    assert raised.value.error_code == "BLOB_EXISTS"
    assert blobs.read_range("silver", "a.tif", 0, 10_000) == present


def test_an_upload_that_is_stopped_shows_nothing(blobs: FakeBlobRepository, file: Path) -> None:
    with pytest.raises(TaskCancelledError):
        upload(blobs, "silver", "a.tif", file, "x/y", "r1-a1", FakeTaskContext(blobs, stop_after=2))
    assert list(blobs.list_blobs("silver")) == []
