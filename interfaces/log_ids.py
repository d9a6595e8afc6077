"""The ids of the work that this thread does, for every line that is logged meanwhile, whoever logs it."""

from collections.abc import Generator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from types import MappingProxyType

LogId = str | int | None

_ids: ContextVar[Mapping[str, LogId]] = ContextVar("log_ids", default=MappingProxyType({}))


@contextmanager
def log_ids(**ids: LogId) -> Generator[None]:
    """Within the block these ids are known as well; ``None`` leaves an id as it is."""
    token = _ids.set({**_ids.get(), **{name: value for name, value in ids.items() if value is not None}})
    try:
        yield
    finally:
        _ids.reset(token)


def current_log_ids() -> Mapping[str, LogId]:
    return _ids.get()
