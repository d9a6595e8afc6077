"""``host.json`` as the Functions host reads it, with the host's own defaults and limits.

https://learn.microsoft.com/azure/azure-functions/functions-host-json
"""

import json
import logging
import re
from datetime import timedelta
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError
from pydantic.alias_generators import to_camel

from devhost.errors import StartError

_TIMESPAN = re.compile(r"(?:(\d{1,8})\.)?(\d{1,2}):([0-5]?\d):([0-5]?\d(?:\.\d{1,7})?)")
_LEVELS = {
    "trace": logging.DEBUG,
    "debug": logging.DEBUG,
    "information": logging.INFO,
    "warning": logging.WARNING,
    "error": logging.ERROR,
    "critical": logging.CRITICAL,
    "none": logging.CRITICAL + 10,
}


class MessageEncoding(StrEnum):
    BASE64 = "base64"
    NONE = "none"


def _timespan(value: object) -> timedelta:
    """A .NET TimeSpan such as ``00:30:00``, ``00:00:00.200`` or ``1.00:00:00``."""
    if isinstance(value, timedelta):
        return value
    match = _TIMESPAN.fullmatch(value) if isinstance(value, str) else None
    if match is None or int(match[2]) > 23:  # noqa: PLR2004 -- hours of a day
        raise ValueError("must be a time span such as 00:05:00")
    return timedelta(
        days=int(match[1] or 0), hours=int(match[2]), minutes=int(match[3]), seconds=float(match[4])
    )


def _timeout(value: object) -> timedelta | None:
    """As ``_timespan``; ``-1`` means without limit."""
    return None if value in {None, -1, "-1"} else _timespan(value)


def _at_least_a_second(value: timedelta | None) -> timedelta | None:
    if value is not None and value < timedelta(seconds=1):
        raise ValueError("must be at least 00:00:01")
    return value


def _lower(value: object) -> object:
    return value.lower() if isinstance(value, str) else value


def _level(value: object) -> int:
    if not isinstance(value, str) or value.lower() not in _LEVELS:
        raise ValueError(f"must be one of {', '.join(name.title() for name in _LEVELS)}")
    return _LEVELS[value.lower()]


_TimeSpan = Annotated[timedelta, BeforeValidator(_timespan)]
_Level = Annotated[int, BeforeValidator(_level)]


class _Settings(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore", alias_generator=to_camel, populate_by_name=True)


class QueueSettings(_Settings):
    """``extensions.queues``: how queue triggers fetch, retry and give up."""

    batch_size: Annotated[int, Field(ge=1, le=32)] = 16
    new_batch_threshold: Annotated[int, Field(ge=0)] = Field(
        default_factory=lambda given: int(given.get("batch_size", 16)) // 2
    )
    max_dequeue_count: Annotated[int, Field(ge=1)] = 5
    max_polling_interval: Annotated[_TimeSpan, Field(ge=timedelta(milliseconds=100))] = timedelta(minutes=1)
    visibility_timeout: Annotated[_TimeSpan, Field(le=timedelta(days=7))] = timedelta()
    message_encoding: Annotated[MessageEncoding, BeforeValidator(_lower)] = MessageEncoding.BASE64


class HttpSettings(_Settings):
    route_prefix: str = "api"


class ExtensionSettings(_Settings):
    http: HttpSettings = HttpSettings()
    queues: QueueSettings = QueueSettings()


class LogLevels(_Settings):
    default: _Level = logging.INFO


class LoggingSettings(_Settings):
    log_level: LogLevels = LogLevels()


class HostSettings(_Settings):
    """The whole file. ``function_timeout`` is ``None`` where there is no limit."""

    version: Literal["2.0"]
    function_timeout: Annotated[
        timedelta | None, BeforeValidator(_timeout), AfterValidator(_at_least_a_second)
    ] = timedelta(minutes=30)
    extensions: ExtensionSettings = ExtensionSettings()
    logging: LoggingSettings = LoggingSettings()


def load_host_settings(path: Path) -> HostSettings:
    """Read ``host.json``, or the defaults where there is none; raises ``StartError`` naming each setting."""
    if not path.exists():
        return HostSettings(version="2.0")
    try:
        return HostSettings.model_validate(json.loads(path.read_text("utf-8")))
    except (OSError, UnicodeDecodeError, json.JSONDecodeError) as exc:
        raise StartError(f"{path.name} could not be read: {exc}") from exc
    except ValidationError as exc:
        faults = "; ".join(
            f"{'.'.join(str(part) for part in error['loc']) or 'the file'}: {error['msg']}"
            for error in exc.errors(include_url=False, include_context=False)
        )
        raise StartError(f"{path.name} is not valid: {faults}") from None
