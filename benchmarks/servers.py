"""A fresh database and storage account for one measurement, on the servers that the tests use."""

import os
from collections.abc import Generator
from contextlib import contextmanager
from uuid import uuid4

from repositories.migrations import SchemaRepository
from repositories.postgres import Database
from tests.conftest import postgres_address
from tests.support.services import Services


@contextmanager
def fresh_environment(services: Services) -> Generator[dict[str, str]]:
    """The environment of an app on a migrated database and an empty storage account."""
    name = f"benchmark_{uuid4().hex[:12]}"
    server = services.postgres
    server.create_database(name)
    database = Database(postgres_address(server, name), max_size=1)
    try:
        SchemaRepository(database).migrate()
        yield {
            **{key: value for key, value in os.environ.items() if key in _KEPT},
            "AzureWebJobsStorage": services.next_account().connection_string,
            "POSTGRES_HOST": server.host,
            "POSTGRES_PORT": str(server.port),
            "POSTGRES_USER": server.user,
            "POSTGRES_PASSWORD": server.password,
            "POSTGRES_DB": name,
            "POSTGRES_SSLMODE": "disable",
            "POSTGRES_READ_ROLE": server.read_role or "",
            "POSTGRES_POOL_SIZE": "24",
            "AUTH_MODE": "anonymous",
            "PYTHON_THREADPOOL_THREAD_COUNT": os.environ.get("BENCHMARK_THREADS", "32"),
        }
    finally:
        database.close()
        server.drop_database(name)


_KEPT = ("PATH", "HOME", "LANG", "VIRTUAL_ENV", "TMPDIR")
