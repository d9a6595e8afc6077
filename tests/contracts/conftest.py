"""The worlds as fixtures."""

import pytest

from tests.support.worlds import FakeWorld, PostgresWorld, World


@pytest.fixture(params=["fake", "postgres"])
def world(request: pytest.FixtureRequest) -> World:
    if request.param == "fake":
        return FakeWorld()
    return PostgresWorld(request.getfixturevalue("database"))
