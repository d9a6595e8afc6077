import socket
from collections.abc import Iterator

import pytest

from tools import ports
from tools.report import ToolError


@pytest.fixture
def taken() -> Iterator[int]:
    with socket.create_server((ports.HOST, 0)) as server:
        yield server.getsockname()[1]


def test_ports_have_defaults() -> None:
    assert ports.configured({}) == {
        "http": 7071,
        "postgres": 55432,
        "azurite_blob": 55010,
        "azurite_queue": 55011,
        "azurite_table": 55012,
    }


@pytest.mark.parametrize("port", ports.ALL, ids=lambda port: port.name)
def test_each_port_is_moved_by_its_variable(port: ports.Port) -> None:
    assert ports.configured({port.variable: "40000"})[port.name] == 40000


@pytest.mark.parametrize("value", ["", "x", "80", "65536", "-1", "٤٠٠٠٠", "7071.0"])
def test_a_port_that_cannot_be_used_is_refused_with_its_variable(value: str) -> None:
    with pytest.raises(ToolError, match="GEOJOBS_HTTP_PORT"):
        ports.configured({"GEOJOBS_HTTP_PORT": value})


def test_two_services_on_one_port_are_refused() -> None:
    with pytest.raises(ToolError, match="a port of its own"):
        ports.configured({"GEOJOBS_HTTP_PORT": "55432"})


def test_free_ports_differ() -> None:
    numbers = ports.free()

    assert len(set(numbers.values())) == len(ports.ALL)


def test_a_taken_port_is_reported_with_purpose_holder_and_variable(taken: int) -> None:
    with pytest.raises(ToolError) as caught:
        ports.require_free([ports.BLOB], {ports.BLOB.name: taken})

    message = str(caught.value)
    assert f"port {taken} for Azurite's blob service is taken by" in message
    assert "python" in message
    assert "GEOJOBS_AZURITE_BLOB_PORT" in message


def test_every_taken_port_is_reported(taken: int) -> None:
    with pytest.raises(ToolError) as caught:
        ports.require_free([ports.BLOB, ports.HTTP], {ports.BLOB.name: taken, ports.HTTP.name: taken})

    assert len(str(caught.value).splitlines()) == 2


def test_a_free_port_passes() -> None:
    ports.require_free(ports.ALL, ports.free())


def test_a_listening_server_is_open(taken: int) -> None:
    assert ports.is_open(taken)


def test_a_port_without_a_server_is_not_open() -> None:
    assert not ports.is_open(ports.free()["http"])
