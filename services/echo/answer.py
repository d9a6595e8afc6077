"""The one stage of ``echo``: waits as long as it is told to, and gives back what it was given."""

from threading import Event

from interfaces.handler import TaskContext
from schema.contracts.echo import ECHO, EchoParameters, EchoResult
from schema.workflow import TaskInfo

INFO = TaskInfo(ECHO, "Waits as long as it is told to, and gives back what it was given.")

_CHECKS_A_SECOND = 10


def run(parameters: EchoParameters, context: TaskContext) -> EchoResult:
    """Wait ``pause`` seconds in short pieces, so that a cancelled job does not wait for its end."""
    pieces = parameters.pause * _CHECKS_A_SECOND
    never = Event()
    for piece in range(pieces):
        context.raise_if_stopped()
        never.wait(1 / _CHECKS_A_SECOND)
        context.report_progress((piece + 1) / pieces)
    context.raise_if_stopped()
    return EchoResult(message=parameters.message, note=parameters.note)
