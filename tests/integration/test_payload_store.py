"""Large values in blob storage: found again, counted, removed with their job, and never half told."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from repositories.payloads import BlobPayloadStore
from repositories.storage_connection import StorageConnection
from schema.errors import BlobUnavailableError
from schema.json_types import JSONObject

CONTAINER = "payloads-of-tests"
JOB, OTHER = "a" * 64, "b" * 64
VALUE: JSONObject = {"text": "ä\N{SNOWMAN}" * 700_000, "number": 1.5, "none": None, "list": [1, {"a": True}]}


@pytest.fixture
def store(storage: StorageConnection) -> BlobPayloadStore:
    return BlobPayloadStore(storage, CONTAINER)


def test_a_value_is_found_as_it_was_put(store: BlobPayloadStore) -> None:
    assert store.get(store.put(JOB, "task-1-a1-result", VALUE)) == VALUE


def test_a_reference_names_the_job_and_the_value(store: BlobPayloadStore) -> None:
    assert store.put(JOB, "task-1-a1-result", {}) == f"{JOB}/task-1-a1-result.json"


def test_the_container_is_made_when_it_is_needed_whoever_is_first(store: BlobPayloadStore) -> None:
    with ThreadPoolExecutor(8) as callers:
        references = list(callers.map(lambda number: store.put(JOB, str(number), {"n": number}), range(8)))
    assert [store.get(reference) for reference in references] == [{"n": number} for number in range(8)]


def test_a_value_of_the_same_name_replaces_the_one_before(store: BlobPayloadStore) -> None:
    store.put(JOB, "one", {"n": 1})
    assert store.get(store.put(JOB, "one", {"n": 2})) == {"n": 2}
    assert store.count(JOB) == 1


def test_what_is_a_jobs_is_counted_and_removed_and_nothing_else(store: BlobPayloadStore) -> None:
    for name in ("one", "two", "three"):
        store.put(JOB, name, {})
    kept = store.put(OTHER, "one", {"kept": True})
    assert (store.count(JOB), store.remove(JOB), store.count(JOB)) == (3, 3, 0)
    assert store.get(kept) == {"kept": True}


def test_removing_again_removes_nothing(store: BlobPayloadStore) -> None:
    store.put(JOB, "one", {})
    assert [store.remove(JOB), store.remove(JOB)] == [1, 0]


def test_without_a_container_there_is_nothing(store: BlobPayloadStore) -> None:
    assert (store.count(JOB), store.remove(JOB)) == (0, 0)


def test_a_value_that_is_gone_is_reported_without_its_address(
    store: BlobPayloadStore, storage: StorageConnection
) -> None:
    store.put(JOB, "one", {})
    with pytest.raises(BlobUnavailableError) as raised:
        store.get(f"{JOB}/other.json")
    assert "127.0.0.1" not in str(raised.value)


@pytest.fixture
def away() -> Iterator[BlobPayloadStore]:
    connection = StorageConnection(
        "DefaultEndpointsProtocol=http;AccountName=a;AccountKey=a2V5;BlobEndpoint=http://127.0.0.1:1/a;"
    )
    yield BlobPayloadStore(connection, CONTAINER)
    connection.close()


@pytest.mark.parametrize("call", ["put", "get", "remove", "count"])
def test_a_storage_that_is_away_is_reported(away: BlobPayloadStore, call: str) -> None:
    arguments: dict[str, tuple[object, ...]] = {"put": (JOB, "one", {}), "get": (f"{JOB}/one.json",)}
    with pytest.raises(BlobUnavailableError) as raised:
        getattr(away, call)(*arguments.get(call, (JOB,)))
    assert "127.0.0.1" not in str(raised.value)
