"""Reading a function app."""

import sys
from pathlib import Path

import azure.functions as func
import pytest

from devhost.context import InvocationContext
from devhost.errors import StartError
from devhost.functions import import_app
from devhost.keys import Level
from tests.unit.devhost.support import functions_of


def answer(req: func.HttpRequest) -> str:
    return "answer"


def consume(msg: func.QueueMessage) -> None:
    return None


def test_an_http_function_is_read() -> None:
    app = func.FunctionApp()
    app.route("jobs/{id}", methods=["GET", "POST"], auth_level=func.AuthLevel.ADMIN)(answer)
    (function,) = functions_of(app).http
    assert (function.code.name, function.route, function.level) == ("answer", "jobs/{id}", Level.ADMIN)
    assert function.methods == {"GET", "POST"}


def test_a_route_defaults_to_the_name_any_method_and_a_function_key() -> None:
    app = func.FunctionApp()
    app.route()(answer)
    (function,) = functions_of(app).http
    assert (function.route, function.methods, function.level) == ("answer", frozenset(), Level.FUNCTION)


def test_the_app_s_own_auth_level_counts_where_a_function_has_none() -> None:
    app = func.FunctionApp(http_auth_level=func.AuthLevel.ANONYMOUS)
    app.route("x")(answer)
    assert functions_of(app).http[0].level is Level.ANONYMOUS


def test_a_queue_function_is_read_and_its_name_resolved() -> None:
    app = func.FunctionApp()
    app.queue_trigger(arg_name="msg", queue_name="%QUEUE%-Tasks", connection="Store")(consume)
    app.route("x")(answer)
    (function,) = functions_of(app, QUEUE="geo").queues
    assert (function.queue, function.connection, function.binary) == ("geo-tasks", "Store", False)


def test_a_queue_function_may_want_bytes() -> None:
    app = func.FunctionApp()
    app.queue_trigger(arg_name="msg", queue_name="tasks", connection="Store", data_type=func.DataType.BINARY)(
        consume
    )
    app.route("x")(answer)
    assert functions_of(app).queues[0].binary


def test_a_timer_function_is_read() -> None:
    app = func.FunctionApp()
    app.timer_trigger(arg_name="msg", schedule="0 * * * * *", run_on_startup=True, use_monitor=False)(consume)
    app.route("x")(answer)
    (function,) = functions_of(app).timers
    assert function.schedule == "0 * * * * *"
    assert function.run_on_startup
    assert not function.use_monitor


def test_functions_of_blueprints_are_read() -> None:
    blueprint = func.Blueprint()
    blueprint.route("x")(answer)
    app = func.FunctionApp()
    app.register_functions(blueprint)
    assert len(functions_of(app).http) == 1


def test_a_function_gets_a_context_if_it_asks() -> None:
    def named(req: func.HttpRequest, context: func.Context) -> str:
        return f"{context.function_name} {context.invocation_id} {context.retry_context.retry_count}"

    app = func.FunctionApp()
    app.route("x")(named)
    code = functions_of(app).http[0].code
    assert code(None, InvocationContext("42", code.name)) == "named 42 0"


def test_a_disabled_function_is_left_out() -> None:
    app = func.FunctionApp()
    app.route("x")(answer)
    assert functions_of(app, **{"AzureWebJobs.answer.Disabled": "true"}).http == ()


def test_an_unsupported_trigger_is_refused() -> None:
    app = func.FunctionApp()
    app.blob_trigger(arg_name="msg", path="a/b", connection="Store")(consume)
    app.route("x")(answer)
    with pytest.raises(StartError, match="blobTrigger"):
        functions_of(app)


def test_an_output_binding_is_refused() -> None:
    def send(req: func.HttpRequest, out: func.Out[str]) -> str:
        return ""

    app = func.FunctionApp()
    app.queue_output(arg_name="out", queue_name="q", connection="Store")(app.route("x")(send))
    with pytest.raises(StartError, match="'send': the binding 'queue'"):
        functions_of(app)


def test_an_async_function_is_refused() -> None:
    async def later(req: func.HttpRequest) -> str:
        return ""

    app = func.FunctionApp()
    app.route("x")(later)
    with pytest.raises(StartError, match="async"):
        functions_of(app)


def test_a_parameter_that_nothing_is_bound_to_is_refused() -> None:
    def wants(req: func.HttpRequest, more: str) -> str:
        return more

    app = func.FunctionApp()
    app.route("x")(wants)
    with pytest.raises(StartError, match="more"):
        functions_of(app)


def test_a_trigger_s_argument_that_is_no_parameter_is_refused() -> None:
    app = func.FunctionApp()
    app.queue_trigger(arg_name="message", queue_name="tasks", connection="Store")(consume)
    app.route("x")(answer)
    with pytest.raises(StartError, match="'message'"):
        functions_of(app)


@pytest.mark.parametrize("route", ["admin/jobs", "administration", "runtime/x"])
def test_a_route_that_belongs_to_the_host_is_refused(route: str) -> None:
    app = func.FunctionApp()
    app.route(route)(answer)
    with pytest.raises(StartError, match="belongs to the host"):
        functions_of(app)


def test_two_functions_of_one_name_are_refused() -> None:
    app = func.FunctionApp()
    app.route("x")(answer)
    app.route("y")(answer)
    with pytest.raises(StartError, match="unique"):
        functions_of(app)


def test_a_module_without_an_app_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "empty_function_app.py").write_text("")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(StartError, match="exactly one FunctionApp"):
        import_app("empty_function_app")
    sys.modules.pop("empty_function_app")


def test_a_module_that_fails_is_refused_with_its_reason(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "broken_function_app.py").write_text("raise RuntimeError('no setting')")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(StartError, match="RuntimeError: no setting"):
        import_app("broken_function_app")
