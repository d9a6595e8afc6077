"""Calls without threads and deadlines, for tests in which everything happens one after another."""

from collections.abc import Callable
from typing import TypeVar

from orchestration.bounded_calls import BoundedCalls

T = TypeVar("T")


class InlineCalls(BoundedCalls):
    """Calls the function where it stands; it takes as long as it takes."""

    def __call__(
        self,
        function: Callable[[], T],
        seconds: float,  # noqa: ARG002 -- nobody measures them
        on_deadline: Callable[[], None],  # noqa: ARG002 -- it never comes
    ) -> T:
        return function()
