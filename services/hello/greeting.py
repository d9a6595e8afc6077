"""Stage 1 of ``hello_world``: greets."""

from interfaces.handler import TaskContext
from schema.contracts.hello_world import GREETING, GreetingParameters, GreetingResult
from schema.errors import PermanentTaskError
from schema.workflow import TaskInfo

INFO = TaskInfo(GREETING, "Writes one greeting; fails where it is told to, for trials.")


def run(parameters: GreetingParameters, context: TaskContext) -> GreetingResult:
    """Greet from the task's own number; ``PermanentTaskError`` where ``fail`` is set."""
    context.raise_if_stopped()
    if parameters.fail:
        raise PermanentTaskError(f"greeting {parameters.number} was told to fail", "HELLO_TOLD_TO_FAIL")
    return GreetingResult(number=parameters.number, greeting=f"{parameters.message} from {parameters.number}")
