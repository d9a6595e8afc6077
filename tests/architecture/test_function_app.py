"""The one app that every host loads: importing it connects to nothing, its settings fit ``host.json``."""

import json
import socket
import subprocess
import sys
from collections.abc import Iterator

import pytest

from devhost.settings import MessageEncoding, load_host_settings
from tests.architecture.source import ROOT
from tools.azurite import WELL_KNOWN

_IMPORT = """
import json, socket

def refuse(*_):
    raise AssertionError("a connection was opened")

socket.socket.connect = socket.socket.connect_ex = socket.getaddrinfo = refuse
import function_app
print(json.dumps(sorted(f.get_function_name() for f in function_app.app.get_functions())))
"""


@pytest.fixture
def silent_server() -> Iterator[socket.socket]:
    """Listens where database and storage should be."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.setblocking(False)
        yield server


@pytest.fixture
def functions(silent_server: socket.socket) -> list[str]:
    """The names of the functions, read in a process of its own whose sockets refuse to connect."""
    port = silent_server.getsockname()[1]
    address = f"http://127.0.0.1:{port}/{WELL_KNOWN.name}"
    done = subprocess.run(
        [sys.executable, "-c", _IMPORT],
        cwd=ROOT,
        env={
            "AzureWebJobsStorage": f"DefaultEndpointsProtocol=http;AccountName={WELL_KNOWN.name};"
            f"AccountKey={WELL_KNOWN.key};BlobEndpoint={address};QueueEndpoint={address};",
            "POSTGRES_HOST": "127.0.0.1",
            "POSTGRES_PORT": str(port),
            "POSTGRES_PASSWORD": "unused",
        },
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    names: list[str] = json.loads(done.stdout)
    return names


def test_importing_the_app_opens_no_connection(functions: list[str], silent_server: socket.socket) -> None:
    assert functions
    with pytest.raises(BlockingIOError):  # nobody, the driver written in C included, is waiting to be served
        silent_server.accept()


def test_no_two_functions_share_a_name(functions: list[str]) -> None:
    lowered = [name.lower() for name in functions]
    assert sorted(set(lowered)) == lowered


def test_every_message_reaches_the_app_whatever_its_encoding() -> None:
    queues = load_host_settings(ROOT / "host.json").extensions.queues
    assert queues.message_encoding is MessageEncoding.NONE


def test_host_json_says_all_that_the_queues_depend_on() -> None:
    queues = json.loads((ROOT / "host.json").read_text("utf-8"))["extensions"]["queues"]
    assert set(queues) == {
        "batchSize",
        "newBatchThreshold",
        "maxDequeueCount",
        "maxPollingInterval",
        "visibilityTimeout",
        "messageEncoding",
    }
    assert queues["maxDequeueCount"] == 5
