"""The invocation context that a function may ask for by a parameter named ``context``."""

import threading
from pathlib import Path

import azure.functions as func
from azure.functions import (
    _abc as contexts,  # pyright: ignore[reportPrivateUsage] -- these interfaces are exported nowhere else
)


class _TraceContext(contexts.TraceContext):
    """Empty: this host traces nothing of its own."""

    @property
    def trace_state(self) -> str:
        return ""

    @property
    def trace_parent(self) -> str:
        return ""

    @property
    def attributes(self) -> dict[str, str]:
        return {}


class _RetryContext(contexts.RetryContext):
    """Empty: retry policies are refused when the app is read."""

    @property
    def retry_count(self) -> int:
        return 0

    @property
    def max_retry_count(self) -> int:
        return 0

    @property
    def exception(self) -> contexts.RpcException:
        return contexts.RpcException()


class InvocationContext(func.Context):
    """What one invocation is called by."""

    def __init__(self, invocation_id: str, function_name: str) -> None:
        self._invocation_id = invocation_id
        self._function_name = function_name
        self._local = threading.local()

    @property
    def invocation_id(self) -> str:
        return self._invocation_id

    @property
    def thread_local_storage(self) -> threading.local:  # pyright: ignore[reportIncompatibleMethodOverride] -- the library names the class where the worker gives an instance
        return self._local

    @property
    def function_name(self) -> str:
        return self._function_name

    @property
    def function_directory(self) -> str:
        return str(Path.cwd())

    @property
    def trace_context(self) -> contexts.TraceContext:
        return _TraceContext()

    @property
    def retry_context(self) -> contexts.RetryContext:
        return _RetryContext()
