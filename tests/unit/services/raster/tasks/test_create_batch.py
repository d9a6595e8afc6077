"""All items of a collection job become one file, one a line."""

import json

import pytest

from schema.contracts.process_raster import CreateBatchParameters, CreatedBatch
from schema.errors import PermanentTaskError, RetryableTaskError
from services.raster.tasks import create_batch
from tests.fakes.blobs import FakeBlobRepository
from tests.fakes.task_context import JOB_ID, FakeTaskContext
from tests.support.raster_results import item, planned

NAME = f"elevation/batches/{JOB_ID[:16]}-r1-a1.ndjson"


@pytest.fixture
def blobs() -> FakeBlobRepository:
    return FakeBlobRepository(containers={"bronze": {}, "silver": {}})


def _run(blobs: FakeBlobRepository, names: list[str], attempt: int = 1) -> CreatedBatch:
    made = {name: item(planned(name)) for name in names}
    results = {name: created.model_dump(mode="json") for name, created in made.items()}
    context = FakeTaskContext(blobs, stages={6: results}, attempt=attempt)
    parameters = CreateBatchParameters(collection_id="elevation", stage=6, expected=len(names))
    return create_batch.run(parameters, context)


def _put(blobs: FakeBlobRepository, *names: str, size: int = 0) -> list[str]:
    for name in names:
        text = json.dumps({"id": name, "padding": "x" * size}).encode()
        blobs.put("silver", item(planned(name)).item.blob, text)
    return list(names)


def _ids(blobs: FakeBlobRepository, name: str = NAME) -> list[str]:
    return [json.loads(line)["id"] for line in blobs.containers["silver"][name][1].splitlines()]


def test_every_item_is_a_line(blobs: FakeBlobRepository) -> None:
    created = _run(blobs, _put(blobs, "a", "b", "c"))
    assert created.batch.blob == NAME
    assert created.items == 3
    assert _ids(blobs) == ["a", "b", "c"]
    assert blobs.containers["silver"][NAME][1].endswith(b"\n")


def test_many_items_go_by_blocks(blobs: FakeBlobRepository, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(create_batch, "_BLOCK_BYTES", 2_500)
    names = _put(blobs, *(f"r{number:02}" for number in range(10)), size=1_000)
    _run(blobs, names)
    assert len(blobs.blocks("silver", NAME)) == 4
    assert _ids(blobs) == names


def test_attempts_touch_nothing_of_each_other(blobs: FakeBlobRepository) -> None:
    names = _put(blobs, "a", "b")
    later = _run(blobs, names, attempt=2)
    _run(blobs, names[:1], attempt=1)
    assert later.batch.blob != NAME
    assert _ids(blobs, later.batch.blob) == ["a", "b"]
    assert _ids(blobs) == ["a"]


def test_a_batch_that_is_there_already_is_left_and_another_attempt_asked_for(
    blobs: FakeBlobRepository,
) -> None:
    names = _put(blobs, "a")
    _run(blobs, names)
    with pytest.raises(RetryableTaskError):
        _run(blobs, names)
    assert _ids(blobs) == ["a"]


def test_no_items_make_an_empty_file(blobs: FakeBlobRepository) -> None:
    assert _run(blobs, []).items == 0
    assert blobs.containers["silver"][NAME][1] == b""


def test_an_item_that_is_gone_fails_the_batch(blobs: FakeBlobRepository) -> None:
    with pytest.raises(PermanentTaskError) as refused:
        _run(blobs, ["gone"])
    assert refused.value.error_code == "BLOB_NOT_FOUND"
    assert NAME not in blobs.containers["silver"]


def test_an_item_of_absurd_size_is_refused(
    blobs: FakeBlobRepository, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(create_batch, "_LARGEST_ITEM", 100)
    with pytest.raises(PermanentTaskError) as refused:
        _run(blobs, _put(blobs, "a", size=200))
    assert refused.value.error_code == "STAC_ITEM_TOO_LARGE"
