"""Log records as JSON lines or as text, each with the ids of the work it was logged in.

The handlers are those that are there already: the Functions worker sends what they print to its host, the
local host prints it.
"""

import logging

from pythonjsonlogger.core import RESERVED_ATTRS
from pythonjsonlogger.json import JsonFormatter

from interfaces.log_ids import current_log_ids
from schema.log_format import LogFormat, LogLevel

_TALKATIVE = (
    "azure.core",
    "azure.identity",
    "azure.monitor",
    "azure.storage",
    "opentelemetry",
    "urllib3",
)


class LogIds(logging.Filter):
    """Lets every record pass, with the current ids added to what it says itself."""

    def filter(self, record: logging.LogRecord) -> bool:
        for name, value in current_log_ids().items():
            record.__dict__.setdefault(name, value)
        return True


class TextFormatter(logging.Formatter):
    """One line with the facts behind the message."""

    def __init__(self) -> None:
        super().__init__("%(asctime)s %(levelname)s %(name)s: %(message)s")

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 -- the base class has it so
        facts = [
            f"{name}={value}"
            for name, value in record.__dict__.items()
            if name not in RESERVED_ATTRS and value is not None
        ]
        return " ".join([super().formatMessage(record), *facts])


def configure_logging(form: LogFormat, level: LogLevel | None) -> None:
    """Give the root logger's handlers this format and the ids; ``level`` of ``None`` leaves the host's.

    May be called again. Libraries that tell each call of theirs speak from WARNING only.
    """
    root = logging.getLogger()
    for handler in root.handlers:
        handler.setFormatter(_formatter(form))
        if not any(isinstance(one, LogIds) for one in handler.filters):
            handler.addFilter(LogIds())
    if level is not None:
        root.setLevel(level)
    for name in _TALKATIVE:
        logging.getLogger(name).setLevel(max(root.level, logging.WARNING))


def _formatter(form: LogFormat) -> logging.Formatter:
    if form is LogFormat.TEXT:
        return TextFormatter()
    return JsonFormatter(
        "%(levelname)s %(name)s %(message)s",
        rename_fields={"levelname": "level", "name": "logger"},
        timestamp=True,
    )
