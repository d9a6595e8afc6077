"""The contracts of ``hello_world``: a greeting for each number, then a reply to each greeting."""

from schema.results import Contract
from schema.workflow import TaskContract


class GreetingParameters(Contract):
    number: int
    message: str
    fail: bool = False


class GreetingResult(Contract):
    number: int
    greeting: str


class ReplyParameters(Contract):
    number: int
    partner_index: str


class ReplyResult(Contract):
    number: int
    reply: str


class HelloWorldResult(Contract):
    """How many greetings and replies there were."""

    message: str
    greetings: int
    replies: int


GREETING = TaskContract("hello_world_greeting", GreetingParameters, GreetingResult)
REPLY = TaskContract("hello_world_reply", ReplyParameters, ReplyResult)
