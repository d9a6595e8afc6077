"""Reads the functions of a function app: trigger, settings and the user's callable of each."""

import importlib
import inspect
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import azure.functions as func

from devhost.environment import resolve_references
from devhost.errors import StartError
from devhost.keys import Level

_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_-]{0,127}")
_QUEUE_NAME = re.compile(r"(?!.*--)[a-z0-9][a-z0-9-]{1,61}[a-z0-9]")
_CONTEXT = "context"
_DEFAULT_CONNECTION = "AzureWebJobsStorage"

Binding = dict[str, Any]


@dataclass(frozen=True)
class Code:
    """The user's callable, and the names of the arguments that the host passes."""

    name: str
    call: Callable[..., Any]
    argument: str
    takes_context: bool

    def __call__(self, value: object, context: func.Context) -> object:
        arguments = {self.argument: value}
        if self.takes_context:
            arguments[_CONTEXT] = context
        return self.call(**arguments)


@dataclass(frozen=True)
class HttpFunction:
    """``methods`` is empty where any method is accepted."""

    code: Code
    route: str
    methods: frozenset[str]
    level: Level


@dataclass(frozen=True)
class QueueFunction:
    """``binary``: the function wants bytes, so that a body need not be UTF-8."""

    code: Code
    queue: str
    connection: str
    binary: bool


@dataclass(frozen=True)
class TimerFunction:
    code: Code
    schedule: str
    run_on_startup: bool
    use_monitor: bool


@dataclass(frozen=True)
class AppFunctions:
    http: tuple[HttpFunction, ...] = ()
    queues: tuple[QueueFunction, ...] = ()
    timers: tuple[TimerFunction, ...] = ()


def import_app(module_name: str = "function_app") -> func.FunctionApp:
    """Import the module and return its function app; raises ``StartError``."""
    try:
        module = importlib.import_module(module_name)
    except Exception as exc:
        raise StartError(f"{module_name} could not be imported: {type(exc).__name__}: {exc}") from exc
    found = [value for value in vars(module).values() if isinstance(value, func.FunctionApp)]
    if len(found) != 1:
        raise StartError(f"{module_name} must hold exactly one FunctionApp, not {len(found)}")
    return found[0]


def read_functions(app: func.FunctionApp, environment: Mapping[str, str]) -> AppFunctions:
    """Every enabled function; raises ``StartError``. An app can be read once only: its names register."""
    try:
        functions = app.get_functions()
    except ValueError as exc:
        raise StartError(f"the functions could not be read: {exc}") from exc
    http: list[HttpFunction] = []
    queues: list[QueueFunction] = []
    timers: list[TimerFunction] = []
    for function in functions:
        name = str(function.get_function_name())
        if _is_disabled(name, environment):
            continue
        trigger, code = _trigger_and_code(name, function)
        match trigger["type"]:
            case "httpTrigger":
                http.append(_http_function(code, trigger))
            case "queueTrigger":
                queues.append(_queue_function(code, trigger, environment))
            case "timerTrigger":
                timers.append(_timer_function(code, trigger, environment))
            case other:
                raise StartError(f"function {name!r}: the trigger {other!r} is not supported")
    return AppFunctions(tuple(http), tuple(queues), tuple(timers))


def _is_disabled(name: str, environment: Mapping[str, str]) -> bool:
    names = (f"AzureWebJobs.{name}.Disabled", f"AzureWebJobs_{name}_Disabled")
    return any(environment.get(variable, "").lower() in {"1", "true"} for variable in names)


def _trigger_and_code(name: str, function: Any) -> tuple[Binding, Code]:
    if not _NAME.fullmatch(name):
        raise StartError(f"function {name!r}: a name has letters, digits, - and _, and starts with a letter")
    if function.get_settings_dict("retry_policy"):
        raise StartError(f"function {name!r}: retry policies are not supported")
    bindings: list[Binding] = json.loads(function.get_function_json())["bindings"]
    triggers = [binding for binding in bindings if str(binding["type"]).endswith("Trigger")]
    if len(triggers) != 1:
        raise StartError(f"function {name!r}: exactly one trigger is needed, not {len(triggers)}")
    for binding in bindings:
        is_answer = binding["type"] == "http" and binding["name"] == "$return"
        if binding is not triggers[0] and not is_answer:
            raise StartError(f"function {name!r}: the binding {binding['type']!r} is not supported")
    return triggers[0], _code(name, function.get_user_function(), str(triggers[0]["name"]))


def _code(name: str, call: Callable[..., Any], argument: str) -> Code:
    if inspect.iscoroutinefunction(call):
        raise StartError(f"function {name!r}: async functions are not supported")
    parameters = set(inspect.signature(call).parameters)
    if argument not in parameters:
        raise StartError(f"function {name!r}: the trigger's argument {argument!r} is no parameter of it")
    unbound = parameters - {argument, _CONTEXT}
    if unbound:
        raise StartError(f"function {name!r}: nothing is bound to {', '.join(sorted(unbound))}")
    return Code(name, call, argument, takes_context=_CONTEXT in parameters)


def _http_function(code: Code, trigger: Binding) -> HttpFunction:
    methods = frozenset(str(method).upper() for method in trigger.get("methods") or ())
    route = str(trigger.get("route") or code.name).strip("/")
    if route.lower().startswith(("admin", "runtime")):
        raise StartError(f"function {code.name!r}: the route {route!r} belongs to the host")
    return HttpFunction(code, route, methods, Level(str(trigger.get("authLevel", "function")).lower()))


def _queue_function(code: Code, trigger: Binding, environment: Mapping[str, str]) -> QueueFunction:
    queue = resolve_references(str(trigger["queueName"]), environment).lower()
    if not _QUEUE_NAME.fullmatch(queue):
        raise StartError(f"function {code.name!r}: {queue!r} is no name of a queue")
    binary = str(trigger.get("dataType", "")).lower() == "binary"
    return QueueFunction(code, queue, str(trigger.get("connection") or _DEFAULT_CONNECTION), binary)


def _timer_function(code: Code, trigger: Binding, environment: Mapping[str, str]) -> TimerFunction:
    return TimerFunction(
        code,
        schedule=resolve_references(str(trigger["schedule"]), environment),
        run_on_startup=bool(trigger.get("runOnStartup")),
        use_monitor=trigger.get("useMonitor") is not False,
    )
