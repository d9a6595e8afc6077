"""Logs as JSON lines on standard output, with every fact that a record carries."""

import logging
import sys

from pythonjsonlogger.json import JsonFormatter

_QUIET = ("azure", "urllib3", "uvicorn", "asyncio")


def configure_logging(level: int) -> None:
    """Send everything from ``level`` to standard output; libraries speak from WARNING only."""
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(
        JsonFormatter(
            "%(levelname)s %(name)s %(message)s",
            rename_fields={"levelname": "level", "name": "logger"},
            timestamp=True,
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
    for name in _QUIET:
        logging.getLogger(name).setLevel(max(level, logging.WARNING))
    logging.captureWarnings(capture=True)
