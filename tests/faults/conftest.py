"""Trials: hosts with fault points, each on a database and a storage account of its own."""

from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest

from tests.faults import points
from tests.faults.trial import REDELIVERED, SWEPT, THRICE, Trial, prepare
from tests.support.services import Services


@pytest.fixture(scope="session")
def trial_template(services: Services, template_database: str) -> Iterator[str]:
    name = f"trial_template_{uuid4().hex[:12]}"
    services.postgres.create_database(name, template_database)
    with services.postgres.connect(name) as connection:
        prepare(connection)
    yield name
    services.postgres.drop_database(name)


class TrialFactory:
    """Starts trials and ends them."""

    def __init__(self, services: Services, template: str, folder: Path) -> None:
        self._services = services
        self._template = template
        self._folder = folder
        self._trials: list[Trial] = []
        self._databases: list[str] = []

    def __call__(self, beside: Trial | None = None, **environment: str) -> Trial:
        """``beside``: another host of the same app, on the same database and queues."""
        folder = self._folder / uuid4().hex[:8]
        if beside is not None:
            trial = beside.twin(folder, **environment)
        else:
            database = f"trial_{uuid4().hex[:12]}"
            self._services.postgres.create_database(database, self._template)
            self._databases.append(database)
            account = self._services.next_account()
            trial = Trial(self._services.postgres, database, account, folder, {**SWEPT, **environment})
        self._trials.append(trial)
        return trial

    def close(self) -> None:
        for trial in self._trials:
            trial.close()
        for database in self._databases:
            self._services.postgres.drop_database(database)


@pytest.fixture(scope="session")
def trials(
    services: Services, trial_template: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[TrialFactory]:
    factory = TrialFactory(services, trial_template, tmp_path_factory.mktemp("trials"))
    yield factory
    factory.close()


@pytest.fixture
def start_trial(services: Services, trial_template: str, tmp_path: Path) -> Iterator[TrialFactory]:
    """For those who need a host of their own."""
    factory = TrialFactory(services, trial_template, tmp_path)
    yield factory
    factory.close()


@pytest.fixture(scope="session")
def swept_host(trials: TrialFactory) -> Trial:
    return trials(**THRICE)


@pytest.fixture(scope="session")
def redelivered_host(trials: TrialFactory) -> Trial:
    return trials(**REDELIVERED, **THRICE)


@pytest.fixture(scope="session")
def single_host(trials: TrialFactory) -> Trial:
    return trials(**REDELIVERED)


@pytest.fixture
def swept(swept_host: Trial) -> Iterator[Trial]:
    """A host whose sweep repairs; it runs when a test begins, whatever the one before did to it."""
    yield _ready(swept_host)
    points.disarm(swept_host.folder)


@pytest.fixture
def redelivered(redelivered_host: Trial) -> Iterator[Trial]:
    """A host that repairs by redelivery alone."""
    yield _ready(redelivered_host)
    points.disarm(redelivered_host.folder)


@pytest.fixture
def redelivered_once(single_host: Trial) -> Iterator[Trial]:
    """The same, with one message for each attempt: a copy would succeed where another is given up."""
    yield _ready(single_host)
    points.disarm(single_host.folder)


def _ready(trial: Trial) -> Trial:
    points.disarm(trial.folder)
    if trial.process.process.poll() is not None:
        trial.restart()
    return trial
