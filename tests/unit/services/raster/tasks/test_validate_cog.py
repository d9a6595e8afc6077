"""A COG is validated in a child, described, and deleted where it is not what was planned."""

import hashlib
from dataclasses import dataclass
from pathlib import Path

import pytest

from interfaces.sandbox import LocalFile
from schema.contracts.process_raster import CreatedCog, ValidateCogParameters, ValidatedCog
from schema.contracts.rasters import BlobVersion
from schema.errors import PermanentTaskError, RetryableTaskError, TaskCancelledError
from services.raster.tasks import validate_cog
from services.raster.transfer import BlobSource
from tests.fakes.blobs import FakeBlobRepository
from tests.fakes.sandbox import FakeSandbox
from tests.fakes.task_context import FakeTaskContext
from tests.support.cogs import make_cog
from tests.support.raster_plans import plan_of
from tests.support.rasters import raster_bytes


@dataclass
class World:
    """A source and its COG in blob storage."""

    source: bytes
    cog: bytes
    created: CreatedCog
    context: FakeTaskContext
    blobs: FakeBlobRepository
    sandbox: FakeSandbox

    def run(self) -> ValidatedCog:
        return validate_cog.run(ValidateCogParameters(created=self.created), self.context)

    def names(self) -> list[str]:
        return [name.rpartition("/")[2] for name in self.blobs.containers["silver"]]


@pytest.fixture
def world(tmp_path: Path) -> World:
    source = tmp_path / "source.tif"
    source.write_bytes(raster_bytes(600, 520, dtype="int16", nodata=5))
    cog = make_cog(source, tmp_path / "cog.tif").read_bytes()
    blobs = FakeBlobRepository(containers={"bronze": {}, "silver": {}})
    plan = plan_of(source)
    placed = blobs.put("bronze", plan.source.blob, source.read_bytes())
    version = plan.source.model_copy(update={"etag": placed.etag})
    plan = plan.model_copy(update={"source": version})
    made = blobs.put("silver", plan.cog_name, cog)
    sandbox = FakeSandbox()
    created = CreatedCog(
        plan=plan,
        cog=BlobVersion(container="silver", blob=plan.cog_name, etag=made.etag, size=made.size),
    )
    context = FakeTaskContext(blobs, sandbox=sandbox)
    return World(source.read_bytes(), cog, created, context, blobs, sandbox)


def test_a_whole_cog_is_described_and_keeps_its_blob(world: World) -> None:
    found = world.run()
    assert found.comparison is not None
    assert found.comparison.equal
    assert found.cog == world.created.cog
    assert found.place.code == "EPSG:32633"
    assert found.software["GDAL"]
    assert world.names() == ["raster.tif", "overview.png", "thumbnail.png"]


def test_the_child_has_as_long_as_the_task(world: World) -> None:
    world.run()
    (call,) = world.sandbox.calls
    assert call.limits is not None
    assert call.limits.seconds == validate_cog.INFO.timeout.total_seconds()


def test_both_files_are_told_by_their_sha256(world: World) -> None:
    found = world.run()
    assert found.sha256 == hashlib.sha256(world.cog).hexdigest()
    assert found.source_sha256 == hashlib.sha256(world.source).hexdigest()


def test_the_pictures_are_written_beside_it(world: World) -> None:
    found = world.run()
    assert found.overview.blob == f"{found.plan.folder}/overview.png"
    for picture in (found.overview, found.thumbnail):
        info, data = world.blobs.containers["silver"][picture.blob]
        assert info.content_type == "image/png"
        assert data.startswith(b"\x89PNG")


def test_small_files_are_copied_for_the_child(world: World) -> None:
    world.run()
    (call,) = world.sandbox.calls
    assert {type(source) for source in call.sources.values()} == {LocalFile}


def test_large_files_are_read_by_ranges(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(validate_cog, "STAGED_BYTES", 1_000)
    found = world.run()
    (call,) = world.sandbox.calls
    assert {type(source) for source in call.sources.values()} == {BlobSource}
    assert found.sha256 == hashlib.sha256(world.cog).hexdigest()


def test_a_cog_that_is_not_what_was_planned_is_deleted(world: World) -> None:
    encoding = world.created.plan.encoding.model_copy(update={"nodata": 7.0})
    plan = world.created.plan.model_copy(update={"encoding": encoding})
    world.created = world.created.model_copy(update={"plan": plan})
    with pytest.raises(PermanentTaskError, match="nodata") as refused:
        world.run()
    assert refused.value.error_code == "RASTER_OUTPUT_INVALID"
    assert world.names() == []


def test_a_cog_that_an_attempt_before_deleted_is_told_of_as_invalid(world: World) -> None:
    del world.blobs.containers["silver"][world.created.plan.cog_name]
    with pytest.raises(PermanentTaskError, match="deleted as invalid; run the job anew") as refused:
        world.run()
    assert refused.value.error_code == "RASTER_OUTPUT_INVALID"


def test_a_source_that_is_gone_is_told_of_as_gone(world: World) -> None:
    del world.blobs.containers["bronze"][world.created.plan.source.blob]
    with pytest.raises(PermanentTaskError) as refused:
        world.run()
    assert refused.value.error_code == "BLOB_NOT_FOUND"
    assert world.names() == ["raster.tif"]


@pytest.mark.parametrize(
    "error",
    [
        PermanentTaskError("too large", "RASTER_OUT_OF_MEMORY"),
        RetryableTaskError("died", "RASTER_PROCESS_DIED"),
        TaskCancelledError("stopped"),
    ],
)
def test_a_check_that_could_not_be_made_condemns_nothing(world: World, error: Exception) -> None:
    world.sandbox.answers["inspect"] = error
    with pytest.raises(type(error)):
        world.run()
    assert world.names() == ["raster.tif"]


@pytest.mark.parametrize("container", ["bronze", "silver"])
def test_a_file_that_was_replaced_is_not_taken_for_the_one_that_was_pinned(
    world: World, container: str
) -> None:
    name = world.created.plan.source.blob if container == "bronze" else world.created.plan.cog_name
    world.blobs.put(container, name, world.cog)
    with pytest.raises(PermanentTaskError) as refused:
        world.run()
    assert refused.value.error_code == "BLOB_CHANGED"
    assert world.sandbox.calls == []


@pytest.mark.parametrize("container", ["bronze", "silver"])
def test_a_file_that_was_read_in_part_only_condemns_nothing(
    world: World, container: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = world.blobs.read_range

    def cut(place: str, blob: str, offset: int, length: int, etag: str | None = None) -> bytes:
        data = whole(place, blob, offset, length, etag)
        return data[: len(data) // 2] if place == container else data

    monkeypatch.setattr(world.blobs, "read_range", cut)
    with pytest.raises(RetryableTaskError) as refused:
        world.run()
    assert refused.value.error_code == "BLOB_UNAVAILABLE"
    assert world.names() == ["raster.tif"]


def test_it_stops_between_two_parts(world: World) -> None:
    world.context.stop_after = 1
    with pytest.raises(TaskCancelledError):
        world.run()
    assert world.sandbox.open == 0
