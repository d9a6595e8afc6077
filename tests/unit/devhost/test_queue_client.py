"""Finding the storage account of a connection setting."""

from collections.abc import Iterator

import pytest

from devhost.errors import StartError, StorageUnavailableError
from devhost.queue_client import Storage, StorageQueue

KEY = "a2V5"


@pytest.fixture
def opened() -> Iterator[list[StorageQueue]]:
    queues: list[StorageQueue] = []
    yield queues
    for queue in queues:
        queue.close()


def account(name: str, port: int = 1) -> str:
    return (
        f"DefaultEndpointsProtocol=http;AccountName={name};AccountKey={KEY};"
        f"QueueEndpoint=http://127.0.0.1:{port}/{name};"
    )


def test_a_connection_string_is_used(opened: list[StorageQueue]) -> None:
    opened.append(Storage({"Store": account("one")}).open("Store", "tasks", 4))
    assert opened[0]._queue.url == "http://127.0.0.1:1/one/tasks"
    assert opened[0]._poison.url == "http://127.0.0.1:1/one/tasks-poison"


def test_a_prefixed_setting_comes_first(opened: list[StorageQueue]) -> None:
    environment = {"Store": account("one"), "AzureWebJobsStore": account("two")}
    opened.append(Storage(environment).open("Store", "tasks", 4))
    assert opened[0]._queue.account_name == "two"


def test_an_address_is_used_with_the_identity(opened: list[StorageQueue]) -> None:
    storage = Storage({"Store__queueServiceUri": "https://one.queue.core.windows.net"})
    opened.append(storage.open("Store", "tasks", 4))
    assert opened[0]._queue.url == "https://one.queue.core.windows.net/tasks"
    assert hasattr(opened[0]._queue.credential, "get_token")
    storage.close()


def test_an_absent_setting_is_named() -> None:
    with pytest.raises(StartError, match="Store__queueServiceUri"):
        Storage({}).open("Store", "tasks", 4)


def test_an_unusable_setting_is_named_and_not_shown() -> None:
    with pytest.raises(StartError, match="Store") as caught:
        Storage({"Store": "AccountKey=hunter2"}).open("Store", "tasks", 4)
    assert "hunter2" not in str(caught.value)


def test_an_account_that_is_away_is_an_error_without_its_address(opened: list[StorageQueue]) -> None:
    opened.append(Storage({"Store": account("one")}).open("Store", "tasks", 4))
    with pytest.raises(StorageUnavailableError) as caught:
        opened[0].receive(16, 600)
    assert caught.value.reason == "ServiceRequestError"
