"""Hosts to test: one for all who leave it as they found it, others for those who change or end theirs."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from tests.acceptance.hosting import REPOSITORY, TRIAL_APP, Host, HostProcess, write_host_json
from tests.conftest import environment_of
from tests.support.services import Services, StorageAccount

READABLE = ("bronze", "silver", "gold", "many", "absent")


class HostFactory:
    """Starts hosts, each on a database and a storage account of its own, and ends them."""

    def __init__(self, services: Services, template: str, folder: Path) -> None:
        self._services = services
        self._template = template
        self._folder = folder
        self._databases: list[str] = []
        self._hosts: list[Host] = []
        self._processes: list[HostProcess] = []

    def __call__(self, *, queues: dict[str, Any] | None = None, **environment: str) -> Host:
        """A running host; settings of the app, and queue settings of ``host.json``, changed by keyword."""
        database, account, folder = self._place()
        write_host_json(folder, **(queues or {}))
        return self._running(folder, database, account, environment)

    def trial(self, *, queues: dict[str, Any] | None = None, **environment: str) -> Host:
        """A running host of the trials' job types (``trial_jobs``)."""
        database, account, folder = self._place()
        write_host_json(folder, **(queues or {}))
        own = {"TRIAL_FOLDER": str(folder), "PYTHON_THREADPOOL_THREAD_COUNT": "32", **environment}
        return self._running(folder, database, account, own, TRIAL_APP)

    def failing(self, **environment: str) -> HostProcess:
        """A host that is not expected to start."""
        database, account, folder = self._place()
        write_host_json(folder)
        own = environment_of(self._services.postgres, database, account)
        self._processes.append(HostProcess(folder, {**own, **environment}))
        return self._processes[-1]

    def restarted(self, host: Host, **environment: str) -> Host:
        """The same app on the same database, account and state, after the host's process has ended."""
        assert host.process.process.poll() is not None
        return self._running(host.process.folder, host.database, host.account, environment, host.process.app)

    def close(self) -> None:
        try:
            for host in self._hosts:
                host.close()
        finally:
            for host in self._hosts:
                host.process.kill()
            for process in self._processes:
                process.kill()
            for database in self._databases:
                self._services.postgres.drop_database(database)

    def _place(self) -> tuple[str, StorageAccount, Path]:
        database = f"test_{uuid4().hex[:12]}"
        self._services.postgres.create_database(database, self._template)
        self._databases.append(database)
        return database, self._services.next_account(), self._folder / database

    def _running(
        self,
        folder: Path,
        database: str,
        account: StorageAccount,
        environment: dict[str, str],
        app: Path = REPOSITORY,
    ) -> Host:
        own = environment_of(self._services.postgres, database, account)
        process = HostProcess(folder, {**own, **environment}, app)
        self._processes.append(process)
        self._hosts.append(Host(process, self._services.postgres, database, account))
        return self._hosts[-1]


@pytest.fixture(scope="session")
def host(
    services: Services, template_database: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Host]:
    """One host for all tests that neither end it nor change its settings or its schema."""
    factory = HostFactory(services, template_database, tmp_path_factory.mktemp("host"))
    try:
        yield factory(READ_CONTAINERS=",".join(READABLE))
    finally:
        factory.close()


@pytest.fixture(scope="session")
def trial_host(
    services: Services, template_database: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Host]:
    """One host of the trials' job types for all tests that leave it as they found it."""
    factory = HostFactory(services, template_database, tmp_path_factory.mktemp("trial"))
    try:
        yield factory.trial(queues={"visibilityTimeout": "00:00:01"})
    finally:
        factory.close()


@pytest.fixture(scope="module")
def module_hosts(
    services: Services, template_database: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[HostFactory]:
    factory = HostFactory(services, template_database, tmp_path_factory.mktemp("hosts"))
    yield factory
    factory.close()


@pytest.fixture
def start_host(services: Services, template_database: str, tmp_path: Path) -> Iterator[HostFactory]:
    factory = HostFactory(services, template_database, tmp_path)
    yield factory
    factory.close()
