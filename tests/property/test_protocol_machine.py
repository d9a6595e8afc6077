"""The protocol under faults, in memory and on a real PostgreSQL."""

import pytest
from hypothesis import HealthCheck, settings
from hypothesis.stateful import run_state_machine_as_test

from repositories.postgres import Database
from tests.fakes.faults import Faults
from tests.property.faulty_database import FaultyDatabase
from tests.property.machine import ProtocolMachine
from tests.support.worlds import FakeWorld, PostgresWorld, World

pytestmark = pytest.mark.timeout(900)  # a failure takes minutes to be made small

_PROFILE = settings(
    deadline=None,
    print_blob=True,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much],
)


class MachineInMemory(ProtocolMachine):
    def make_world(self, faults: Faults) -> World:
        return FakeWorld(faults)


def test_the_protocol_holds_whatever_happens() -> None:
    profile = settings(_PROFILE, max_examples=400, stateful_step_count=50)
    run_state_machine_as_test(MachineInMemory, settings=profile)


def test_the_protocol_holds_on_postgresql(database: Database) -> None:
    class MachineOnPostgres(ProtocolMachine):
        def make_world(self, faults: Faults) -> World:
            world = PostgresWorld(FaultyDatabase(database, faults))
            world.forget_everything()
            return world

    profile = settings(_PROFILE, max_examples=45, stateful_step_count=30)
    run_state_machine_as_test(MachineOnPostgres, settings=profile)
