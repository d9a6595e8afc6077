"""What every ``PayloadStore`` must do."""

import base64
from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from pydantic_core import from_json

from interfaces.payloads import PayloadStore
from repositories.payloads import BlobPayloadStore
from repositories.storage_connection import StorageConnection
from schema.errors import BlobUnavailableError
from schema.json_types import JSONObject
from tests.fakes.payloads import FakePayloadStore
from tests.support.services import StorageAccount

JOB_ID, OTHER_ID = "a" * 64, "b" * 64
VALUE: JSONObject = {"text": "ä\u2028\U0001f30d", "float": 0.1, "null": None, "list": [1, [True]]}


@dataclass(frozen=True)
class Stores:
    """A store, and one whose service does not answer as it should."""

    store: PayloadStore
    unreachable: PayloadStore


@pytest.fixture(params=["fake", "storage"])
def stores(request: pytest.FixtureRequest) -> Iterator[Stores]:
    if request.param == "fake":
        yield Stores(FakePayloadStore(), FakePayloadStore(away=True))
        return
    account: StorageAccount = request.getfixturevalue("storage_account")
    parts = dict(part.split("=", 1) for part in account.connection_string.strip(";").split(";"))
    parts["AccountKey"] = base64.b64encode(b"not the key of this account").decode()
    refused = StorageConnection(";".join(f"{name}={value}" for name, value in parts.items()))
    storage: StorageConnection = request.getfixturevalue("storage")
    yield Stores(BlobPayloadStore(storage, "payloads"), BlobPayloadStore(refused, "payloads"))
    refused.close()


@pytest.fixture
def store(stores: Stores) -> PayloadStore:
    return stores.store


def test_a_value_comes_back_as_it_was(store: PayloadStore) -> None:
    assert store.get(store.put(JOB_ID, "r1-result", VALUE)) == VALUE


def test_a_value_of_the_same_name_replaces_the_one_before(store: PayloadStore) -> None:
    first = store.put(JOB_ID, "r1-result", VALUE)
    assert store.put(JOB_ID, "r1-result", {"new": True}) == first
    assert store.get(first) == {"new": True}
    assert store.count(JOB_ID) == 1


def test_values_of_one_name_of_two_jobs_are_two(store: PayloadStore) -> None:
    mine, other = store.put(JOB_ID, "result", {"n": 1}), store.put(OTHER_ID, "result", {"n": 2})
    assert (store.get(mine), store.get(other)) == ({"n": 1}, {"n": 2})


def test_what_is_removed_is_all_that_is_the_job_s(store: PayloadStore) -> None:
    mine = [store.put(JOB_ID, name, VALUE) for name in ("one", "two")]
    other = store.put(OTHER_ID, "one", VALUE)
    assert store.remove(JOB_ID) == 2
    assert (store.count(JOB_ID), store.count(OTHER_ID)) == (0, 1)
    assert store.get(other) == VALUE
    with pytest.raises(BlobUnavailableError):
        store.get(mine[0])


def test_where_nothing_is_stored_nothing_is_removed(store: PayloadStore) -> None:
    assert (store.count(JOB_ID), store.remove(JOB_ID)) == (0, 0)


def test_a_service_that_does_not_answer_is_reported_without_its_address(stores: Stores) -> None:
    store = stores.unreachable
    for call in (
        lambda: store.put(JOB_ID, "one", VALUE),
        lambda: store.get(f"{JOB_ID}/one.json"),
        lambda: store.remove(JOB_ID),
        lambda: store.count(JOB_ID),
    ):
        with pytest.raises(BlobUnavailableError) as caught:
            call()
        assert "127.0.0.1" not in str(caught.value)


def test_a_value_can_be_read_as_it_is_stored(store: PayloadStore) -> None:
    reference = store.put(JOB_ID, "r1-result", VALUE)
    assert from_json(store.read(reference, 0, store.size(reference))) == VALUE


def test_a_value_can_be_read_in_parts(store: PayloadStore) -> None:
    reference = store.put(JOB_ID, "r1-result", {"n": 1234})
    parts = [store.read(reference, 0, 4), store.read(reference, 4, 3), store.read(reference, 7, 99)]
    assert (store.size(reference), parts) == (10, [b'{"n"', b":12", b"34}"])


def test_reading_from_a_store_that_does_not_answer_is_an_error(stores: Stores) -> None:
    with pytest.raises(BlobUnavailableError):
        stores.unreachable.read(f"{JOB_ID}/r1-result.json", 0, 1)
    with pytest.raises(BlobUnavailableError):
        stores.unreachable.size(f"{JOB_ID}/r1-result.json")
