"""Has Microsoft's own runtime library load this app and run functions of it; prints what came of it as JSON.

Run with a Python that has ``azure-functions-runtime``: ``python -m tests.support.functions_runtime FOLDER``,
with the invocations as JSON on standard input: ``[{"function", "argument", "data", "metadata"?}]``. It plays
the part of the host: the library takes the messages of the protocol between host and worker as an argument,
so that small stand-ins for the generated ones are enough.
"""

import asyncio
import io
import json
import logging
import sys
from types import SimpleNamespace
from typing import Any

import azure_functions_runtime as runtime


class Message(SimpleNamespace):
    """A message of the protocol: its fields are what it was made with."""


class Typed(SimpleNamespace):
    """A message of which exactly one field is set, as in a ``oneof``."""

    def WhichOneof(self, _: str) -> str:  # noqa: N802 -- the name that the generated messages have
        return next(iter(vars(self)))


class Parameter(Message):
    """An argument of an invocation."""

    def WhichOneof(self, _: str) -> str:  # noqa: N802 -- as above
        return "data"


class StatusResult(Message):
    Success, Failure = "success", "failure"


class BindingInfo(Message):
    undefined = "undefined"
    # the numbers of azure.functions.decorators' BindingDirection
    out, inout = 1, 2


PROTOS = SimpleNamespace(
    BindingInfo=BindingInfo,
    FunctionLoadResponse=Message,
    FunctionMetadataResponse=Message,
    InvocationResponse=Message,
    ParameterBinding=Message,
    RpcException=Message,
    RpcFunctionMetadata=Message,
    RpcHttp=Message,
    StatusResult=StatusResult,
    TypedData=Typed,
    WorkerInitResponse=Message,
    WorkerMetadata=Message,
    NullableString=Message,
    NullableBool=Message,
    NullableDouble=Message,
    NullableTimestamp=Message,
)


def typed(data: dict[str, Any]) -> Typed:
    """From ``{"string"}``, ``{"json"}``, ``{"bytes"}`` (Latin-1), or ``{"http"}`` with method, url, body."""
    if "bytes" in data:
        return Typed(bytes=data["bytes"].encode("latin-1"))
    if "http" not in data:
        return Typed(**data)
    http = data["http"]
    return Typed(
        http=Message(
            method=http["method"],
            url=http["url"],
            headers=http.get("headers", {}),
            params=http.get("params", {}),
            query={},
            body=Typed(bytes=http.get("body", "").encode()),
        )
    )


def failure(response: Message) -> str | None:
    """What went wrong, as the library tells the host."""
    if response.result.status == StatusResult.Success:
        return None
    exception = response.result.exception
    return f"{exception.message}\n{exception.stack_trace}"


async def load(folder: str) -> dict[str, Message]:
    """The functions of the app by name, indexed by the library."""
    init = Message(capabilities={}, function_app_directory=folder)
    request = Message(
        request=Message(worker_init_request=init), properties={"host": "127.0.0.1", "protos": PROTOS}
    )
    if problem := failure(await runtime.worker_init_request(request)):
        sys.exit(problem)
    found = await runtime.functions_metadata_request(Message())
    return {function.name: function for function in found.function_metadata_results}


async def invoke(function: Message, number: int, wanted: dict[str, Any]) -> dict[str, Any]:
    loading = Message(function_load_request=Message(function_id=function.function_id))
    await runtime.function_load_request(Message(request=loading))
    call = Message(
        invocation_id=str(number),
        function_id=function.function_id,
        input_data=[Parameter(name=wanted["argument"], data=typed(wanted["data"]))],
        trigger_metadata={name: typed(value) for name, value in wanted.get("metadata", {}).items()},
        trace_context=Message(trace_parent="", trace_state="", attributes={}),
        retry_context=Message(retry_count=0, max_retry_count=0, exception=None),
    )
    response = await runtime.invocation_request(Message(request=Message(invocation_request=call)))
    answer: dict[str, Any] = {"failure": failure(response)}
    if response.result.status == StatusResult.Success and response.return_value is not None:
        http = response.return_value.http
        answer |= {"status": int(http.status_code), "body": http.body.bytes.decode()}
    return answer


def listen() -> io.StringIO:
    """What the worker's handler would hand to the host: it stands on the root logger before the app loads."""
    lines = io.StringIO()
    root = logging.getLogger()
    root.addHandler(logging.StreamHandler(lines))
    root.setLevel(logging.INFO)
    return lines


async def play(folder: str, invocations: list[dict[str, Any]]) -> dict[str, Any]:
    lines = listen()
    functions = await load(folder)
    runtime.start_threadpool_executor()
    answers = [
        await invoke(functions[each["function"]], number, each) for number, each in enumerate(invocations)
    ]
    runtime.stop_threadpool_executor()
    triggers = {
        name: next(
            binding for binding in map(json.loads, function.raw_bindings) if "Trigger" in binding["type"]
        )
        for name, function in functions.items()
    }
    return {"triggers": triggers, "answers": answers, "logs": lines.getvalue().splitlines()}


def main() -> None:
    json.dump(asyncio.run(play(sys.argv[1], json.load(sys.stdin))), sys.stdout)


if __name__ == "__main__":
    main()
