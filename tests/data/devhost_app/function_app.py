"""A function app to try the local host on; what its functions did is read from the log and over HTTP."""

import logging
import threading

import azure.functions as func

_log = logging.getLogger(__name__)
_never = threading.Event()

app = func.FunctionApp()


@app.route("greet/{name}", methods=["GET"], auth_level=func.AuthLevel.ANONYMOUS)
def greet(req: func.HttpRequest) -> func.HttpResponse:
    return func.HttpResponse(f"hello {req.route_params['name']}")


@app.route("wait", methods=["GET"], auth_level=func.AuthLevel.ANONYMOUS)
def wait(req: func.HttpRequest) -> func.HttpResponse:
    _log.info("waiting began")
    return func.HttpResponse(str(_never.wait(float(req.params["seconds"]))))


@app.route("private", auth_level=func.AuthLevel.FUNCTION)
def private(req: func.HttpRequest) -> func.HttpResponse:
    return func.HttpResponse("private")


@app.queue_trigger(arg_name="msg", queue_name="greetings", connection="AzureWebJobsStorage")
def on_greeting(msg: func.QueueMessage) -> None:
    body = msg.get_body().decode()
    _log.info("greeting received", extra={"body": body, "dequeue_count": msg.dequeue_count})
    if body == "fail":
        raise RuntimeError("told to fail")
    if body.startswith("wait "):
        _never.wait(float(body.removeprefix("wait ")))
    _log.info("greeting handled", extra={"body": body})


@app.timer_trigger(arg_name="timer", schedule="* * * * * *", run_on_startup=True)
def on_time(timer: func.TimerRequest) -> None:
    _log.info("timer ran", extra={"past_due": timer.past_due})
