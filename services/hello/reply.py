"""Stage 2 of ``hello_world``: replies to what a partner said in stage 1."""

from interfaces.handler import TaskContext
from schema.contracts.hello_world import REPLY, GreetingResult, ReplyParameters, ReplyResult
from schema.workflow import TaskInfo

INFO = TaskInfo(REPLY, "Reads its partner's greeting and replies to it.")


def run(parameters: ReplyParameters, context: TaskContext) -> ReplyResult:
    """Reply to the greeting of the task of stage 1 that has the index ``partner_index``."""
    partner = GreetingResult.model_validate(context.result_of(1, parameters.partner_index))
    return ReplyResult(number=parameters.number, reply=f"heard: {partner.greeting}")
