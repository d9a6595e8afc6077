"""Fixtures on real servers: a fresh database and a fresh storage account for each test that asks."""

import os
from collections.abc import Callable, Iterator
from uuid import uuid4

import pytest

from bootstrap import bootstrap
from config import Settings
from repositories.migrations import SchemaRepository
from repositories.postgres import Database, PostgresAddress
from repositories.storage_connection import StorageConnection
from tests.support.services import PostgresServer, Services, StorageAccount, described_services
from triggers.application import Application


@pytest.fixture(scope="session")
def services() -> Services:
    return described_services()


@pytest.fixture(scope="session")
def template_database(services: Services) -> Iterator[str]:
    """A migrated database that others are copied from."""
    name = f"template_{uuid4().hex[:12]}"
    services.postgres.create_database(name)
    database = Database(postgres_address(services.postgres, name), max_size=1)
    try:
        SchemaRepository(database).migrate()
    finally:
        database.close()
    yield name
    services.postgres.drop_database(name)


@pytest.fixture
def empty_database_name(services: Services) -> Iterator[str]:
    """A database without a schema."""
    name = f"test_{uuid4().hex[:12]}"
    services.postgres.create_database(name)
    yield name
    services.postgres.drop_database(name)


@pytest.fixture
def database_name(services: Services, template_database: str) -> Iterator[str]:
    """A fresh, migrated database."""
    name = f"test_{uuid4().hex[:12]}"
    services.postgres.create_database(name, template_database)
    yield name
    services.postgres.drop_database(name)


@pytest.fixture
def database(services: Services, database_name: str) -> Iterator[Database]:
    database = Database(postgres_address(services.postgres, database_name), max_size=32)
    yield database
    database.close()


@pytest.fixture
def empty_database(services: Services, empty_database_name: str) -> Iterator[Database]:
    database = Database(postgres_address(services.postgres, empty_database_name), max_size=4)
    yield database
    database.close()


@pytest.fixture
def storage_account(services: Services) -> StorageAccount:
    """A fresh account, without queues and containers."""
    return services.next_account()


@pytest.fixture
def storage(storage_account: StorageAccount) -> Iterator[StorageConnection]:
    connection = StorageConnection(storage_account.connection_string)
    yield connection
    connection.close()


@pytest.fixture
def app_environment(
    services: Services, database_name: str, storage_account: StorageAccount
) -> dict[str, str]:
    """The environment of an app on this test's own database and storage account."""
    return environment_of(services.postgres, database_name, storage_account)


@pytest.fixture
def make_application(
    app_environment: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> Iterator[Callable[..., Application]]:
    """Puts the whole application together, with settings changed by keyword; closes it after the test."""
    made: list[Application] = []

    def make(**changes: str) -> Application:
        for name in Settings.model_fields:
            if name.upper() in os.environ:
                monkeypatch.delenv(name.upper())
        for name, value in {**app_environment, **changes}.items():
            monkeypatch.setenv(name, value)
        made.append(bootstrap(Settings()))  # pyright: ignore[reportCallIssue] -- read from the environment
        return made[-1]

    yield make
    for application in made:
        application.close()


@pytest.fixture
def application(make_application: Callable[..., Application]) -> Application:
    """The whole application on a fresh database and storage account, its queues made."""
    made = make_application()
    made.queue.ensure_queues()
    return made


def environment_of(server: PostgresServer, database: str, account: StorageAccount) -> dict[str, str]:
    """What an app reads of its database and storage account, and how it is set up in tests."""
    return {
        "AzureWebJobsStorage": account.connection_string,
        "POSTGRES_HOST": server.host,
        "POSTGRES_PORT": str(server.port),
        "POSTGRES_USER": server.user,
        "POSTGRES_PASSWORD": server.password,
        "POSTGRES_DB": database,
        "POSTGRES_SSLMODE": "disable",
        "POSTGRES_READ_ROLE": server.read_role or "",
        "AUTH_MODE": "anonymous",
        "ALLOW_SCHEMA_RESET": "true",
        "DEVELOPMENT_JOB_TYPES": "true",
    }


def postgres_address(server: PostgresServer, database: str) -> PostgresAddress:
    return PostgresAddress(
        host=server.host,
        port=server.port,
        database=database,
        user=server.user,
        password=lambda: server.password,
        sslmode="disable",
        read_role=server.read_role,
        application_name="geojobs tests",
    )
