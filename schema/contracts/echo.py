"""The contract of ``echo``: what is said comes back."""

from typing import Annotated

from pydantic import Field

from schema.results import Contract
from schema.workflow import TaskContract


class EchoParameters(Contract):
    """``pause`` is how many seconds pass before the answer."""

    message: str
    note: str
    pause: Annotated[int, Field(ge=0)]


class EchoResult(Contract):
    message: str
    note: str


ECHO = TaskContract("echo", EchoParameters, EchoResult)
