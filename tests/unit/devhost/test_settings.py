"""``host.json``: defaults, values, and what is refused."""

import json
import logging
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from devhost.errors import StartError
from devhost.settings import HostSettings, MessageEncoding, load_host_settings


def load(tmp_path: Path, **content: Any) -> HostSettings:
    path = tmp_path / "host.json"
    path.write_text(json.dumps({"version": "2.0", **content}))
    return load_host_settings(path)


def queues(**settings: Any) -> dict[str, Any]:
    return {"extensions": {"queues": settings}}


def test_an_absent_file_means_the_host_s_defaults(tmp_path: Path) -> None:
    settings = load_host_settings(tmp_path / "host.json")
    queue = settings.extensions.queues
    assert settings.extensions.http.route_prefix == "api"
    assert (queue.batch_size, queue.new_batch_threshold, queue.max_dequeue_count) == (16, 8, 5)
    assert queue.max_polling_interval == timedelta(minutes=1)
    assert queue.visibility_timeout == timedelta()
    assert queue.message_encoding is MessageEncoding.BASE64
    assert settings.function_timeout == timedelta(minutes=30)
    assert settings.logging.log_level.default == logging.INFO


def test_the_repository_s_own_file_is_read() -> None:
    settings = load_host_settings(Path(__file__).parents[3] / "host.json")
    assert settings.extensions.queues.max_dequeue_count == 5


def test_the_threshold_follows_the_batch_size(tmp_path: Path) -> None:
    assert load(tmp_path, **queues(batchSize=6)).extensions.queues.new_batch_threshold == 3


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("00:00:00.200", timedelta(milliseconds=200)),
        ("00:10:00", timedelta(minutes=10)),
        ("1.02:00:00", timedelta(days=1, hours=2)),
    ],
)
def test_time_spans_are_read_as_dotnet_writes_them(tmp_path: Path, text: str, expected: timedelta) -> None:
    assert (
        load(tmp_path, **queues(maxPollingInterval=text)).extensions.queues.max_polling_interval == expected
    )


def test_a_function_timeout_of_minus_one_means_no_limit(tmp_path: Path) -> None:
    assert load(tmp_path, functionTimeout="-1").function_timeout is None


def test_the_encoding_is_read_without_regard_to_case(tmp_path: Path) -> None:
    assert load(tmp_path, **queues(messageEncoding="None")).extensions.queues.message_encoding == "none"


def test_the_default_log_level_is_read(tmp_path: Path) -> None:
    assert load(tmp_path, logging={"logLevel": {"default": "Warning"}}).logging.log_level.default == 30


@pytest.mark.parametrize(
    ("content", "named"),
    [
        (queues(batchSize=33), "batchSize"),
        (queues(batchSize=0), "batchSize"),
        (queues(newBatchThreshold=-1), "newBatchThreshold"),
        (queues(maxDequeueCount=0), "maxDequeueCount"),
        (queues(maxPollingInterval="00:00:00.050"), "maxPollingInterval"),
        (queues(maxPollingInterval="soon"), "maxPollingInterval"),
        (queues(maxPollingInterval="25:00:00"), "maxPollingInterval"),
        (queues(visibilityTimeout="8.00:00:00"), "visibilityTimeout"),
        (queues(messageEncoding="utf8"), "messageEncoding"),
        ({"functionTimeout": "00:00:00"}, "functionTimeout"),
        ({"functionTimeout": 5}, "functionTimeout"),
        ({"logging": {"logLevel": {"default": "Loud"}}}, "default"),
        ({"version": "1.0"}, "version"),
    ],
)
def test_a_bad_value_is_refused_by_name(tmp_path: Path, content: dict[str, Any], named: str) -> None:
    with pytest.raises(StartError, match=named):
        load(tmp_path, **content)


@pytest.mark.parametrize("content", [b"{", b"[]", b"\xff\xfe"])
def test_a_file_that_is_no_object_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "host.json"
    path.write_bytes(content)
    with pytest.raises(StartError, match=r"host\.json"):
        load_host_settings(path)
