"""Traces cost nothing where they go nowhere, and open no connection before there is something to send."""

import json
import socket
import subprocess
import sys
from collections.abc import Iterator
from uuid import UUID

import pytest

from tests.architecture.source import ROOT

_IMPORT = """
import json, sys
import function_app
found = [name for name in sys.modules if name.startswith(("opentelemetry", "azure.monitor"))]
print(json.dumps(found))
"""
_STORAGE = "DefaultEndpointsProtocol=http;AccountName=a;AccountKey=YQ==;BlobEndpoint={0};QueueEndpoint={0};"

_INSIGHTS = f"InstrumentationKey={UUID(int=1)};IngestionEndpoint={{0}}/"


@pytest.fixture
def silent_server() -> Iterator[socket.socket]:
    """Listens where everything should be."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.setblocking(False)
        yield server


def imported(server: socket.socket, **settings: str) -> list[str]:
    """The modules of OpenTelemetry after the app was imported in a process of its own."""
    address = f"http://127.0.0.1:{server.getsockname()[1]}"
    done = subprocess.run(
        [sys.executable, "-c", _IMPORT],
        cwd=ROOT,
        env={
            "AzureWebJobsStorage": _STORAGE.format(address),
            "POSTGRES_PASSWORD": "unused",
            **{name: value.format(address) for name, value in settings.items()},
        },
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    names: list[str] = json.loads(done.stdout)
    return names


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"OTEL_EXPORTER_OTLP_ENDPOINT": "", "APPLICATIONINSIGHTS_CONNECTION_STRING": ""},
        {"OTEL_EXPORTER_OTLP_ENDPOINT": "{0}", "OTEL_SDK_DISABLED": "true"},
    ],
    ids=["unset", "empty", "disabled"],
)
def test_without_a_destination_no_tracing_library_is_imported(
    silent_server: socket.socket, settings: dict[str, str]
) -> None:
    assert imported(silent_server, **settings) == []


@pytest.mark.parametrize(
    ("settings", "needed", "spared"),
    [
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "{0}"}, "opentelemetry.exporter.otlp", "azure.monitor"),
        (
            {"APPLICATIONINSIGHTS_CONNECTION_STRING": _INSIGHTS},
            "azure.monitor.opentelemetry.exporter",
            "opentelemetry.exporter.otlp",
        ),
    ],
    ids=["otlp", "application insights"],
)
def test_a_destination_imports_its_own_exporter_and_connects_to_nobody(
    silent_server: socket.socket, settings: dict[str, str], needed: str, spared: str
) -> None:
    found = imported(silent_server, **settings)
    assert needed in {name[: len(needed)] for name in found}
    assert [name for name in found if name.startswith(spared)] == []
    with pytest.raises(BlockingIOError):
        silent_server.accept()
