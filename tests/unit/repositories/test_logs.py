"""Log lines: JSON or text, with the ids of the work they were logged in, whoever logs."""

import io
import json
import logging
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from interfaces.log_ids import current_log_ids, log_ids
from repositories.logs import _TALKATIVE, configure_logging
from schema.log_format import LogFormat, LogLevel


class Lines(io.StringIO):
    def json(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.getvalue().splitlines()]


Configure = Callable[..., Lines]


@pytest.fixture
def configure() -> Iterator[Configure]:
    """Configures a root logger whose only handler is a host's in a small way; returns what that writes."""
    root = logging.getLogger()
    level = root.level
    stream = Lines()
    handler = logging.StreamHandler(stream)

    def configure(form: LogFormat = LogFormat.JSON, level: LogLevel | None = None) -> Lines:
        root.handlers[:] = [handler]
        root.setLevel(logging.INFO)
        configure_logging(form, level)
        return stream

    yield configure
    root.removeHandler(handler)
    root.setLevel(level)


@pytest.fixture
def quiet_libraries() -> Iterator[None]:
    """Levels that libraries are given go with the test."""
    loggers = [logging.getLogger(name) for name in _TALKATIVE]
    levels = [logger.level for logger in loggers]
    yield
    for logger, level in zip(loggers, levels, strict=True):
        logger.setLevel(level)


pytestmark = pytest.mark.usefixtures("quiet_libraries")

_library = logging.getLogger("some.library")


def test_a_line_has_level_logger_message_time_and_facts(configure: Configure) -> None:
    lines = configure()
    _library.warning("disk %s", "full", extra={"free": 0})
    (line,) = lines.json()
    assert line.pop("timestamp")
    assert line == {"level": "WARNING", "logger": "some.library", "message": "disk full", "free": 0}


def test_every_line_of_every_logger_has_the_ids(configure: Configure) -> None:
    lines = configure()
    with log_ids(job_id="j", task_id="t"), log_ids(attempt=2, task_id=None):
        _library.info("said something")
    _library.info("said more")
    first, second = lines.json()
    assert (first["job_id"], first["task_id"], first["attempt"]) == ("j", "t", 2)
    assert "job_id" not in second


def test_what_a_record_says_itself_wins(configure: Configure) -> None:
    lines = configure()
    with log_ids(stage=1):
        _library.info("stage opened", extra={"stage": 2})
    assert lines.json()[0]["stage"] == 2


def test_a_traceback_stays_within_its_line(configure: Configure) -> None:
    lines = configure()
    try:
        int("broken")
    except ValueError:
        _library.exception("failed")
    (line,) = lines.json()
    assert "ValueError: invalid literal" in line["exc_info"]


def test_configuring_again_changes_nothing(configure: Configure) -> None:
    configure()
    configure()
    assert len(logging.getLogger().handlers[0].filters) == 1


def test_text_shows_the_same_facts(configure: Configure) -> None:
    lines = configure(LogFormat.TEXT)
    with log_ids(job_id="j"):
        _library.info("opened", extra={"tasks": 3})
    assert lines.getvalue().rstrip().endswith("INFO some.library: opened tasks=3 job_id=j")


def test_a_level_is_set_where_one_is_given(configure: Configure) -> None:
    lines = configure(level=LogLevel.ERROR)
    _library.warning("not so bad")
    assert lines.getvalue() == ""


@pytest.mark.parametrize("name", ["azure.core.pipeline", "urllib3.connectionpool"])
def test_libraries_that_log_addresses_stay_silent_at_every_level(configure: Configure, name: str) -> None:
    lines = configure(level=LogLevel.DEBUG)
    logging.getLogger(name).info("GET /?sig=secret")
    assert lines.getvalue() == ""


def test_threads_have_ids_of_their_own() -> None:
    seen: list[object] = []
    with log_ids(job_id="j"):
        thread = threading.Thread(target=lambda: seen.append(dict(current_log_ids())))
        thread.start()
        thread.join()
    assert seen == [{}]
