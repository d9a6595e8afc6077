"""HTTP triggers over real connections."""

import json
import logging
import socket
import threading
from collections.abc import Callable, Iterator

import azure.functions as func
import httpx
import pytest

from devhost.errors import StartError
from devhost.http import HttpLimits, HttpTriggers
from devhost.http_server import HttpServer
from devhost.keys import Keys
from tests.unit.devhost.support import functions_of, running_invocations

KEYS = Keys("function-key", "master-key")
LEVELS = (func.AuthLevel.ANONYMOUS, func.AuthLevel.FUNCTION, func.AuthLevel.ADMIN)
Endpoint = Callable[[func.HttpRequest], object]
Serve = Callable[..., httpx.Client]


@pytest.fixture
def serve() -> Iterator[Serve]:
    """Serves endpoints by route; gives a client for the server."""
    servers: list[HttpServer] = []
    clients: list[httpx.Client] = []
    with running_invocations() as invocations:

        def start(
            route: str,
            endpoint: Endpoint,
            level: func.AuthLevel = func.AuthLevel.ANONYMOUS,
            limits: HttpLimits | None = None,
            **options: object,
        ) -> httpx.Client:
            def call(req: func.HttpRequest) -> object:
                return endpoint(req)

            app = func.FunctionApp()
            app.route(route, auth_level=level, **options)(call)
            triggers = HttpTriggers(functions_of(app).http, "api", KEYS, invocations, limits)
            server = HttpServer(triggers, "127.0.0.1", 0, grace_seconds=1)
            server.start()
            servers.append(server)
            clients.append(httpx.Client(base_url=f"{server.url}/api", timeout=10, trust_env=False))
            return clients[-1]

        yield start
        for client in clients:
            client.close()
        for server in servers:
            server.stop()
        for server in servers:
            server.join(10)


def echo(req: func.HttpRequest) -> func.HttpResponse:
    seen = {
        "method": req.method,
        "url": req.url,
        "params": dict(req.params),
        "route": dict(req.route_params),
        "header": req.headers.get("X-Test"),
        "body": req.get_body().decode(),
    }
    return func.HttpResponse(json.dumps(seen), mimetype="application/json")


def hello(req: func.HttpRequest) -> str:
    return "hello"


def test_a_function_sees_the_whole_request(serve: Serve) -> None:
    client = serve("jobs/{id}", echo)
    response = client.post("/jobs/a%20b?x=1&x=2&empty=&code=k", content=b'{"n": 1}', headers={"X-Test": "t"})
    assert response.json() == {
        "method": "POST",
        "url": f"{client.base_url}jobs/a%20b?x=1&x=2&empty=&code=k",
        "params": {"x": "1,2", "code": "k"},
        "route": {"id": "a b"},
        "header": "t",
        "body": '{"n": 1}',
    }


def test_a_response_is_given_back_as_it_is(serve: Serve) -> None:
    def respond(req: func.HttpRequest) -> func.HttpResponse:
        headers = {"Location": "/x", "X-Correlation-ID": "c", "Set-Cookie": "a=1; Path=/"}
        return func.HttpResponse(b"\x00\xff", status_code=202, headers=headers, mimetype="image/tiff")

    response = serve("x", respond).get("/x")
    assert response.status_code == 202
    assert response.content == b"\x00\xff"
    assert response.headers["Content-Type"] == "image/tiff"
    assert response.headers["Location"] == "/x"
    assert response.headers["X-Correlation-ID"] == "c"
    assert response.cookies["a"] == "1"


def test_text_types_get_their_charset(serve: Serve) -> None:
    response = serve("x", lambda _: func.HttpResponse("ü")).get("/x")
    assert response.headers["Content-Type"] == "text/plain; charset=utf-8"
    assert response.text == "ü"


def test_a_returned_text_is_a_response(serve: Serve) -> None:
    response = serve("x", hello).get("/x")
    assert (response.status_code, response.text) == (200, "hello")


def test_nothing_returned_is_no_content(serve: Serve) -> None:
    assert serve("x", lambda _: None).get("/x").status_code == 204


@pytest.mark.parametrize("path", ["/y", "/x/y", "", "/../x"])
def test_an_unknown_path_is_not_found(serve: Serve, path: str) -> None:
    assert serve("x", hello).get(path).status_code == 404


def test_another_method_is_not_found(serve: Serve) -> None:
    client = serve("x", hello, methods=["POST"])
    assert [client.get("/x").status_code, client.post("/x").status_code] == [404, 200]


