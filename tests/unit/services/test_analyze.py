"""Listing, filtering and deciding."""

import pytest

from schema.contracts.containers import FileItem
from schema.contracts.list_container import AnalyzeParameters, ListingDecision
from schema.errors import PermanentTaskError
from schema.results import OrchestrationAction
from services.containers import analyze
from tests.fakes.blobs import FakeBlobRepository
from tests.fakes.task_context import FakeTaskContext


@pytest.fixture
def blobs() -> FakeBlobRepository:
    made = FakeBlobRepository(containers={"bronze": {}})
    for name in ("a.tif", "b.TIF", "c.csv", "in/d.tif"):
        made.put("bronze", name, name.encode(), "image/tiff")
    return made


def decide(
    blobs: FakeBlobRepository, wanted: str | None = None, max_files: int = 2_500, container: str = "bronze"
) -> ListingDecision:
    parameters = AnalyzeParameters(container=container, filter=wanted, max_files=max_files)
    return analyze.run(parameters, FakeTaskContext(blobs))


def names(decision: ListingDecision) -> list[str]:
    return [FileItem.model_validate(item).name for item in decision.orchestration.items]


def test_each_match_becomes_an_item(blobs: FakeBlobRepository) -> None:
    decision = decide(blobs, ".tif")
    assert decision.orchestration.action is OrchestrationAction.CREATE_TASKS
    assert names(decision) == ["a.tif", "b.TIF", "in/d.tif"]
    assert (decision.listed, decision.matched, decision.truncated) == (4, 3, False)


def test_an_item_pins_what_was_listed(blobs: FakeBlobRepository) -> None:
    item = FileItem.model_validate(decide(blobs, "a.*").orchestration.items[0])
    info = blobs.info("bronze", "a.tif")
    assert item == FileItem(
        name="a.tif", size=5, etag=info.etag, last_modified=info.last_modified, content_type="image/tiff"
    )


def test_where_nothing_matches_the_job_is_complete(blobs: FakeBlobRepository) -> None:
    decision = decide(blobs, ".jp2").orchestration
    assert (decision.action, decision.item_count) == (OrchestrationAction.COMPLETE_JOB, 0)
    assert decision.reason == "no file matches"


def test_more_matches_than_max_files_are_cut_and_told(blobs: FakeBlobRepository) -> None:
    cut, whole = decide(blobs, ".tif", 2), decide(blobs, ".tif", 3)
    assert (names(cut), cut.truncated) == (["a.tif", "b.TIF"], True)
    assert (len(names(whole)), whole.truncated) == (3, False)


def test_names_that_json_columns_cannot_hold_are_left_out_and_counted(blobs: FakeBlobRepository) -> None:
    blobs.put("bronze", "nul\0.tif")
    blobs.put("bronze", "nul\0.csv")
    decision = decide(blobs, ".tif")
    assert (decision.matched, decision.unusable_names) == (3, 1)


@pytest.mark.parametrize(
    ("container", "code"), [("silver", "CONTAINER_NOT_FOUND"), ("secret", "CONTAINER_NOT_ALLOWED")]
)
def test_a_container_that_cannot_be_read_fails_the_task(
    blobs: FakeBlobRepository, container: str, code: str
) -> None:
    with pytest.raises(PermanentTaskError) as caught:
        decide(blobs, container=container)
    assert caught.value.error_code == code
