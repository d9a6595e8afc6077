"""The item of a COG is written beside it, once and the same by whichever attempt."""

from typing import Any

import pytest

from schema.contracts.process_raster import CreateItemParameters, ValidatedCog
from schema.errors import PermanentTaskError
from schema.json_types import parse_json_object
from services.raster.tasks import create_item
from tests.fakes.blobs import FakeBlobRepository
from tests.fakes.task_context import FakeTaskContext
from tests.support.raster_results import checked
from tests.support.stac import assert_valid_by_pystac


@pytest.fixture
def blobs() -> FakeBlobRepository:
    return FakeBlobRepository(containers={"bronze": {}, "silver": {}})


@pytest.fixture
def validated(blobs: FakeBlobRepository) -> ValidatedCog:
    found = checked()
    made = blobs.put("silver", found.plan.cog_name, bytes(20))
    return found.model_copy(update={"cog": found.cog.model_copy(update={"etag": made.etag})})


def _run(blobs: FakeBlobRepository, validated: ValidatedCog, **context: Any) -> Any:
    parameters = CreateItemParameters(validated=validated, register_item=True)
    return create_item.run(parameters, FakeTaskContext(blobs, **context))


def test_the_item_lies_beside_the_cog(blobs: FakeBlobRepository, validated: ValidatedCog) -> None:
    created = _run(blobs, validated)
    info, text = blobs.containers["silver"][f"{validated.plan.folder}/item.json"]
    assert created.item.blob == info.name
    assert info.content_type == created.item.media_type == "application/geo+json"
    assert_valid_by_pystac(parse_json_object(text))
    assert b"\n" not in text


def test_its_result_tells_what_the_jobs_result_needs(
    blobs: FakeBlobRepository, validated: ValidatedCog
) -> None:
    created = _run(blobs, validated)
    assert (created.collection_id, created.item_id) == ("elevation", "a")
    assert created.bbox == validated.place.bbox
    assert (created.size, created.sha256) == (20, validated.sha256)
    assert created.cog.blob == validated.cog.blob


def test_another_attempt_writes_the_same(blobs: FakeBlobRepository, validated: ValidatedCog) -> None:
    first = _run(blobs, validated)
    before = blobs.containers["silver"][first.item.blob][1]
    assert _run(blobs, validated, attempt=2) == first
    assert blobs.containers["silver"][first.item.blob][1] == before


def test_a_cog_that_was_replaced_gets_no_item(blobs: FakeBlobRepository, validated: ValidatedCog) -> None:
    blobs.put("silver", validated.plan.cog_name, bytes(20))
    with pytest.raises(PermanentTaskError) as refused:
        _run(blobs, validated)
    assert refused.value.error_code == "BLOB_CHANGED"


def test_an_item_that_is_not_valid_is_not_written(blobs: FakeBlobRepository, validated: ValidatedCog) -> None:
    nowhere = validated.place.model_copy(update={"footprint": {"type": "Sphere"}})
    with pytest.raises(PermanentTaskError) as refused:
        _run(blobs, validated.model_copy(update={"place": nowhere}))
    assert refused.value.error_code == "STAC_ITEM_INVALID"
    assert list(blobs.containers["silver"]) == [validated.plan.cog_name]