def test_without_methods_any_is_accepted(serve: Serve) -> None:
    client = serve("x", hello)
    assert {client.request(method, "/x").status_code for method in ("GET", "PUT", "DELETE", "HEAD")} == {200}


@pytest.mark.parametrize(
    ("level", "key", "status"),
    [
        (LEVELS[0], None, 200),
        (LEVELS[1], None, 401),
        (LEVELS[1], "wrong", 401),
        (LEVELS[1], "function-key", 200),
        (LEVELS[1], "master-key", 200),
        (LEVELS[2], "function-key", 401),
        (LEVELS[2], "master-key", 200),
    ],
)
def test_a_key_is_needed_in_header_or_query(
    serve: Serve, level: func.AuthLevel, key: str | None, status: int
) -> None:
    client = serve("x", hello, level)
    by_header = client.get("/x", headers={"x-functions-key": key} if key else {})
    by_query = client.get("/x", params={"code": key} if key else {})
    assert [by_header.status_code, by_query.status_code] == [status, status]
    assert status == 200 or by_header.content == b""


def test_a_raised_error_is_an_empty_500_and_on_the_log(
    serve: Serve, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(req: func.HttpRequest) -> str:
        raise RuntimeError("secret detail")

    with caplog.at_level(logging.ERROR):
        response = serve("x", fail).get("/x")
    assert (response.status_code, response.content) == (500, b"")
    assert [record.message for record in caplog.records] == ["function failed"]


def test_what_is_no_response_is_a_500(serve: Serve) -> None:
    assert serve("x", lambda _: 42).get("/x").status_code == 500


def test_a_body_of_the_allowed_size_is_taken(serve: Serve) -> None:
    client = serve("x", lambda req: str(len(req.get_body())), limits=HttpLimits(max_body_bytes=1000))
    assert client.post("/x", content=b"a" * 1000).text == "1000"


def test_a_larger_body_is_refused_by_its_length(serve: Serve) -> None:
    client = serve("x", hello, limits=HttpLimits(max_body_bytes=1000))
    assert client.post("/x", content=b"a" * 1001).status_code == 413


def test_a_larger_body_of_unknown_length_is_refused(serve: Serve) -> None:
    client = serve("x", hello, limits=HttpLimits(max_body_bytes=1000))
    response = client.post("/x", content=iter([b"a" * 600, b"a" * 600]))
    assert response.status_code == 413


def test_a_caller_gets_504_when_the_function_takes_too_long(serve: Serve) -> None:
    released = threading.Event()
    client = serve("x", lambda _: str(released.wait(10)), limits=HttpLimits(timeout=0.1))
    assert client.get("/x").status_code == 504
    released.set()


def test_requests_run_side_by_side(serve: Serve) -> None:
    barrier = threading.Barrier(2)
    client = serve("x", lambda _: str(barrier.wait(10) >= 0))
    answers: list[str] = []
    threads = [threading.Thread(target=lambda: answers.append(client.get("/x").text)) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10)
    assert answers == ["True", "True"]


def test_no_answer_waits_for_the_caller_to_acknowledge_its_headers() -> None:
    with running_invocations() as invocations:
        server = HttpServer(HttpTriggers((), "api", KEYS, invocations), "127.0.0.1", 0, grace_seconds=1)
        with socket.create_connection(server._socket.getsockname()[:2], timeout=10):
            accepted, _ = server._socket.accept()
            with accepted:
                assert accepted.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY) != 0
        server.join(0)


def test_a_port_in_use_is_named() -> None:
    with running_invocations() as invocations:
        triggers = HttpTriggers((), "api", KEYS, invocations)
        server = HttpServer(triggers, "127.0.0.1", 0, grace_seconds=1)
        port = int(server.url.rsplit(":", 1)[1])
        with pytest.raises(StartError, match=f"port {port}"):
            HttpServer(triggers, "127.0.0.1", port, grace_seconds=1)
        server.join(0)


def test_two_functions_of_one_route_and_method_are_refused() -> None:
    app = func.FunctionApp()
    app.function_name("one")(app.route("x", methods=["GET"])(hello))
    app.function_name("two")(app.route("X", methods=["GET", "POST"])(hello))
    with running_invocations() as invocations, pytest.raises(StartError, match="'one' and 'two'"):
        HttpTriggers(functions_of(app).http, "api", KEYS, invocations)
